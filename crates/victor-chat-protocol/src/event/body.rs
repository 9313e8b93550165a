//! The bodies of the events.

use serde::{Deserialize, Serialize};
use victor_core::wire::Extra;
use victor_core::{MessageId, ModelId, StopReason, ToolCall, ToolCallId, ToolResult, Usage};
use victor_prompt_protocol::PromptVersion;

use crate::{ChatResponse, PendingApproval};

/// Declares the body of an event: a struct that can grow, `new` with its required fields, and a `with_*` method for
/// each of the fields behind `and`, which are at their defaults until then.
macro_rules! event_body {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$field_meta:meta])* $field:ident: $ty:ty, )*
        }
        $( and { $( $(#[$more_meta:meta])* $more:ident, $setter:ident: $more_ty:ty, )* } )?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $ty, )*
            $($( $(#[$more_meta])* pub $more: $more_ty, )*)?
            /// Fields that this version does not know.
            #[serde(flatten)]
            pub extra: Extra,
        }

        impl $name {
            #[doc = concat!("Creates the body of a [`", stringify!($name), "`] event.")]
            #[must_use]
            pub fn new($($field: $ty),*) -> Self {
                Self {
                    $($field,)*
                    $($( $more: Default::default(), )*)?
                    extra: Extra::default(),
                }
            }

            $($(
                #[doc = concat!("Sets [`", stringify!($more), "`](Self::", stringify!($more), ").")]
                #[must_use]
                pub fn $setter(mut self, $more: $more_ty) -> Self {
                    self.$more = $more;
                    self
                }
            )*)?
        }
    };
}

event_body! {
    /// The turn has begun.
    TurnStarted {
        /// The user's message.
        input: MessageId,
    } and {
        /// Whether a suspended turn was resumed. Defaults to `false`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        resumed, with_resumed: bool,
    }
}
event_body! {
    /// The system prompt was made from stored prompts.
    PromptUsed {
        /// The versions that were used.
        versions: Vec<PromptVersion>,
    }
}
event_body! {
    /// The context was compacted.
    ContextCompacted {
        /// The strategy that did it.
        strategy: String,
        /// Number of messages before.
        messages_before: usize,
        /// Number of messages after.
        messages_after: usize,
        /// Number of tokens before.
        tokens_before: u64,
        /// Number of tokens after.
        tokens_after: u64,
    }
}
event_body! {
    /// A model call begins.
    ModelCallStarted {
        /// Number of the call in the turn, from 1.
        number: u32,
    }
}
event_body! {
    /// A piece of text from the model.
    Delta {
        /// The text.
        text: String,
    }
}
event_body! {
    /// A piece of the model's thoughts.
    ThinkingDelta {
        /// The thoughts.
        text: String,
    }
}
event_body! {
    /// The text and thoughts of a model call until now do not count.
    TextWithdrawn {
        /// Number of the call in the turn, from 1.
        number: u32,
    }
}
event_body! {
    /// The model's answer is complete.
    ModelCallFinished {
        /// Number of the call in the turn, from 1.
        number: u32,
        /// The model that answered.
        model: ModelId,
        /// The reason for which it stopped.
        stop_reason: StopReason,
        /// Usage of the call, failed attempts included.
        usage: Usage,
    } and {
        /// Number of tokens that the model read at the end, where `usage` is a sum over several rounds on the
        /// provider's side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context_tokens, with_context_tokens: Option<u64>,
        /// Duration of the call in microseconds.
        elapsed_us, with_elapsed_us: u64,
        /// Time until the first piece of text or thoughts came, in microseconds: of the attempt that brought the
        /// answer, with all waits before it. Absent if none came before the whole answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_token_us, with_first_token_us: Option<u64>,
        /// Time in the queues of client-side limits, all attempts together, in microseconds.
        #[serde(default, skip_serializing_if = "is_zero")]
        queued_us, with_queued_us: u64,
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
    /// A tool call reports progress.
    ToolCallProgressed {
        /// The call.
        call: ToolCallId,
        /// The progress in words.
        message: String,
    }
}
event_body! {
    /// A tool call has a result.
    ToolCallFinished {
        /// The result.
        result: ToolResult,
    } and {
        /// Duration of the call in microseconds; zero if it did not run.
        elapsed_us, with_elapsed_us: u64,
    }
}
event_body! {
    /// A person must decide about tool calls.
    ApprovalRequested {
        /// The calls with their questions.
        approvals: Vec<PendingApproval>,
    }
}
event_body! {
    /// The session's mode was switched.
    ModeSwitched {
        /// The mode before.
        from: String,
        /// The mode now.
        to: String,
        /// The one who asked for it: `program`, `person` or `model`.
        by: String,
    }
}
event_body! {
    /// Something is wrong, and the turn goes on.
    Notice {
        /// The component that reports it.
        #[serde(rename = "part")]
        component: String,
        /// The problem in words.
        message: String,
    }
}
event_body! {
    /// The turn ended.
    TurnFinished {
        /// Its response.
        response: Box<ChatResponse>,
    } and {
        /// Time from the first poll of the stream until now, in microseconds. A turn that was resumed counts from
        /// there.
        #[serde(default, skip_serializing_if = "is_zero")]
        elapsed_us, with_elapsed_us: u64,
    }
}
event_body! {
    /// The turn failed.
    TurnFailed {
        /// The error in words, with all its causes.
        message: String,
        /// Usage of the turn until then.
        usage: Usage,
    } and {
        /// Class of the error ([`ChatError::class`](crate::ChatError::class)).
        #[serde(default, skip_serializing_if = "String::is_empty")]
        class, with_class: String,
        /// Name of the coordinator that failed; empty if none did.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        coordinator, with_coordinator: String,
        /// Time from the first poll of the stream until now, in microseconds.
        #[serde(default, skip_serializing_if = "is_zero")]
        elapsed_us, with_elapsed_us: u64,
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
