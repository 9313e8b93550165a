//! What analytics, traces and the context hear of a turn.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use victor_analytics_protocol::{AnalyticsEvent, EventData};
use victor_chat_protocol::{TurnEvent, TurnEventKind};
use victor_context_protocol::ContextManager;
use victor_core::{TurnId, contain_sync};

/// What analytics hears of an event: what was done, how long it took and what it cost, but nothing of what was said.
pub(crate) fn analytics_event(event: &TurnEvent) -> AnalyticsEvent {
    let mut analytics = AnalyticsEvent::new(event.kind.kind());
    analytics.timestamp = event.at;
    // Nothing that is said here can fail to be JSON.
    analytics.data = EventData::of(&Said(event.turn, &event.kind)).unwrap_or_default();
    analytics
}

/// What is said of an event of a turn.
struct Said<'a>(TurnId, &'a TurnEventKind);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("turn", &self.0)?;
        match self.1 {
            TurnEventKind::TurnStarted(started) => {
                fields.serialize_entry("resumed", &started.resumed)?;
            }
            TurnEventKind::ContextCompacted(compacted) => {
                fields.serialize_entry("strategy", &compacted.strategy)?;
                fields.serialize_entry("messages_before", &compacted.messages_before)?;
                fields.serialize_entry("messages_after", &compacted.messages_after)?;
                fields.serialize_entry("tokens_before", &compacted.tokens_before)?;
                fields.serialize_entry("tokens_after", &compacted.tokens_after)?;
            }
            TurnEventKind::ModelCallStarted(started) => {
                fields.serialize_entry("number", &started.number)?;
            }
            TurnEventKind::ModelCallRetried(notice) => {
                fields.serialize_entry("attempt", &notice.attempt)?;
                fields.serialize_entry("error", &notice.kind)?;
                let delay = u64::try_from(notice.delay.as_millis()).unwrap_or(u64::MAX);
                fields.serialize_entry("delay_ms", &delay)?;
            }
            TurnEventKind::ModelCallFinished(finished) => {
                fields.serialize_entry("number", &finished.number)?;
                fields.serialize_entry("model", &finished.model)?;
                fields.serialize_entry("stop_reason", &finished.stop_reason)?;
                fields.serialize_entry("usage", &finished.usage)?;
                fields.serialize_entry("elapsed_us", &finished.elapsed_us)?;
            }
            TurnEventKind::ToolCallStarted(started) => {
                fields.serialize_entry("tool", &started.call.name)?;
                fields.serialize_entry("call", &started.call.id)?;
            }
            TurnEventKind::ToolCallProgressed(progressed) => {
                fields.serialize_entry("call", &progressed.call)?;
            }
            TurnEventKind::ModeSwitched(switched) => {
                fields.serialize_entry("from", &switched.from)?;
                fields.serialize_entry("to", &switched.to)?;
                fields.serialize_entry("by", &switched.by)?;
            }
            TurnEventKind::ToolCallFinished(finished) => {
                fields.serialize_entry("tool", &finished.result.name)?;
                fields.serialize_entry("call", &finished.result.call_id)?;
                fields.serialize_entry("outcome", &finished.result.outcome)?;
                fields.serialize_entry("elapsed_us", &finished.elapsed_us)?;
            }
            TurnEventKind::ApprovalRequested(requested) => {
                let asked = requested.approvals.iter().map(|asked| &asked.call.name);
                fields.serialize_entry("tools", &asked.collect::<Vec<_>>())?;
            }
            TurnEventKind::Notice(notice) => {
                fields.serialize_entry("part", &notice.part)?;
                fields.serialize_entry("message", &notice.message)?;
            }
            TurnEventKind::TurnFinished(finished) => {
                fields.serialize_entry("outcome", &finished.response.outcome)?;
                fields.serialize_entry("model_calls", &finished.response.model_calls)?;
                fields.serialize_entry("usage", &finished.response.usage)?;
            }
            TurnEventKind::TurnFailed(failed) => {
                fields.serialize_entry("error", &failed.message)?;
                fields.serialize_entry("usage", &failed.usage)?;
            }
            _ => {}
        }
        fields.end()
    }
}

/// Tells the context what providers report about its requests.
#[derive(Debug)]
pub(crate) struct Reports {
    context: Arc<dyn ContextManager>,
    /// Whether the call that runs had an attempt that failed. Its usage has that one too, and tells nothing of a request.
    retried: bool,
}

impl Reports {
    pub(crate) fn new(context: Arc<dyn ContextManager>) -> Self {
        Self {
            context,
            retried: false,
        }
    }

    pub(crate) fn hear(&mut self, event: &TurnEvent) {
        match &event.kind {
            TurnEventKind::ModelCallStarted(_) => self.retried = false,
            TurnEventKind::ModelCallRetried(_) => self.retried = true,
            TurnEventKind::ModelCallFinished(finished) if !self.retried => {
                // A sum over rounds on the provider's side is not the size of a request.
                let reported = finished.context_tokens;
                let reported = reported.unwrap_or_else(|| finished.usage.input_tokens());
                let context = &self.context;
                // What a coordinator makes of the report is not felt by the turn.
                let _ = contain_sync(|| {
                    context.observe_usage(&event.session, &finished.model, reported);
                });
            }
            _ => {}
        }
    }
}

/// Writes an event to the log, where somebody listens.
pub(crate) fn trace(event: &TurnEvent) {
    if event.kind.is_delta() {
        tracing::trace!(target: "victor::turn", session = %event.session, turn = %event.turn, event = event.kind.kind());
    } else {
        tracing::debug!(target: "victor::turn", session = %event.session, turn = %event.turn, event = event.kind.kind());
    }
}
