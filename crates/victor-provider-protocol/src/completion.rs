//! Answers of models.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{ModelId, Part, StopReason, ToolCall, Usage};

use crate::ProviderErrorKind;

/// A model's whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Completion {
    #[serde(default)]
    version: FormatVersion<1>,
    /// Parts of the answer, in order: thoughts, text, tool calls, and data that only the provider understands.
    pub parts: Vec<Part>,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// Usage of the call, including the attempts that failed before it.
    pub usage: Usage,
    /// Number of tokens that the model read in the last of several rounds on the provider's side, of which `usage` is
    /// the sum. Absent if there was one round, so that `usage` tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// The model that answered, which may be a more exact name than the one that was asked for.
    pub model: ModelId,
    /// Attempts that a provider has made besides and given up, such as the slower one of two. `usage` is without
    /// theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostAttempt>,
    /// Whether the answer came from a cache, and no provider was asked for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// Time that the call has waited in the queues of client-side limits, all attempts together; set by the router.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub queued: Duration,
    /// The provider's name for the answer, by which its support can find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Completion {
    /// An answer that ends in tool calls if there are any, and otherwise with the end of the turn.
    #[must_use]
    pub fn new(model: ModelId, parts: Vec<Part>, usage: Usage) -> Self {
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        Self {
            version: FormatVersion,
            parts,
            stop_reason: if calls {
                StopReason::ToolUse
            } else {
                StopReason::EndTurn
            },
            usage,
            context_tokens: None,
            lost: Vec::new(),
            cached: false,
            queued: Duration::ZERO,
            model,
            id: None,
            extra: Extra::default(),
        }
    }

    /// The same answer with another reason to stop.
    #[must_use]
    pub fn with_stop_reason(mut self, stop_reason: StopReason) -> Self {
        self.stop_reason = stop_reason;
        self
    }

    /// The tool calls of the answer.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

/// An attempt that a provider has made besides the one that brought the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LostAttempt {
    /// The name of the provider that was asked.
    pub provider: Arc<str>,
    /// The model that was asked.
    pub model: ModelId,
    /// The tokens that it used, as far as known.
    pub usage: Usage,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LostAttempt {
    /// An attempt that used so much.
    pub fn new(provider: impl Into<Arc<str>>, model: ModelId, usage: Usage) -> Self {
        Self {
            provider: provider.into(),
            model,
            usage,
            extra: Extra::default(),
        }
    }
}

/// One step of an answer that is being written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CompletionEvent {
    /// More text.
    TextDelta(String),
    /// More thoughts.
    ThinkingDelta(String),
    /// More of what is not shown: the arguments of a tool call, hidden thoughts, a sign of life.
    ///
    /// It keeps a long silence from being taken for a hung provider; the router does not pass it on.
    Working,
    /// The request waits in the queue of a client-side limit.
    Waiting(WaitNotice),
    /// The attempt has failed after some of its text or thoughts came. They do not count: whoever has shown them takes
    /// them back. [`Retrying`](Self::Retrying) follows.
    Withdrawn,
    /// An attempt failed, and another one follows.
    Retrying(RetryNotice),
    /// The answer is whole. Nothing follows, and every delta before it is contained in it.
    Finished(Box<Completion>),
}

impl CompletionEvent {
    /// The answer is whole.
    #[must_use]
    pub fn finished(completion: Completion) -> Self {
        Self::Finished(Box::new(completion))
    }
}

/// An attempt failed, and another one follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetryNotice {
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// The class of its error.
    pub kind: ProviderErrorKind,
    /// Its error in words.
    pub message: String,
    /// Wait before the next attempt.
    pub delay: Duration,
    /// The name of the target whose attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Arc<str>>,
    /// The name of the target that is asked next, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_target: Option<Arc<str>>,
    /// Whether some of the answer had come, and was [withdrawn](CompletionEvent::Withdrawn).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl RetryNotice {
    /// A notice of these facts.
    pub fn new(
        attempt: u32,
        kind: ProviderErrorKind,
        message: impl Into<String>,
        delay: Duration,
    ) -> Self {
        Self {
            attempt,
            kind,
            message: message.into(),
            delay,
            target: None,
            next_target: None,
            withdrawn: false,
            extra: Extra::default(),
        }
    }

    /// Sets [`target`](Self::target) and [`next_target`](Self::next_target).
    #[must_use]
    pub fn with_targets(mut self, target: Arc<str>, next: Option<Arc<str>>) -> Self {
        (self.target, self.next_target) = (Some(target), next);
        self
    }

    /// Sets [`withdrawn`](Self::withdrawn).
    #[must_use]
    pub fn with_withdrawn(mut self, withdrawn: bool) -> Self {
        self.withdrawn = withdrawn;
        self
    }
}

/// The wait in the queue of a client-side limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WaitNotice {
    /// The name of the target.
    pub target: Arc<str>,
    /// The time until the limits allow another request, as expected; those who wait before it are not counted.
    pub expected: Duration,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl WaitNotice {
    /// A wait for a target.
    pub fn new(target: impl Into<Arc<str>>, expected: Duration) -> Self {
        Self {
            target: target.into(),
            expected,
            extra: Extra::default(),
        }
    }
}
