//! Steps of a turn.

use std::sync::Arc;

use victor_chat_protocol::{ModelCall, OutputContract, PendingApproval, TurnOutcome};
use victor_core::{Message, ToolCall};
use victor_tool_protocol::GivenApproval;

/// The next effect of a turn, and the method of [`Turn`](crate::Turn) that takes its result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Add these messages to the conversation, then call [`committed`](crate::Turn::committed).
    Commit(Vec<Arc<Message>>),
    /// Ask the model, then call [`model_answered`](crate::Turn::model_answered),
    /// [`model_failed`](crate::Turn::model_failed), or [`model_not_asked`](crate::Turn::model_not_asked) if no request
    /// could be made.
    CallModel(ModelCall),
    /// Check whether an answer has the form that was asked for, then call
    /// [`output_checked`](crate::Turn::output_checked).
    CheckOutput {
        /// The form.
        contract: OutputContract,
        /// The answer.
        text: String,
    },
    /// Decide what becomes of these calls, then call [`tools_reviewed`](crate::Turn::tools_reviewed).
    ReviewTools {
        /// The calls.
        calls: Vec<ToolCall>,
        /// Approvals of a person. The calls are reviewed once more, since much may have changed meanwhile.
        approvals: Vec<GivenApproval>,
    },
    /// Ask a person about these calls, then call [`approvals_given`](crate::Turn::approvals_given). That may be
    /// much later and somewhere else.
    AwaitApproval(Vec<PendingApproval>),
    /// Run these calls, and call [`tool_finished`](crate::Turn::tool_finished) for each.
    RunTools(Vec<ToolCall>),
    /// Nothing: the turn has ended.
    Finish(TurnOutcome),
}

impl Step {
    /// The step in one word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::CallModel(_) => "call_model",
            Self::CheckOutput { .. } => "check_output",
            Self::ReviewTools { .. } => "review_tools",
            Self::AwaitApproval(_) => "await_approval",
            Self::RunTools(_) => "run_tools",
            Self::Finish(_) => "finish",
        }
    }
}

/// A turn was told something that it had not asked for. It is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the turn waits for `{expected}` and was told of `{found}`")]
pub struct UnexpectedInput {
    /// The step that the turn waits for.
    pub expected: &'static str,
    /// Input that it was given.
    pub found: String,
}
