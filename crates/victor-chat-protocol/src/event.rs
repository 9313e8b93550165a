//! What happens in a turn.

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{
    MessageId, ModelId, SessionId, StopReason, Timestamp, ToolCall, ToolCallId, ToolResult, TurnId,
    Usage,
};
use victor_provider_protocol::RetryNotice;

use crate::{ChatResponse, PendingApproval};

/// Something that happened in a turn.
///
/// Events are the one spine of observation: what `stream_chat` yields is what analytics, metrics and traces are made
/// from.
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
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: TurnEventKind,
}

impl TurnEvent {
    /// An event that happens now.
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

    /// The text that a person should see: that of a text delta, and nothing of all other events.
    #[must_use]
    pub fn content(&self) -> &str {
        match &self.kind {
            TurnEventKind::TextDelta(delta) => &delta.text,
            _ => "",
        }
    }
}

victor_core::open_enum! {
    /// What happened.
    #[derive(Debug, Clone, PartialEq)]
    pub enum TurnEventKind tagged "event" {
        /// The turn began.
        "turn_started" => TurnStarted(TurnStarted),
        /// The context was compacted.
        "context_compacted" => ContextCompacted(ContextCompacted),
        /// The model is asked.
        "model_call_started" => ModelCallStarted(ModelCallStarted),
        /// An attempt to ask the model failed, and another one follows.
        "model_call_retried" => ModelCallRetried(RetryNotice),
        /// The model wrote more text.
        "text_delta" => TextDelta(Delta),
        /// The model thought more.
        "thinking_delta" => ThinkingDelta(ThinkingDelta),
        /// The model's answer is whole.
        "model_call_finished" => ModelCallFinished(ModelCallFinished),
        /// A tool call runs.
        "tool_call_started" => ToolCallStarted(ToolCallStarted),
        /// A tool call goes on, and says how far it is.
        "tool_call_progressed" => ToolCallProgressed(ToolCallProgressed),
        /// A tool call has a result.
        "tool_call_finished" => ToolCallFinished(ToolCallFinished),
        /// A person must decide about tool calls.
        "approval_requested" => ApprovalRequested(ApprovalRequested),
        /// The session was taken to another mode.
        "mode_switched" => ModeSwitched(ModeSwitched),
        /// Something is not as it should be, and the turn goes on.
        "notice" => Notice(Notice),
        /// The turn ended. It is the last event.
        "turn_finished" => TurnFinished(TurnFinished),
        /// The turn failed. It is the last event; the error follows it.
        "turn_failed" => TurnFailed(TurnFailed),
    }
}

impl TurnEventKind {
    /// The model wrote more text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::TextDelta(Delta {
            text: text.into(),
            extra: Extra::default(),
        })
    }

    /// The model thought more.
    pub fn thinking(text: impl Into<String>) -> Self {
        Self::ThinkingDelta(ThinkingDelta {
            text: text.into(),
            extra: Extra::default(),
        })
    }

    /// Something that `part` of the house reports, and that does not stop the turn.
    pub fn notice(part: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Notice(Notice {
            part: part.into(),
            message: message.into(),
            extra: Extra::default(),
        })
    }

    /// Whether it is a piece of an answer that is being written, of which there are many.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        matches!(self, Self::TextDelta(_) | Self::ThinkingDelta(_))
    }
}

macro_rules! event_body {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
            /// Fields that this version does not know.
            #[serde(flatten)]
            pub extra: Extra,
        }
    };
}

event_body! {
    /// The turn began.
    TurnStarted {
        /// The user's message.
        input: MessageId,
        /// Whether it was taken up again, and not begun anew.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        resumed: bool,
    }
}
event_body! {
    /// The context was compacted.
    ContextCompacted {
        /// The strategy that did it.
        strategy: String,
        /// How many messages there were.
        messages_before: usize,
        /// How many there are.
        messages_after: usize,
        /// How many tokens there were.
        tokens_before: u64,
        /// How many there are.
        tokens_after: u64,
    }
}
event_body! {
    /// The model is asked.
    ModelCallStarted {
        /// Which call of the turn it is, from 1.
        number: u32,
    }
}
event_body! {
    /// More text.
    Delta {
        /// The text.
        text: String,
    }
}
event_body! {
    /// More thoughts.
    ThinkingDelta {
        /// The thoughts.
        text: String,
    }
}
event_body! {
    /// The model's answer is whole.
    ModelCallFinished {
        /// Which call of the turn it was, from 1.
        number: u32,
        /// The model that answered.
        model: ModelId,
        /// Why it stopped.
        stop_reason: StopReason,
        /// What the call used.
        usage: Usage,
        /// How many tokens the model read at the end, where `usage` is a sum over several rounds on the provider's side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context_tokens: Option<u64>,
        /// How long it took, in microseconds.
        elapsed_us: u64,
    }
}
event_body! {
    /// A tool call runs.
    ToolCallStarted {
        /// The call.
        call: ToolCall,
    }
}
event_body! {
    /// A tool call goes on.
    ToolCallProgressed {
        /// The call.
        call: ToolCallId,
        /// How far it is, in words.
        message: String,
    }
}
event_body! {
    /// A tool call has a result.
    ToolCallFinished {
        /// The result.
        result: ToolResult,
        /// How long it took, in microseconds; zero if it did not run.
        elapsed_us: u64,
    }
}
event_body! {
    /// A person must decide about tool calls.
    ApprovalRequested {
        /// The calls and what to ask about them.
        approvals: Vec<PendingApproval>,
    }
}
event_body! {
    /// The session was taken to another mode.
    ModeSwitched {
        /// The mode before.
        from: String,
        /// The mode now.
        to: String,
        /// Who wished so: `program`, `person` or `model`.
        by: String,
    }
}
event_body! {
    /// Something is not as it should be, and the turn goes on.
    Notice {
        /// Which part of the house reports it.
        part: String,
        /// What it is.
        message: String,
    }
}
event_body! {
    /// The turn ended.
    TurnFinished {
        /// What came of it.
        response: Box<ChatResponse>,
    }
}
event_body! {
    /// The turn failed.
    TurnFailed {
        /// The error in words, with all beneath it.
        message: String,
        /// What the turn used until then.
        usage: Usage,
    }
}
