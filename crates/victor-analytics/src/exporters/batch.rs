//! An exporter that is sent smaller batches.

use async_trait::async_trait;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportErrorKind, ExportResult, RejectedEvent,
};
use victor_core::with_causes;

/// Sends batches to another exporter in parts, none of which has too many events or bytes. An event that is too large
/// by itself is a part by itself.
///
/// ```
/// use victor_analytics::{BatchExporter, ConsoleExporter};
///
/// let small = BatchExporter::new(ConsoleExporter::stderr()).with_events(100).with_bytes(1 << 20);
/// ```
#[derive(Debug)]
pub struct BatchExporter<E> {
    inner: E,
    events: usize,
    bytes: usize,
}

impl<E> BatchExporter<E> {
    /// Sends batches to `inner` as they come, until a limit is set.
    pub fn new(inner: E) -> Self {
        Self {
            inner,
            events: usize::MAX,
            bytes: usize::MAX,
        }
    }

    /// Sets the maximum number of events of a part, and at least one.
    #[must_use]
    pub fn with_events(mut self, events: usize) -> Self {
        self.events = events.max(1);
        self
    }

    /// Sets the maximum size of a part in bytes of JSON.
    #[must_use]
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Returns the number of events of the first part.
    fn first_part(&self, events: &[AnalyticsEvent]) -> usize {
        let most = self.events.min(events.len());
        if self.bytes == usize::MAX {
            return most;
        }
        let mut bytes = 0_usize;
        let fits = |event: &&AnalyticsEvent| {
            // What cannot be written is for the exporter to tell; a comma or a line's end stands between two.
            let size = serde_json::to_vec(event).map_or(0, |json| json.len());
            bytes = bytes.saturating_add(size + 1);
            bytes <= self.bytes
        };
        events[..most].iter().take_while(fits).count().max(1)
    }
}

#[async_trait]
impl<E: AnalyticsExporter> AnalyticsExporter for BatchExporter<E> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let (mut rest, mut arrived, mut rejected) = (events, 0, Vec::new());
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(self.first_part(rest));
            match self.inner.export(part).await {
                Ok(result) if result.success => {
                    arrived += part.len().saturating_sub(result.rejected.len());
                    rejected.extend(result.rejected);
                }
                Ok(result) => {
                    rejected.extend(result.rejected);
                    let count = arrived + result.exported_count.min(part.len());
                    let error = result
                        .error
                        .unwrap_or_else(|| "not all events arrived".into());
                    return Ok(ExportResult::failed(count, error).with_rejected(rejected));
                }
                Err(error) if error.kind == ExportErrorKind::Permanent => {
                    let reason = with_causes(&error);
                    rejected.extend(
                        part.iter()
                            .map(|event| RejectedEvent::new(event.id, &*reason)),
                    );
                }
                // Nothing of the whole batch has arrived.
                Err(error) if rest.len() == events.len() => return Err(error),
                Err(error) => {
                    let result = ExportResult::failed(arrived, with_causes(&error));
                    return Ok(result.with_rejected(rejected));
                }
            }
            rest = behind;
        }
        Ok(ExportResult::exported(arrived).with_rejected(rejected))
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}
