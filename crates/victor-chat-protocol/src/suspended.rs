//! Turns that wait.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{
    Message, MessageId, SessionId, ToolCall, ToolCallId, ToolResult, ToolSpec, TurnId, Usage,
};
use victor_tool_protocol::{ApprovalScope, ShownPreview};

/// A turn that waits to be taken up again, here or in another process.
///
/// It is made by a [`ChatEngine`](crate::ChatEngine) and read by one of the same kind; for everybody else its `state`
/// is something to keep as it is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuspendedTurn {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The session.
    pub session: SessionId,
    /// The turn. Whoever takes a turn up from a place that it has left since, as a checkpoint is one, gives it another
    /// identifier.
    pub turn: TurnId,
    /// The last message that the turn added to the conversation. If another one stands there when the turn is taken
    /// up again, the conversation has gone on without it.
    pub last_message: Option<MessageId>,
    /// Usage of the turn until now.
    pub usage: Usage,
    /// The tool calls that a person must decide about before the turn goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<PendingApproval>,
    /// State that only the engine understands.
    pub state: Value,
    /// The messages that the turn has added to the conversation, where `state` leaves them out because the transcript
    /// has them. Whoever reads such a turn from a journal puts them here before it is taken up again.
    #[serde(default, skip)]
    pub committed: Vec<Arc<Message>>,
    /// The results of tool calls that have run, or may have, and are not in the conversation yet. Not in a journal.
    #[serde(default, skip)]
    pub executed: Vec<ToolResult>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SuspendedTurn {
    /// A turn that waits, with the engine's own state of it.
    #[must_use]
    pub fn new(session: SessionId, turn: TurnId, state: Value) -> Self {
        Self {
            version: FormatVersion,
            session,
            turn,
            last_message: None,
            usage: Usage::default(),
            approvals: Vec::new(),
            state,
            committed: Vec::new(),
            executed: Vec::new(),
            extra: Extra::default(),
        }
    }
}

/// Without what was said: errors hold such turns, and whoever logs an error must not log a conversation.
impl fmt::Debug for SuspendedTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SuspendedTurn")
            .field("session", &self.session)
            .field("turn", &self.turn)
            .field("usage", &self.usage)
            .field("approvals", &self.approvals.len())
            .finish_non_exhaustive()
    }
}

/// A tool call that a person must decide about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingApproval {
    /// The call.
    pub call: ToolCall,
    /// Question to the person.
    pub question: String,
    /// Preview of the call, where the tool can show one: a diff, a command. Where it is absent, the arguments of the
    /// call say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<ShownPreview>,
    /// The digest of what the call would do. An approval is void when it would do something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The tool as it was when the question was asked. An approval is void when it has become another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Arc<ToolSpec>>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PendingApproval {
    /// A question about a call.
    pub fn new(call: ToolCall, question: impl Into<String>) -> Self {
        Self {
            call,
            question: question.into(),
            preview: None,
            evidence: None,
            definition: None,
            extra: Extra::default(),
        }
    }
}

/// Decision of a person about a tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
#[non_exhaustive]
pub enum Approval {
    /// The call runs.
    Approved {
        /// The call.
        call: ToolCallId,
        /// For what else the approval counts.
        #[serde(default, skip_serializing_if = "ApprovalScope::is_call")]
        scope: ApprovalScope,
    },
    /// The call does not run.
    Denied {
        /// The call.
        call: ToolCallId,
        /// Message to the model.
        reason: String,
    },
}

impl Approval {
    /// The call runs.
    pub fn approve(call: impl Into<ToolCallId>) -> Self {
        Self::approve_for(call, ApprovalScope::Call)
    }

    /// The call runs, and the person wishes not to be asked about such calls again.
    pub fn approve_for(call: impl Into<ToolCallId>, scope: ApprovalScope) -> Self {
        Self::Approved {
            call: call.into(),
            scope,
        }
    }

    /// The call does not run.
    pub fn deny(call: impl Into<ToolCallId>, reason: impl Into<String>) -> Self {
        Self::Denied {
            call: call.into(),
            reason: reason.into(),
        }
    }

    /// The call that was decided about.
    #[must_use]
    pub fn call(&self) -> &ToolCallId {
        match self {
            Self::Approved { call, .. } | Self::Denied { call, .. } => call,
        }
    }
}
