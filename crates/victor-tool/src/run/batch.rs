//! The calls of one message.

use tracing::Span;
use victor_tool_protocol::ToolScope;

use super::permits::HeldPermits;
use super::progress::ProgressQueue;

/// Everything that the calls of one message share.
#[derive(Debug)]
pub(super) struct CallBatch {
    pub(super) scope: ToolScope,
    /// The span of whoever asked for the calls.
    pub(super) span: Span,
    /// The permits of the call from within which these are made.
    pub(super) permits: HeldPermits,
    pub(super) progress: ProgressQueue,
}

impl CallBatch {
    /// A batch of the task that calls this.
    pub(super) fn new(scope: &ToolScope) -> Self {
        Self {
            scope: scope.clone(),
            span: Span::current(),
            permits: HeldPermits::of_this_task(),
            progress: ProgressQueue::default(),
        }
    }
}
