//! The orchestrator of an agent that is a tool of another one.

use async_trait::async_trait;
use victor_agent_tool::NestedAgent;
use victor_chat_protocol::{ChatInput, TurnStream};
use victor_core::SessionId;
use victor_session_protocol::SessionManagerExt as _;

use crate::AgentOrchestrator;

/// An orchestrator that works for another one.
#[derive(Debug)]
pub(crate) struct NestedOrchestrator(pub(crate) AgentOrchestrator);

#[async_trait]
impl NestedAgent for NestedOrchestrator {
    fn has_modes(&self) -> bool {
        self.0.mode_coordinator().is_some()
    }

    fn nest(&self, parent: &SessionId, child: &SessionId) {
        self.0.sessions().modes.nest(parent, child);
    }

    fn send(&self, session: &SessionId, task: ChatInput) -> TurnStream {
        self.0.session(session.clone()).stream_chat(task)
    }

    async fn end(&self, session: &SessionId) {
        if !self.0.session_coordinator().persists_turns()
            && let Err(error) = self.0.reset_session(session).await
        {
            tracing::debug!(%session, %error, "a nested conversation was not forgotten");
        }
    }

    fn forget(&self, session: &SessionId) {
        self.0.sessions().forget(session);
    }
}
