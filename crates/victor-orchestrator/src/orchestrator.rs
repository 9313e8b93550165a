//! The orchestrator: its public methods.

use std::sync::Arc;

use victor_chat_protocol::{
    Agent, Approval, ChatError, ChatInput, ChatResponse, SuspendedTurn, TurnStream,
};
use victor_context_protocol::CompactionReport;
use victor_core::{ModelId, SessionId, contain_sync};
use victor_metrics_protocol::MetricsSnapshot;
use victor_mode_protocol::{ModeError, ModeSwitch, SwitchedBy};
use victor_provider_protocol::{ChatProvider, LedgerTotal};
use victor_rewind::SessionCheckpoints;
use victor_session_loader::{SessionLoader, TurnOrder};
use victor_turn_request::ToolLists;
use victor_turn_telemetry::{Telemetry, TurnObservers};

use crate::builder::SessionDefaults;
use crate::roles::Roles;
use crate::turn::TurnOpener;
use crate::{HealthReport, Recovered, RecoveryPolicy, SessionOpError};

/// Runs conversations between a person or program and a model that calls tools.
///
/// It composes the coordinators and knows them by their roles alone; each can be replaced when the orchestrator is
/// built. Cloning it copies one pointer. It serves any number of sessions and tasks at once.
///
/// See the [crate's documentation](crate) for examples.
#[derive(Debug, Clone)]
pub struct AgentOrchestrator {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The session used when none is named.
    default_session: SessionId,
    /// Oddities of how the orchestrator was built.
    remarks: Vec<String>,
    telemetry: Arc<Telemetry>,
    turns: TurnOpener,
}

impl AgentOrchestrator {
    /// Joins the coordinators. The lists of tools are those that `search_tools` shares with the turns.
    pub(crate) fn assemble(
        roles: Roles,
        tool_lists: Arc<ToolLists>,
        defaults: SessionDefaults,
        observers: TurnObservers,
        remarks: Vec<String>,
    ) -> Self {
        let sessions = SessionLoader::new(roles.of_sessions(), roles.all(), defaults.memory);
        let telemetry = Telemetry::new(roles.of_telemetry(), observers);
        telemetry.watch(&*roles.provider, sessions.coordinators());
        roles.note_model_in_use();
        let inner = Inner {
            default_session: defaults.id,
            remarks,
            telemetry: Arc::new(telemetry),
            turns: TurnOpener::new(roles, sessions, tool_lists, defaults.turn_policy),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Sends a message in the default session and returns the complete answer.
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

    /// Sends a message in the default session and returns the events of the turn. Nothing happens until the stream is
    /// polled.
    pub fn stream_chat(&self, input: impl Into<ChatInput>) -> TurnStream {
        let session = self.inner.default_session.clone();
        self.run(TurnOrder::answer(session, input.into(), None))
    }

    /// Returns the name of the default session.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        &self.inner.default_session
    }

    /// Resumes a suspended turn in its session, with a person's decisions about the calls that wait for approval. It
    /// fails if the conversation has gone on without the turn.
    pub fn resume(
        &self,
        turn: SuspendedTurn,
        approvals: impl IntoIterator<Item = Approval>,
    ) -> TurnStream {
        let approvals = approvals.into_iter().collect();
        self.run(TurnOrder::resume(turn, approvals))
    }

    /// Sends all further model calls to another provider and model, also those of running turns. A session whose
    /// configuration names a model keeps that name, and one that was [switched](crate::Session::switch_provider) by
    /// itself stays where it is.
    pub fn switch_provider(&self, provider: impl ChatProvider, model: impl Into<ModelId>) {
        let router = self.provider_coordinator();
        router.switch_provider(Arc::new(provider), model.into());
        self.roles().note_model_in_use();
    }

    /// Returns the tokens and the cost of all model calls that this process has made; `None` if the provider
    /// coordinator keeps no ledger. [`ProviderRouter::ledger`](victor_provider_protocol::ProviderRouter::ledger) has
    /// the sums by model, session and turn, and the single attempts.
    #[must_use]
    pub fn usage(&self) -> Option<LedgerTotal> {
        Some(self.provider_coordinator().ledger()?.total())
    }

    /// Returns what was counted in all sessions of this process: turns, model calls, tool calls, tokens, cost, how long
    /// each took, and every failure that a coordinator has contained. `None` if there is no metrics coordinator: the
    /// setting `enable_metrics` is false.
    #[must_use]
    pub fn metrics(&self) -> Option<MetricsSnapshot> {
        let metrics = self.metrics_coordinator()?;
        contain_sync(|| metrics.snapshot()).ok()
    }

    /// Waits for the running turn of a session, and empties the session: its context, transcript and analytics, in one
    /// write. Its title, its mode and its checkpoints stay.
    ///
    /// # Errors
    ///
    /// The store failed, and nothing was forgotten.
    pub async fn reset_session(&self, session: &SessionId) -> Result<(), SessionOpError> {
        self.sessions().reset(session).await
    }

    /// Waits for the running turn of a session, and deletes the session with its checkpoints, its transcript, its
    /// journal and the results that tools have stored. Returns whether there was anything.
    ///
    /// If all stores are in one database that deletes them together, as in `victor-sql`, this is one write. Otherwise
    /// the session goes last, so that another call finishes an interrupted deletion.
    ///
    /// # Errors
    ///
    /// A store failed. Another call deletes what is left.
    pub async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionOpError> {
        self.checkpoints().delete(session).await
    }

    /// Switches a session to another mode in the name of the program, for every tool call that is decided about from
    /// now on. The running or the next turn emits an event, and its next write saves the mode for other processes;
    /// [`Session::keep_mode`](crate::Session::keep_mode) does so at once.
    ///
    /// # Errors
    ///
    /// There is no such mode, or there are no modes at all. The session's mode is unchanged.
    pub fn switch_mode(&self, session: &SessionId, mode: &str) -> Result<ModeSwitch, ModeError> {
        self.switch_mode_by(session, mode, SwitchedBy::Program)
    }

    /// Switches a session to another mode as [`switch_mode`](Self::switch_mode) does, and records who did it.
    ///
    /// # Errors
    ///
    /// As there; a model may switch only to modes that are open to it.
    pub fn switch_mode_by(
        &self,
        session: &SessionId,
        mode: &str,
        by: SwitchedBy,
    ) -> Result<ModeSwitch, ModeError> {
        self.sessions().modes.switch(session, mode, by)
    }

    /// Waits for the running turn of a session, compacts the context by the session's settings, and returns a report;
    /// `None` if there was nothing to compact. The transcript keeps everything.
    ///
    /// # Errors
    ///
    /// The store failed, or the context cannot be made smaller. The context is unchanged.
    pub async fn compact_session(
        &self,
        session: &SessionId,
    ) -> Result<Option<CompactionReport>, SessionOpError> {
        self.turns().compact(session).await
    }

    /// Finds the turns that have begun and not ended, and resumes or closes them, one after the other. Turns that wait
    /// for a person are returned and left alone.
    ///
    /// Call it when a program starts. If the store has leases, a turn that another process works on is returned and
    /// left alone. The end of a process is noticed at once if both run on one machine with Linux, and otherwise when
    /// its lease has expired; until then its turn counts as running. A store without leases cannot tell the two apart:
    /// if several processes share it, leave this to one that knows that the others have ended.
    ///
    /// # Errors
    ///
    /// The store failed. The failure of a single turn is [`RecoveredTurn::Failed`](crate::RecoveredTurn::Failed).
    ///
    /// # Cancel safety
    ///
    /// The current turn ends as a dropped turn does, or is unchanged and can be recovered again.
    pub async fn recover(&self, policy: RecoveryPolicy) -> Result<Vec<Recovered>, SessionOpError> {
        let resume = |turn| self.resume(turn, []);
        self.sessions().recover(policy, resume).await
    }

    /// Returns the health of the orchestrator and of every coordinator.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.sessions().health(&self.inner.remarks)
    }

    /// Refuses further turns, and has every coordinator end its work and write out what is pending. Running turns go
    /// on.
    ///
    /// # Cancel safety
    ///
    /// It can be called again.
    pub async fn shutdown(&self) {
        self.sessions().shut_down().await;
    }

    /// Runs a turn while the stream is polled.
    pub(crate) fn run(&self, mut order: TurnOrder) -> TurnStream {
        let turns = self.inner.clone();
        let telemetry = &self.inner.telemetry;
        let (tags, is_tracked) = (order.tags.clone(), order.is_tracked.clone());
        let mut telemetry = telemetry.begin(order.opening(), tags, is_tracked);
        order.trace = telemetry.trace().or(order.trace);
        let (session, turn) = (order.session.clone(), order.turn);
        let stream = TurnStream::new(session, turn, async move |events| {
            let turns = &turns.turns;
            let sessions = &turns.parts.sessions;
            let active = sessions.registry.activate(&order.session);
            let result = turns.open(order, events).await;
            drop(active);
            sessions.evict();
            result
        });
        stream.with_observer(move |event| telemetry.observe(event))
    }

    pub(crate) fn turns(&self) -> &TurnOpener {
        &self.inner.turns
    }

    pub(crate) fn sessions(&self) -> &SessionLoader {
        &self.inner.turns.parts.sessions
    }

    pub(crate) fn checkpoints(&self) -> &SessionCheckpoints {
        &self.inner.turns.parts.checkpoints
    }

    pub(crate) fn roles(&self) -> &Roles {
        &self.inner.turns.parts.roles
    }
}

impl Agent for AgentOrchestrator {
    fn name(&self) -> &str {
        "orchestrator"
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        AgentOrchestrator::stream_chat(self, input)
    }
}
