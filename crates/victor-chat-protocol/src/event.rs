//! The events of a turn.

mod body;

use serde::{Deserialize, Serialize};
use victor_core::wire::FormatVersion;
use victor_core::{SessionId, Timestamp, TurnId};
use victor_provider_protocol::{RetryNotice, WaitNotice};

pub use self::body::{
    ApprovalRequested, ContextCompacted, Delta, ModeSwitched, ModelCallFinished, ModelCallStarted,
    Notice, PromptUsed, TextWithdrawn, ThinkingDelta, ToolCallFinished, ToolCallProgressed,
    ToolCallStarted, TurnFailed, TurnFinished, TurnStarted,
};

/// Something that happened in a turn.
///
/// Events are the one source of observation: analytics, metrics and traces are made from the events that `stream_chat`
/// yields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnEvent {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The number of the event in its turn, from 0, without gaps.
    pub sequence: u64,
    /// The time at which it happened.
    pub at: Timestamp,
    /// The kind of event.
    #[serde(flatten)]
    pub kind: TurnEventKind,
}

impl TurnEvent {
    /// Creates an event that happens now.
    #[must_use]
    pub fn new(
        session: SessionId,
        turn: TurnId,
        sequence: u64,
        kind: impl Into<TurnEventKind>,
    ) -> Self {
        Self {
            version: FormatVersion,
            session,
            turn,
            sequence,
            at: Timestamp::now(),
            kind: kind.into(),
        }
    }

    /// Returns the text that a person should see: that of a text delta, and nothing for all other events.
    #[must_use]
    pub fn content(&self) -> &str {
        match &self.kind {
            TurnEventKind::TextDelta(delta) => &delta.text,
            _ => "",
        }
    }
}

victor_core::open_enum! {
    /// The kind of an event, with its body.
    #[derive(Debug, Clone, PartialEq)]
    pub enum TurnEventKind tagged "event" {
        /// The turn has begun.
        "turn_started" => TurnStarted(TurnStarted),
        /// The system prompt was made from stored prompts.
        "prompt_used" => PromptUsed(PromptUsed),
        /// The context was compacted.
        "context_compacted" => ContextCompacted(ContextCompacted),
        /// A model call begins.
        "model_call_started" => ModelCallStarted(ModelCallStarted),
        /// A model call waits in the queue of a client-side limit.
        "model_call_waiting" => ModelCallWaiting(WaitNotice),
        /// An attempt at a model call failed, and another one follows.
        "model_call_retried" => ModelCallRetried(RetryNotice),
        /// The model wrote more text.
        "text_delta" => TextDelta(Delta),
        /// The model thought more.
        "thinking_delta" => ThinkingDelta(ThinkingDelta),
        /// The text and thoughts of the model call until now do not count: their attempt has failed. Whoever has shown
        /// or collected them takes them back; what the next attempt writes follows.
        "text_withdrawn" => TextWithdrawn(TextWithdrawn),
        /// The model's answer is complete.
        "model_call_finished" => ModelCallFinished(ModelCallFinished),
        /// A tool call runs.
        "tool_call_started" => ToolCallStarted(ToolCallStarted),
        /// A tool call reports progress.
        "tool_call_progressed" => ToolCallProgressed(ToolCallProgressed),
        /// A tool call has a result.
        "tool_call_finished" => ToolCallFinished(ToolCallFinished),
        /// A person must decide about tool calls.
        "approval_requested" => ApprovalRequested(ApprovalRequested),
        /// The session's mode was switched.
        "mode_switched" => ModeSwitched(ModeSwitched),
        /// Something is wrong, and the turn goes on.
        "notice" => Notice(Notice),
        /// The turn ended. It is the last event.
        "turn_finished" => TurnFinished(TurnFinished),
        /// The turn failed. It is the last event; the error follows it.
        "turn_failed" => TurnFailed(TurnFailed),
    }
}

impl TurnEventKind {
    /// Returns the event of a piece of text from the model.
    pub fn text(text: impl Into<String>) -> Self {
        Delta::new(text.into()).into()
    }

    /// Returns the event of a piece of the model's thoughts.
    pub fn thinking(text: impl Into<String>) -> Self {
        ThinkingDelta::new(text.into()).into()
    }

    /// Returns the event of a problem of `component` that does not stop the turn.
    pub fn notice(component: impl Into<String>, message: impl Into<String>) -> Self {
        Notice::new(component.into(), message.into()).into()
    }

    /// Whether it is the last event of a turn.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::TurnFinished(_) | Self::TurnFailed(_))
    }

    /// Whether it is a piece of an answer that is being written, of which there are many.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        matches!(self, Self::TextDelta(_) | Self::ThinkingDelta(_))
    }
}
