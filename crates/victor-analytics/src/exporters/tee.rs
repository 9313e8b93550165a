//! Several exporters as one.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportErrorKind, ExportResult, RejectedEvent,
};
use victor_core::{EventId, Lock, contain, with_causes};
use victor_guard::join_all;

/// Sends events to several exporters side by side, as one exporter with one queue, for which decorators hold together.
///
/// A batch has arrived when all have it; one that some have not is sent again to those alone. The slowest holds up the
/// others: exporters that should not feel each other are each added to the coordinator.
///
/// ```
/// use std::sync::Arc;
///
/// use victor_analytics::{ConsoleExporter, JsonLinesExporter, RedactExporter, Redactor, TeeExporter};
///
/// let both = TeeExporter::new("logs", [
///     Arc::new(ConsoleExporter::stderr()),
///     Arc::new(JsonLinesExporter::new("events.jsonl")),
/// ]);
/// let clean = RedactExporter::new(both, Redactor::default());
/// ```
#[derive(Debug)]
pub struct TeeExporter {
    name: String,
    arms: Vec<Arm>,
}

#[derive(Debug)]
struct Arm {
    exporter: Arc<dyn AnalyticsExporter>,
    /// The events that this exporter is done with and another one is not, with the reason if it has rejected them.
    done: Lock<HashMap<EventId, Option<String>>>,
}

impl TeeExporter {
    /// Joins exporters under a name.
    pub fn new<const N: usize>(
        name: impl Into<String>,
        exporters: [Arc<dyn AnalyticsExporter>; N],
    ) -> Self {
        let arm = |exporter| Arm {
            exporter,
            done: Lock::default(),
        };
        Self {
            name: name.into(),
            arms: exporters.into_iter().map(arm).collect(),
        }
    }
}

impl Arm {
    /// Exports what is not done, and returns what is wrong.
    async fn export(&self, events: &[AnalyticsEvent]) -> Option<ExportError> {
        let todo: Vec<_> = {
            let done = self.done.lock();
            let is_open = |event: &&AnalyticsEvent| !done.contains_key(&event.id);
            events.iter().filter(is_open).cloned().collect()
        };
        if todo.is_empty() {
            return None;
        }
        let (dealt, rejected, error) = match contain(self.exporter.export(&todo)).await {
            Ok(Ok(result)) => {
                let claimed = result.exported_count.saturating_add(result.rejected.len());
                let dealt = if result.success {
                    todo.len()
                } else {
                    claimed.min(todo.len())
                };
                let error = result
                    .error
                    .filter(|_| !result.success)
                    .map(ExportError::new);
                (dealt, result.rejected, error)
            }
            Ok(Err(error)) if error.kind == ExportErrorKind::Permanent => {
                let reason = with_causes(&error);
                let reject = |event: &AnalyticsEvent| RejectedEvent::new(event.id, &*reason);
                (todo.len(), todo.iter().map(reject).collect(), None)
            }
            Ok(Err(error)) => (0, Vec::new(), Some(error)),
            Err(panicked) => (0, Vec::new(), Some(ExportError::new(panicked.to_string()))),
        };
        let mut done = self.done.lock();
        done.extend(todo[..dealt].iter().map(|event| (event.id, None)));
        for rejected in rejected {
            if let Some(reason) = done.get_mut(&rejected.id) {
                *reason = Some(rejected.reason);
            }
        }
        let left = (dealt < todo.len()).then(|| ExportError::new("not all events arrived"));
        error.or(left).map(|mut error| {
            error.message = format!("{}: {}", self.exporter.name(), error.message);
            error
        })
    }
}

#[async_trait]
impl AnalyticsExporter for TeeExporter {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let errors = join_all(self.arms.iter().map(|arm| arm.export(events))).await;
        let everybody_has = |event: &&AnalyticsEvent| {
            self.arms
                .iter()
                .all(|arm| arm.done.lock().contains_key(&event.id))
        };
        let dealt = events.iter().take_while(everybody_has).count();
        let mut rejected: HashMap<EventId, String> = HashMap::new();
        for arm in &self.arms {
            let mut done = arm.done.lock();
            for event in &events[..dealt] {
                if let Some(Some(reason)) = done.remove(&event.id) {
                    let reason = format!("{}: {reason}", arm.exporter.name());
                    rejected.entry(event.id).or_insert(reason);
                }
            }
            // What is no longer sent here was dropped on its way, so this does not grow.
            done.retain(|id, _| events[dealt..].iter().any(|event| event.id == *id));
        }
        let arrived = dealt - rejected.len();
        let rejected = rejected
            .into_iter()
            .map(|(id, reason)| RejectedEvent::new(id, reason));
        match errors.into_iter().flatten().next() {
            None => Ok(ExportResult::exported(arrived).with_rejected(rejected)),
            Some(error) if dealt == 0 => Err(error),
            Some(error) => {
                Ok(ExportResult::failed(arrived, with_causes(&error)).with_rejected(rejected))
            }
        }
    }

    async fn shutdown(&self) {
        join_all(self.arms.iter().map(|arm| contain(arm.exporter.shutdown()))).await;
    }
}
