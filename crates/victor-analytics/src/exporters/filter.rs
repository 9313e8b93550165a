//! Exporters that are sent some of the events.

use std::fmt;

use async_trait::async_trait;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};

use super::part::of_batch;

type Keep = Box<dyn Fn(&AnalyticsEvent) -> bool + Send + Sync>;

/// Sends those events to another exporter that a condition chooses. The others count as exported.
///
/// ```
/// use victor_analytics::{ConsoleExporter, FilterExporter};
///
/// // Only what tools did.
/// let tools = FilterExporter::new(ConsoleExporter::stderr(), |event| {
///     event.event_type.starts_with("tool_call_")
/// });
/// ```
pub struct FilterExporter<E> {
    inner: E,
    keep: Keep,
}

impl<E> FilterExporter<E> {
    /// Sends events to `inner` for which `keep` holds.
    pub fn new(inner: E, keep: impl Fn(&AnalyticsEvent) -> bool + Send + Sync + 'static) -> Self {
        Self {
            inner,
            keep: Box::new(keep),
        }
    }

    /// Sends the events of a share of all sessions, from 0 to 1. A session is in the share with all of its events or
    /// with none, in every process the same; an event without a session goes by its own identifier.
    pub fn sample(inner: E, share: f64) -> Self {
        Self::new(inner, move |event| {
            let hash = match &event.session_id {
                Some(session) => hash(session.as_str().as_bytes()),
                None => hash(&event.id.as_u128().to_be_bytes()),
            };
            // The upper half of the bits is a fraction between 0 and 1.
            f64::from((hash >> 32) as u32) / f64::from(u32::MAX) < share || share >= 1.0
        })
    }
}

/// FNV-1a (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>), and then the finalizer of MurmurHash3, since
/// the upper bits of the former hardly differ for names that differ at their ends. It never changes.
fn hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl<E: fmt::Debug> fmt::Debug for FilterExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FilterExporter").field(&self.inner).finish()
    }
}

#[async_trait]
impl<E: AnalyticsExporter> AnalyticsExporter for FilterExporter<E> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let places: Vec<usize> = (0..events.len())
            .filter(|place| (self.keep)(&events[*place]))
            .collect();
        if places.is_empty() {
            return Ok(ExportResult::exported(events.len()));
        }
        let kept: Vec<_> = places.iter().map(|place| events[*place].clone()).collect();
        let result = self.inner.export(&kept).await?;
        Ok(of_batch(result, &places, events.len()))
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn a_share_of_the_sessions_is_that_large() {
        for share in [0.01, 0.1, 0.5] {
            let is_in = |number: &u32| {
                let hash = hash(format!("session-{number}").as_bytes());
                f64::from((hash >> 32) as u32) / f64::from(u32::MAX) < share
            };
            let count = (0..100_000).filter(is_in).count() as f64 / 100_000.0;
            assert!((count - share).abs() < 0.01, "{count} of {share}");
        }
        assert_eq!(hash(b"docs-456"), hash(b"docs-456"));
    }
}
