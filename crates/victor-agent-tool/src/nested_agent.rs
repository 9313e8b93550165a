//! An agent that works for another one.

use std::fmt;

use async_trait::async_trait;
use victor_chat_protocol::{ChatInput, TurnStream};
use victor_core::SessionId;

/// An agent that works for another one, each time in a conversation of its own. Implemented by what composes agents,
/// and called by [`AgentTool`](crate::AgentTool), from many tasks at once.
#[async_trait]
pub trait NestedAgent: fmt::Debug + Send + Sync + 'static {
    /// Whether modes restrict the tools that the agent calls.
    fn has_modes(&self) -> bool;

    /// Binds a conversation of the agent to one of its caller: what is denied in `parent` is denied in `child`.
    fn nest(&self, parent: &SessionId, child: &SessionId);

    /// Sends a task in a conversation of the agent.
    fn send(&self, session: &SessionId, task: ChatInput) -> TurnStream;

    /// Ends a conversation. A durable store keeps its transcript. An error is of no consequence for the caller.
    async fn end(&self, session: &SessionId);

    /// Takes all that is remembered of a conversation out of memory.
    fn forget(&self, session: &SessionId);
}
