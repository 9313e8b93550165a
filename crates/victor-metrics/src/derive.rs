//! The measurements that follow from an event.

use victor_chat_protocol::{ModelCallFinished, TurnEvent, TurnEventKind};
use victor_core::ToolOutcome;

use crate::measures::{Count, Distribution};

/// Label of the tools that were called, never ran and are perhaps none.
const UNKNOWN_TOOL: &str = "unknown";

/// The shortest time from which a speed is computed, in microseconds. What comes within less has come at once.
const LEAST_SPAN: u64 = 1_000;

/// Destination of measurements: those of all sessions, or those of one.
pub(crate) trait Sink {
    /// Counts `number` more. A measurement with fewer than two labels leaves the others empty.
    fn count(&mut self, count: Count, labels: [&str; 2], number: u64);

    fn record(&mut self, distribution: Distribution, label: &str, value: u64);

    /// Whether a tool of this name has run.
    fn knows_tool(&self, name: &str) -> bool;
}

/// Writes what an event says.
pub(crate) fn derive(event: &TurnEvent, sink: &mut impl Sink) {
    match &event.kind {
        TurnEventKind::TurnStarted(_) => sink.count(Count::TurnsStarted, [""; 2], 1),
        TurnEventKind::TurnFinished(finished) => {
            sink.count(Count::Turns, [finished.response.outcome.as_str(), ""], 1);
            sink.record(Distribution::TurnDuration, "", finished.elapsed_us);
        }
        TurnEventKind::TurnFailed(failed) => {
            sink.count(Count::Turns, ["failed", ""], 1);
            sink.count(Count::TurnErrors, [&failed.coordinator, &failed.class], 1);
            sink.record(Distribution::TurnDuration, "", failed.elapsed_us);
        }
        TurnEventKind::ModelCallFinished(finished) => model_call(finished, sink),
        TurnEventKind::ModelCallWaiting(notice) => {
            sink.count(Count::QueueWaits, [&notice.target, ""], 1);
        }
        TurnEventKind::ModelCallRetried(notice) => {
            let target = notice.target.as_deref().unwrap_or_default();
            sink.count(Count::ModelRetries, [target, notice.kind.as_str()], 1);
            if let Some(next) = &notice.next_target {
                sink.count(Count::Failovers, [target, next], 1);
            }
        }
        TurnEventKind::TextWithdrawn(_) => sink.count(Count::Withdrawals, [""; 2], 1),
        TurnEventKind::ToolCallFinished(finished) => {
            let result = &finished.result;
            let is_rejected = result.outcome == ToolOutcome::Rejected;
            let tool = if is_rejected && !sink.knows_tool(&result.name) {
                UNKNOWN_TOOL
            } else {
                &result.name
            };
            sink.count(Count::ToolCalls, [tool, result.outcome.as_str()], 1);
            if finished.elapsed_us > 0 && !is_rejected {
                sink.record(Distribution::ToolDuration, tool, finished.elapsed_us);
            }
        }
        TurnEventKind::ApprovalRequested(requested) => {
            sink.count(Count::Approvals, [""; 2], requested.approvals.len() as u64);
        }
        TurnEventKind::ContextCompacted(compacted) => {
            sink.count(Count::Compactions, [&compacted.strategy, ""], 1);
            let freed = (compacted.tokens_before).saturating_sub(compacted.tokens_after);
            sink.count(Count::CompactedTokens, [""; 2], freed);
        }
        TurnEventKind::ModeSwitched(switched) => {
            sink.count(Count::ModeSwitches, [&switched.to, ""], 1);
        }
        TurnEventKind::Notice(notice) => sink.count(Count::Notices, [&notice.component, ""], 1),
        _ => {}
    }
}

fn model_call(finished: &ModelCallFinished, sink: &mut impl Sink) {
    let model = finished.model.as_str();
    let stop_reason = finished.stop_reason.as_str();
    sink.count(Count::ModelCalls, [model, stop_reason], 1);
    sink.record(Distribution::ModelCallDuration, model, finished.elapsed_us);
    if let Some(first) = finished.first_token_us {
        sink.record(Distribution::FirstToken, model, first);
    }
    let written = finished
        .elapsed_us
        .saturating_sub(finished.first_token_us.unwrap_or(0));
    let tokens = finished.usage.output;
    if tokens > 0 && written >= LEAST_SPAN {
        let rate = u128::from(tokens) * 1_000_000 / u128::from(written);
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        sink.record(Distribution::TokenRate, model, rate);
    }
    if finished.queued_us > 0 {
        sink.record(Distribution::QueueWait, "", finished.queued_us);
    }
}
