//! An exporter that keeps what it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker, ExportError, ExportErrorKind,
    ExportResult, RejectedEvent,
};
use victor_core::Lock;

use super::super::guarded;
use super::super::puppet::{Act, perform};
use crate::Puppet;

/// Keeps what it is sent, and notices what should not be.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) name: &'static str,
    pub(super) puppet: Puppet<Act>,
    events: Lock<Vec<AnalyticsEvent>>,
    overlaps: AtomicUsize,
    shutdowns: AtomicUsize,
    late_calls: AtomicUsize,
}

impl Sink {
    pub(super) fn add<T: AnalyticsTracker>(tracker: &T, name: &'static str) -> Arc<Self> {
        let (events, overlaps, shutdowns, late_calls) = Default::default();
        let sink = Arc::new(Self {
            name,
            puppet: Puppet::new(Act::Works),
            events,
            overlaps,
            shutdowns,
            late_calls,
        });
        guarded(|| tracker.add_exporter(sink.clone()));
        sink
    }

    pub(super) fn events(&self) -> Vec<AnalyticsEvent> {
        self.events.lock().clone()
    }

    /// The kinds of the events that have arrived.
    pub(super) fn arrived(&self) -> Vec<String> {
        let events = self.events();
        (events.into_iter())
            .map(|event| event.event_type.into_owned())
            .collect()
    }

    /// Returns the number of batches that came while another was under way.
    pub(super) fn overlaps(&self) -> usize {
        self.overlaps.load(Ordering::SeqCst)
    }

    pub(super) fn shutdowns(&self) -> usize {
        self.shutdowns.load(Ordering::SeqCst)
    }

    /// Returns the number of batches that came after the end.
    pub(super) fn late_calls(&self) -> usize {
        self.late_calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl AnalyticsExporter for Sink {
    fn name(&self) -> &str {
        self.name
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        if self.shutdowns() > 0 {
            self.late_calls.fetch_add(1, Ordering::SeqCst);
        }
        if self.puppet.running() > 0 {
            self.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        let (taken, result) = match perform(&self.puppet).await {
            Act::Fails => return Err(ExportError::new("it is broken")),
            Act::Rubbish("gives up") => {
                let error = ExportError::new("it is no event");
                return Err(error.with_kind(ExportErrorKind::Permanent));
            }
            Act::Rubbish("takes few") if events.len() > 2 => {
                let error = ExportError::new("it is too much");
                return Err(error.with_kind(ExportErrorKind::TooLarge));
            }
            Act::Rubbish("takes few") => (events.len(), ExportResult::exported(events.len())),
            // It never takes the first event.
            Act::Rubbish("rejects") => {
                let rejected = events.iter().take(1);
                let rejected = rejected.map(|event| RejectedEvent::new(event.id, "it is no event"));
                let result = ExportResult::exported(events.len().saturating_sub(1));
                self.events
                    .lock()
                    .extend_from_slice(&events[1.min(events.len())..]);
                return Ok(result.with_rejected(rejected));
            }
            Act::Rubbish("takes one") => (1, ExportResult::failed(1, "it is full")),
            // It claims more than there was.
            Act::Rubbish(_) => (
                events.len(),
                ExportResult::failed(events.len() + 7, "it is full"),
            ),
            _ => (events.len(), ExportResult::exported(events.len())),
        };
        let mut kept = self.events.lock();
        kept.extend_from_slice(&events[..taken.min(events.len())]);
        Ok(result)
    }

    async fn shutdown(&self) {
        self.shutdowns.fetch_add(1, Ordering::SeqCst);
        perform(&self.puppet).await;
    }
}
