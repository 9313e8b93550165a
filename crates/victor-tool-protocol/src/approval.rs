//! The extension point for approvals.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{SessionId, ToolCall, ToolSpec};

/// Decides which tool calls run.
///
/// Implemented by whoever knows what is safe; called by the [`ToolExecutor`](crate::ToolExecutor) once for every call
/// whose tool exists and whose arguments fit, before any call of the same message runs, and from many tasks at once.
///
/// A policy that panics denies.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApprovalPolicy: fmt::Debug + Send + Sync + 'static {
    /// Decides about one call.
    async fn review(&self, request: &ApprovalRequest) -> Verdict;
}

/// A call that waits for a decision.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApprovalRequest {
    /// The session.
    pub session: SessionId,
    /// The call, with arguments that fit the schema.
    pub call: ToolCall,
    /// The tool that it means.
    pub spec: Arc<ToolSpec>,
}

impl ApprovalRequest {
    /// A request to decide about a call.
    #[must_use]
    pub fn new(session: SessionId, call: ToolCall, spec: impl Into<Arc<ToolSpec>>) -> Self {
        Self {
            session,
            call,
            spec: spec.into(),
        }
    }
}

/// What becomes of a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It runs.
    Run,
    /// It does not run, because it cannot: no tool has that name, or the arguments do not fit.
    Reject {
        /// What the model is told.
        reason: String,
    },
    /// It does not run, because it may not.
    Deny {
        /// What the model is told.
        reason: String,
    },
    /// A person is asked.
    Ask {
        /// What the person is asked.
        question: String,
    },
}
