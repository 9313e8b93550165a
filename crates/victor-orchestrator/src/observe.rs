//! What analytics and traces hear of a turn.

use serde_json::json;
use victor_analytics_protocol::AnalyticsEvent;
use victor_chat_protocol::{TurnEvent, TurnEventKind};

/// What analytics hears of an event: what was done, how long it took and what it cost, but nothing of what was said.
/// Of pieces of answers, which come by the hundred, it hears nothing.
pub(crate) fn analytics_event(event: &TurnEvent) -> Option<AnalyticsEvent> {
    let data = match &event.kind {
        TurnEventKind::TextDelta(_) | TurnEventKind::ThinkingDelta(_) => return None,
        TurnEventKind::TurnStarted(started) => json!({ "resumed": started.resumed }),
        TurnEventKind::ContextCompacted(compacted) => json!({
            "strategy": compacted.strategy,
            "messages_before": compacted.messages_before,
            "messages_after": compacted.messages_after,
            "tokens_before": compacted.tokens_before,
            "tokens_after": compacted.tokens_after,
        }),
        TurnEventKind::ModelCallStarted(started) => json!({ "number": started.number }),
        TurnEventKind::ModelCallRetried(notice) => json!({
            "attempt": notice.attempt,
            "error": notice.kind,
            "delay_ms": u64::try_from(notice.delay.as_millis()).unwrap_or(u64::MAX),
        }),
        TurnEventKind::ModelCallFinished(finished) => json!({
            "number": finished.number,
            "model": finished.model,
            "stop_reason": finished.stop_reason,
            "usage": finished.usage,
            "elapsed_us": finished.elapsed_us,
        }),
        TurnEventKind::ToolCallStarted(started) => {
            json!({ "tool": started.call.name, "call": started.call.id })
        }
        TurnEventKind::ToolCallFinished(finished) => json!({
            "tool": finished.result.name,
            "call": finished.result.call_id,
            "outcome": finished.result.outcome,
            "elapsed_us": finished.elapsed_us,
        }),
        TurnEventKind::ApprovalRequested(requested) => {
            json!({ "tools": requested.approvals.iter().map(|asked| &asked.call.name).collect::<Vec<_>>() })
        }
        TurnEventKind::Notice(notice) => json!({ "part": notice.part, "message": notice.message }),
        TurnEventKind::TurnFinished(finished) => json!({
            "outcome": finished.response.outcome,
            "model_calls": finished.response.model_calls,
            "usage": finished.response.usage,
        }),
        TurnEventKind::TurnFailed(failed) => {
            json!({ "error": failed.message, "usage": failed.usage })
        }
        _ => json!({}),
    };
    let mut analytics = AnalyticsEvent::new(event.kind.kind()).with("turn", event.turn.to_string());
    analytics.timestamp = event.at;
    if let serde_json::Value::Object(data) = data {
        analytics.data.extend(data);
    }
    Some(analytics)
}

/// Writes an event to the log, where somebody listens.
pub(crate) fn trace(event: &TurnEvent) {
    if event.kind.is_delta() {
        tracing::trace!(target: "victor::turn", session = %event.session, turn = %event.turn, event = event.kind.kind());
    } else {
        tracing::debug!(target: "victor::turn", session = %event.session, turn = %event.turn, event = event.kind.kind());
    }
}
