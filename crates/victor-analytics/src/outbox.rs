//! The way into the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, EventOutbox, EventStoreError, ExportError, ExportResult,
};
use victor_core::Lock;

/// Writes events into the outbox, as an exporter does. It makes the exporters known first, so that none misses an
/// event.
#[derive(Debug)]
pub(crate) struct OutboxWriter {
    outbox: Arc<dyn EventOutbox>,
    /// Names of exporters that the outbox does not know yet.
    unknown: Lock<Vec<String>>,
    /// Number of events that the outbox has dropped.
    dropped: AtomicU64,
}

impl OutboxWriter {
    pub(crate) fn new(outbox: Arc<dyn EventOutbox>) -> Self {
        Self {
            outbox,
            unknown: Lock::default(),
            dropped: 0.into(),
        }
    }

    pub(crate) fn outbox(&self) -> &Arc<dyn EventOutbox> {
        &self.outbox
    }

    pub(crate) fn register(&self, exporter: &str) {
        self.unknown.lock().push(exporter.to_owned());
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    async fn write(&self, events: &[AnalyticsEvent]) -> Result<(), EventStoreError> {
        loop {
            let Some(exporter) = self.unknown.lock().last().cloned() else {
                break;
            };
            self.outbox.register(&exporter).await?;
            self.unknown.lock().retain(|unknown| *unknown != exporter);
        }
        let dropped = self.outbox.append(events).await?;
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl AnalyticsExporter for OutboxWriter {
    fn name(&self) -> &str {
        "outbox"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        match self.write(events).await {
            Ok(()) => Ok(ExportResult::exported(events.len())),
            Err(error) => {
                let failed = ExportError::new(error.message);
                Err(match error.source {
                    Some(source) => failed.with_source(source),
                    None => failed,
                })
            }
        }
    }
}
