//! One conversation of an orchestrator.

mod context;

use std::sync::Arc;

use victor_analytics_protocol::SessionAnalytics;
use victor_chat_protocol::{
    Agent, Approval, ChatError, ChatInput, ChatResponse, SuspendedTurn, TurnStream,
};
use victor_core::{CheckpointId, ModelId, SessionId, contain_sync};
use victor_metrics_protocol::MetricsSnapshot;
use victor_mode_protocol::{ModeError, ModeSwitch, SwitchedBy};
use victor_prompt_protocol::BuiltPrompt;
use victor_provider_protocol::{ChatProvider, LedgerTotal};
use victor_session_loader::{SessionLoader, TurnOrder};
use victor_session_protocol::{
    SessionError, SessionLease, SessionManagerExt as _, TranscriptEntry, TurnPolicy,
};
use victor_tool_selection_protocol::Selection;

use crate::{AgentOrchestrator, SessionOpError};

/// One conversation of an orchestrator, with its own context, transcript and analytics. Made by
/// [`AgentOrchestrator::session`]; cloning it copies two pointers.
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) orchestrator: AgentOrchestrator,
    pub(crate) id: SessionId,
    pub(crate) policy: Option<TurnPolicy>,
    pub(crate) tags: Arc<[Arc<str>]>,
}

impl AgentOrchestrator {
    /// Returns the session of this name. It is made by its first message.
    pub fn session(&self, id: impl Into<SessionId>) -> Session {
        Session {
            orchestrator: self.clone(),
            id: id.into(),
            policy: None,
            tags: Arc::default(),
        }
    }

    /// Makes a new session with the state of a checkpoint of any session, which itself is not touched.
    ///
    /// The session is made in one write, and then its first checkpoint, which may be in another store. Another call
    /// finishes a fork that was interrupted in between.
    ///
    /// # Errors
    ///
    /// The session exists already, there is no such checkpoint, or a store failed.
    pub async fn fork(
        &self,
        checkpoint: CheckpointId,
        session: impl Into<SessionId>,
    ) -> Result<Session, SessionOpError> {
        let session = self.session(session);
        self.checkpoints().fork(checkpoint, session.id()).await?;
        Ok(session)
    }
}

impl Session {
    /// Returns the session's name.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Returns the orchestrator that it belongs to.
    #[must_use]
    pub fn orchestrator(&self) -> &AgentOrchestrator {
        &self.orchestrator
    }

    /// Returns the same session with a policy for messages that come while a turn runs: they wait, are refused,
    /// interrupt the turn, or are merged with others that wait.
    #[must_use]
    pub fn with_turn_policy(mut self, policy: TurnPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Returns the same session with one more name, such as that of a tenant, to which the model calls of its turns are
    /// charged: [budgets](victor_provider_protocol::BudgetScope::Tag) and
    /// [queries of the ledger](victor_provider_protocol::LedgerQuery::tag) can name it. The tags are those of this
    /// value and are not stored with the session.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.tags = self.tags.iter().cloned().chain([tag.into()]).collect();
        self
    }

    /// Sends all further model calls of the conversation to another provider and model, also those of a running turn.
    /// The other sessions go on as they are, and a switch of [all](AgentOrchestrator::switch_provider) no longer
    /// concerns this one, until it is reset. The switch is that of this process and is not stored. If the configuration
    /// of the session names a model, that name stays.
    pub fn switch_provider(&self, provider: impl ChatProvider, model: impl Into<ModelId>) {
        let router = self.orchestrator.provider_coordinator();
        router.switch_session(&self.id, Arc::new(provider), model.into());
    }

    /// Returns the tokens and the cost of all model calls of the session that this process knows of; `None` if the
    /// provider coordinator keeps no ledger.
    #[must_use]
    pub fn usage(&self) -> Option<LedgerTotal> {
        let ledger = self.orchestrator.provider_coordinator().ledger()?;
        Some(ledger.session(&self.id))
    }

    /// Returns what was counted in the session by this process; `None` if nothing is held of it, or if there is no
    /// metrics coordinator.
    #[must_use]
    pub fn metrics(&self) -> Option<MetricsSnapshot> {
        let metrics = self.orchestrator.metrics_coordinator()?;
        contain_sync(|| metrics.session_snapshot(&self.id)).ok()?
    }

    /// Sends a message and returns the complete answer.
    ///
    /// # Errors
    ///
    /// The turn failed; see [`ChatError`] for what is kept and how it can be resumed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the turn at once and leaves a conversation that can go on.
    pub async fn chat(&self, input: impl Into<ChatInput>) -> Result<ChatResponse, ChatError> {
        self.stream_chat(input).response().await
    }

    /// Sends a message and returns the events of the turn. Nothing happens until the stream is polled.
    pub fn stream_chat(&self, input: impl Into<ChatInput>) -> TurnStream {
        let order = TurnOrder::answer(self.id.clone(), input.into(), self.policy);
        self.orchestrator.run(order.with_tags(self.tags.clone()))
    }

    /// Resumes a suspended turn, with a person's decisions about the calls that wait for approval.
    pub fn resume(
        &self,
        turn: SuspendedTurn,
        approvals: impl IntoIterator<Item = Approval>,
    ) -> TurnStream {
        let order = TurnOrder::resume(turn, approvals.into_iter().collect());
        self.orchestrator.run(order.with_tags(self.tags.clone()))
    }

    /// Returns the system prompt that the next message would be sent with, with its sections. Waits for the running
    /// turn.
    ///
    /// # Errors
    ///
    /// A coordinator could not start, the session is in a mode that is not known, or the store failed.
    pub async fn system_prompt(&self) -> Result<BuiltPrompt, SessionOpError> {
        self.orchestrator.turns().preview_prompt(&self.id).await
    }

    /// Returns the name of the conversation's mode, as far as this process knows; `None` if there are no modes. See
    /// [`load_mode`](Self::load_mode).
    #[must_use]
    pub fn mode(&self) -> Option<String> {
        self.sessions().modes.current(&self.id)
    }

    /// Switches the conversation to another mode, in the name of the program. The mode holds for every tool call that
    /// is decided about from now on.
    ///
    /// # Errors
    ///
    /// There is no such mode, or there are no modes at all. The mode is unchanged.
    pub fn switch_mode(&self, mode: &str) -> Result<ModeSwitch, ModeError> {
        self.switch_mode_by(mode, SwitchedBy::Program)
    }

    /// Switches the conversation to another mode, and records who did.
    ///
    /// # Errors
    ///
    /// There is no such mode, it is not open to a model that asks for it, or there are no modes at all. The mode is
    /// unchanged.
    pub fn switch_mode_by(&self, mode: &str, by: SwitchedBy) -> Result<ModeSwitch, ModeError> {
        self.orchestrator.switch_mode_by(&self.id, mode, by)
    }

    /// Switches the conversation to the mode in which it was left, perhaps by another process, and returns the mode;
    /// `None` if there are no modes. The next turn does so by itself; call this to show or switch the mode before that,
    /// since [`mode`](Self::mode) knows only this process.
    ///
    /// # Errors
    ///
    /// The store failed, or this orchestrator does not have the mode; [switching](Self::switch_mode) to another mode
    /// helps.
    pub async fn load_mode(&self) -> Result<Option<String>, SessionOpError> {
        Ok(self.sessions().modes.load(&self.id).await?)
    }

    /// Saves the mode of the conversation now, and not with the next write of a turn. A session that the store does not
    /// have yet saves it with its first write.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn keep_mode(&self) -> Result<(), SessionOpError> {
        Ok(self.sessions().modes.save(&self.id).await?)
    }

    /// Returns the tools that the model was shown last, with the reason why each was shown or hidden; `None` before the
    /// first turn, or without tool selection.
    #[must_use]
    pub fn tool_selection(&self) -> Option<Arc<Selection>> {
        let selector = self.orchestrator.tool_selection_coordinator()?;
        selector.last_selection(&self.id)
    }

    /// Returns the analytics of the conversation.
    #[must_use]
    pub fn analytics(&self) -> SessionAnalytics {
        let analytics = self.orchestrator.analytics_coordinator();
        analytics.session_analytics(&self.id)
    }

    /// Returns the whole conversation, also what the model no longer sees.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn transcript(&self) -> Result<Vec<TranscriptEntry>, SessionError> {
        let sessions = self.orchestrator.session_coordinator();
        sessions.transcript(&self.id).await
    }

    /// Waits for the running turn, and empties the conversation; see [`AgentOrchestrator::reset_session`].
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn reset(&self) -> Result<(), SessionOpError> {
        self.orchestrator.reset_session(&self.id).await
    }

    /// Returns the lease of the turn that runs at this moment, here or in another process; `None` if no turn runs, or
    /// if the store has no leases.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn running(&self) -> Result<Option<SessionLease>, SessionOpError> {
        self.sessions().lease(&self.id).await
    }

    /// Returns the turn that has begun and not ended, if a durable store keeps it: it waits for a person, as its
    /// approvals show, or it was interrupted. It can go on with [`resume`](Self::resume). Returns `None` if the turn
    /// [runs](Self::running) at this moment; without leases in the store this is not known, and it may run.
    ///
    /// # Errors
    ///
    /// The store failed, or its journal cannot be read.
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
