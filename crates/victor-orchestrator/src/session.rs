//! One conversation of an orchestrator.

use std::sync::Arc;

use victor_analytics_protocol::SessionAnalytics;
use victor_chat_protocol::{
    Agent, Approval, ChatError, ChatInput, ChatResponse, SuspendedTurn, TurnStream,
};
use victor_checkpoint_protocol::{Checkpoint, CheckpointError};
use victor_context_protocol::{CompactionReport, ContextStats};
use victor_core::{CheckpointId, Context, SessionId};
use victor_mode_protocol::{ModeError, ModeSwitch, SwitchedBy};
use victor_session_protocol::{SessionError, SessionLease, TranscriptEntry, TurnPolicy};
use victor_tool_selection_protocol::Selection;

use crate::sessions::SessionLoader;
use crate::turn::TurnOrder;
use crate::{AgentOrchestrator, Restored, SessionOpError, Undone};

/// One conversation of an orchestrator, with its own context, transcript and analytics. Made by
/// [`AgentOrchestrator::session`]; cloning it copies two pointers.
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) orchestrator: AgentOrchestrator,
    pub(crate) id: SessionId,
    pub(crate) policy: Option<TurnPolicy>,
}

impl AgentOrchestrator {
    /// Returns the session of this name. It is made by its first message.
    pub fn session(&self, id: impl Into<SessionId>) -> Session {
        Session {
            orchestrator: self.clone(),
            id: id.into(),
            policy: None,
        }
    }

    /// Begins a new session with the state of a checkpoint, whichever session that is of. The checkpoint's session is not
    /// touched.
    ///
    /// The session is made in one write, and after it its first checkpoint, which may be in another store. A fork that was
    /// interrupted in between is finished by another call.
    ///
    /// # Errors
    ///
    /// There is such a session already, there is no such checkpoint, or a store does not work.
    pub async fn fork(
        &self,
        checkpoint: CheckpointId,
        session: impl Into<SessionId>,
    ) -> Result<Session, SessionOpError> {
        let session = self.session(session);
        self.sessions().fork(checkpoint, session.id()).await?;
        Ok(session)
    }
}

impl Session {
    /// The session's name.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The orchestrator that it belongs to.
    #[must_use]
    pub fn orchestrator(&self) -> &AgentOrchestrator {
        &self.orchestrator
    }

    /// The same session, where this happens to a message that comes while a turn runs: it waits, is refused, interrupts
    /// the turn, or is merged with others that wait.
    #[must_use]
    pub fn with_turn_policy(mut self, policy: TurnPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sends a message and returns the answer when it is whole.
    ///
    /// # Errors
    ///
    /// The turn failed; see [`ChatError`] for what is kept and how it can be taken up again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the turn at once and leaves a conversation that can go on.
    pub async fn chat(&self, input: impl Into<ChatInput>) -> Result<ChatResponse, ChatError> {
        self.stream_chat(input).response().await
    }

    /// Sends a message and returns what comes of it, as it comes. Nothing happens until the stream is polled.
    pub fn stream_chat(&self, input: impl Into<ChatInput>) -> TurnStream {
        let order = TurnOrder::answer(self.id.clone(), input.into(), self.policy);
        self.orchestrator.run(order)
    }

    /// Takes a suspended turn up again, with what a person decided about the calls that wait for approval.
    pub fn resume(
        &self,
        turn: SuspendedTurn,
        approvals: impl IntoIterator<Item = Approval>,
    ) -> TurnStream {
        self.orchestrator.resume(turn, approvals)
    }

    /// The name of the mode that the conversation is in, as far as this process knows; none if there are no modes. See
    /// [`load_mode`](Self::load_mode).
    #[must_use]
    pub fn mode(&self) -> Option<String> {
        self.sessions().mode(&self.id)
    }

    /// Takes the conversation to another mode, for every tool call that is decided about from now on.
    ///
    /// # Errors
    ///
    /// There is no such mode, or there are no modes at all; the mode is what it was.
    pub fn switch_mode(&self, mode: &str, by: SwitchedBy) -> Result<ModeSwitch, ModeError> {
        self.orchestrator.switch_mode(&self.id, mode, by)
    }

    /// Takes the conversation to the mode in which it was left, which may have been in another process, and returns the
    /// mode; none if there are no modes. The next turn does so by itself; whoever shows or switches the mode before that
    /// calls this first, since [`mode`](Self::mode) tells what this process knows.
    ///
    /// # Errors
    ///
    /// The store does not work, or the mode is not known here. A session that is [switched](Self::switch_mode) to another
    /// mode is in that one.
    pub async fn load_mode(&self) -> Result<Option<String>, SessionOpError> {
        self.sessions().load_mode(&self.id).await
    }

    /// Keeps the mode of the conversation in the store now, and not with the next write of a turn. A session that the
    /// store does not have yet gets it by its first write.
    ///
    /// # Errors
    ///
    /// The store does not work.
    pub async fn keep_mode(&self) -> Result<(), SessionOpError> {
        self.sessions().save_mode(&self.id).await
    }

    /// Which tools the model was shown last, and why each was shown or hidden; none before the first turn, or if nobody
    /// chooses among the tools.
    #[must_use]
    pub fn tool_selection(&self) -> Option<Arc<Selection>> {
        let selector = self.orchestrator.tool_selection_coordinator()?;
        selector.last_selection(&self.id)
    }

    /// What the model sees of the conversation.
    #[must_use]
    pub fn context(&self) -> Context {
        self.orchestrator.context_coordinator().context(&self.id)
    }

    /// How large that is, and what it consists of.
    #[must_use]
    pub fn context_stats(&self) -> ContextStats {
        self.orchestrator.context_coordinator().stats(&self.id)
    }

    /// Compacts what the model sees of the conversation, now, and says what that did. The transcript keeps everything.
    ///
    /// # Errors
    ///
    /// The store does not work, or the context cannot be made smaller. The context is as it was.
    pub async fn compact(&self) -> Result<Option<CompactionReport>, SessionOpError> {
        self.orchestrator.compact_session(&self.id).await
    }

    /// Makes a checkpoint, which [`restore_checkpoint`](Self::restore_checkpoint) goes back to: what the model sees, the
    /// mode, and how much was used. One with a label is not pruned. It waits for the turn that runs.
    ///
    /// # Errors
    ///
    /// There is no checkpoint coordinator, or a store does not work.
    pub async fn checkpoint(&self, label: Option<&str>) -> Result<Checkpoint, SessionOpError> {
        self.sessions().checkpoints()?;
        let held = self.sessions().hold(&self.id).await?;
        held.checkpoint(label).await
    }

    /// The checkpoints of the conversation, newest first; none if there is no checkpoint coordinator.
    ///
    /// # Errors
    ///
    /// The store does not work.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, CheckpointError> {
        match self.orchestrator.checkpoint_coordinator() {
            Some(manager) => manager.checkpoints(&self.id).await,
            None => Ok(Vec::new()),
        }
    }

    /// Takes the conversation back to one of its checkpoints, in one write: what the model sees and the mode are what they
    /// were. The transcript keeps everything. It waits for the turn that runs.
    ///
    /// # Errors
    ///
    /// There is no such checkpoint, it is of another session, or a store does not work. The conversation is as it was.
    pub async fn restore_checkpoint(&self, id: CheckpointId) -> Result<Restored, SessionOpError> {
        self.sessions().checkpoints()?;
        let held = self.sessions().hold(&self.id).await?;
        held.restore(id).await
    }

    /// Leaves the last turn out of what the model sees, as if it had not been, and says which that was; none if there was
    /// none. The transcript keeps it; what tools have done is not undone. It is one write, and what was undone stays so
    /// wherever the session is exported to.
    ///
    /// # Errors
    ///
    /// The store does not work. Nothing was undone.
    pub async fn undo(&self) -> Result<Option<Undone>, SessionOpError> {
        self.sessions().hold(&self.id).await?.undo().await
    }

    /// What happened in the conversation.
    #[must_use]
    pub fn analytics(&self) -> SessionAnalytics {
        self.orchestrator
            .analytics_coordinator()
            .session_analytics(&self.id)
    }

    /// The whole conversation, whatever the model still sees of it.
    ///
    /// # Errors
    ///
    /// The store does not work.
    pub async fn transcript(&self) -> Result<Vec<TranscriptEntry>, SessionError> {
        self.orchestrator
            .session_coordinator()
            .transcript(&self.id)
            .await
    }

    /// Waits for the turn that runs, and forgets the conversation.
    ///
    /// # Errors
    ///
    /// The store does not work.
    pub async fn reset(&self) -> Result<(), SessionOpError> {
        self.orchestrator.reset_session(&self.id).await
    }

    /// The lease of who works on the conversation at this moment, here or in another process; none if nobody does, or
    /// the store has no leases.
    ///
    /// # Errors
    ///
    /// The store does not work.
    pub async fn running(&self) -> Result<Option<SessionLease>, SessionOpError> {
        self.sessions().lease(&self.id).await
    }

    /// The turn that has begun and not ended, where a durable store keeps it: it waits for a person, as its approvals
    /// tell, or was interrupted. It can be taken up again with [`resume`](Self::resume). None where the turn
    /// [runs](Self::running) at this moment; without leases in the store that cannot be told, and it may do so.
    ///
    /// # Errors
    ///
    /// The store does not work, or what it holds cannot be read.
    pub async fn open_turn(&self) -> Result<Option<SuspendedTurn>, SessionOpError> {
        self.sessions().open_turn(&self.id).await
    }

    fn sessions(&self) -> &SessionLoader {
        self.orchestrator.sessions()
    }
}

impl Agent for Session {
    fn name(&self) -> &str {
        self.id.as_str()
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        Session::stream_chat(self, input)
    }
}
