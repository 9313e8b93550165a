//! Results of turns.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{Message, ModelId, SessionId, StopReason, TurnId, Usage};
use victor_provider_protocol::{NanoDollars, Refusal};

use crate::SuspendedTurn;

/// Result of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChatResponse {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// Outcome of the turn.
    pub outcome: TurnOutcome,
    /// The model's answer where it had to have a form: JSON as the model wrote it, and at
    /// [`InvalidOutput`](TurnOutcome::InvalidOutput) what it gave in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Every message that the turn added to the conversation, the user's first.
    pub messages: Vec<Arc<Message>>,
    /// Usage of all model calls of the turn together.
    pub usage: Usage,
    /// Cost of all attempts of these calls, including those that failed or were cut off. Absent where it is unknown: a
    /// price is, or the turn was begun by another process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<NanoDollars>,
    /// Number of model calls.
    pub model_calls: u32,
    /// Why the model stopped the last time, if it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// The provider's explanation of why the model declined, at [`Refused`](TurnOutcome::Refused); none if it tells
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Box<Refusal>>,
    /// The model that answered last, if any did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// The turn itself where it can be taken up again: after an approval, with another allowance of tool calls, or with
    /// another budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Box<SuspendedTurn>>,
    /// The turn whose input the message became, if it has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<TurnId>,
    /// Whether the message came again under its [key](crate::ChatInput::with_key), and nothing was done: the turn is
    /// returned as it ended before, without its usage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

victor_core::open_string_enum! {
    /// Outcome of a turn.
    pub enum TurnOutcome {
        /// The model said what it wanted to say.
        Completed = "completed",
        /// The allowance of tool calls was used up; the model was asked for a last answer without tools. The turn can
        /// be taken up again.
        ToolLimit = "tool_limit",
        /// The answer was cut at the model's limit on output, by its window, or after too many pauses, as the
        /// [reason to stop](ChatResponse::stop_reason) tells. The turn can be taken up again.
        Truncated = "truncated",
        /// A budget of tokens or money is used up, so the model was not asked again. What had been said and done until
        /// then is in the conversation. The turn can be resumed when there is budget again.
        Budget = "budget",
        /// The model, or a filter behind it, declined to answer. What the turn said and did stays in the transcript,
        /// and is [left out](victor_core::Message::declined_from) of what the model sees from now on.
        Refused = "refused",
        /// The answer has not the form that was asked for, also when asked for again.
        InvalidOutput = "invalid_output",
        /// The model answered with nothing, also when asked again.
        Empty = "empty",
        /// A person must approve tool calls before the turn goes on.
        AwaitingApproval = "awaiting_approval",
        /// The message became input of another turn, which [`merged_into`](ChatResponse::merged_into) names.
        Merged = "merged",
        /// The turn was cancelled. What had been said and done until then is in the conversation.
        Cancelled = "cancelled",
    }
}

impl ChatResponse {
    /// A completed turn that added one message.
    #[must_use]
    pub fn new(session: SessionId, turn: TurnId, message: Arc<Message>) -> Self {
        Self {
            messages: vec![message],
            ..Self::ended(session, turn, TurnOutcome::Completed)
        }
    }

    /// A turn that ended in this way and has added nothing.
    #[must_use]
    pub fn ended(session: SessionId, turn: TurnId, outcome: TurnOutcome) -> Self {
        Self {
            version: FormatVersion,
            session,
            turn,
            outcome,
            output: None,
            messages: Vec::new(),
            usage: Usage::default(),
            cost: None,
            model_calls: 0,
            stop_reason: None,
            refusal: None,
            model: None,
            suspended: None,
            merged_into: None,
            repeated: false,
            extra: Extra::default(),
        }
    }

    /// The text of the answer: [`output`](Self::output) where the answer had to have a form, and otherwise the text of
    /// the turn's last message, if it is the model's.
    #[must_use]
    pub fn content(&self) -> Cow<'_, str> {
        use victor_core::Role;
        if let Some(output) = &self.output {
            return Cow::Borrowed(output);
        }
        match self.messages.last() {
            Some(message) if *message.role() == Role::Assistant => message.text(),
            _ => Cow::Borrowed(""),
        }
    }
}
