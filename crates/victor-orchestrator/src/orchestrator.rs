//! The orchestrator: what happens to a message, from one coordinator to the next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;
use tokio::sync::OnceCell;
use victor_analytics_protocol::AnalyticsTracker;
use victor_chat_protocol::{
    Agent, Approval, ChatEngine, ChatError, ChatInput, ChatResponse, CheckOutput, EventSink,
    OutputContract, SuspendedTurn, TurnEventKind, TurnLimits, TurnStart, TurnStream,
};
use victor_checkpoint_protocol::CheckpointManager;
use victor_config_protocol::{ConfigLoader, ConfigSource, EffectiveConfig, Settings};
use victor_context_protocol::{CompactionReport, ContextManager};
use victor_core::{
    BoxError, CheckpointId, Health, HealthStatus, JsonMap, ModelId, Problems, SessionId, TurnId,
    contain, contain_sync,
};
use victor_mode_protocol::ModeManager;
use victor_prompt_protocol::{BuiltPrompt, Omission, PromptBuilder, PromptContext};
use victor_provider_protocol::{ChatProvider, ProviderRouter};
use victor_session_protocol::{SessionError, SessionManager, TurnPolicy};
use victor_tool_protocol::ToolExecutor;
use victor_tool_selection_protocol::ToolSelector;

use crate::base::sees_all;
use crate::modes::MODE;
use crate::opening::{Opened, told_apart};
use crate::ports::{SessionPorts, window_request};
use crate::restore::part;
use crate::roles::Roles;
use crate::seen::{MemoryLimits, Seen};
use crate::telemetry::{Telemetry, UsageFeedback};
use crate::tools::{ToolLists, with_mode};
use crate::{AgentOrchestratorBuilder, HealthReport, Session};

/// Runs conversations between a person or program and a model that calls tools.
///
/// It composes the coordinators and knows them by their roles alone; each can be replaced when it is built. Cloning it
/// copies one pointer; it serves any number of sessions and tasks at once.
///
/// See the [crate's documentation](crate) for examples.
#[derive(Debug, Clone)]
pub struct AgentOrchestrator {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) roles: Roles,
    /// The session of those who have only one.
    pub(crate) session: SessionId,
    /// What is odd about how the orchestrator was built.
    pub(crate) remarks: Vec<String>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) tool_lists: Arc<ToolLists>,
    pub(crate) memory: MemoryLimits,
    /// What happens to a message that comes while a turn runs, where it is not said with the message.
    pub(crate) policy: TurnPolicy,
    pub(crate) started: OnceCell<()>,
    pub(crate) ended: AtomicBool,
    /// What is wrong with single sessions.
    pub(crate) problems: Problems,
}

impl AgentOrchestrator {
    /// Builds an orchestrator piece by piece.
    pub fn builder() -> AgentOrchestratorBuilder {
        AgentOrchestratorBuilder::default()
    }

    pub(crate) fn new(
        roles: Roles,
        tool_lists: Arc<ToolLists>,
        session: SessionId,
        memory: MemoryLimits,
        policy: TurnPolicy,
        remarks: Vec<String>,
    ) -> Self {
        let (started, ended) = (OnceCell::new(), AtomicBool::new(false));
        Self {
            inner: Arc::new(Inner {
                roles,
                session,
                remarks,
                seen: Arc::default(),
                tool_lists,
                memory,
                policy,
                started,
                ended,
                problems: Problems::default(),
            }),
        }
    }

    /// Sends a message in the default session and returns the answer when it is whole.
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

    /// Sends a message in the default session and returns what comes of it, as it comes. Nothing happens until the
    /// stream is polled.
    pub fn stream_chat(&self, input: impl Into<ChatInput>) -> TurnStream {
        self.begin(self.inner.session.clone(), input.into(), None, None)
    }

    /// The session of this name. It is made by its first message.
    pub fn session(&self, id: impl Into<SessionId>) -> Session {
        Session {
            orchestrator: self.clone(),
            id: id.into(),
            policy: None,
        }
    }

    /// The name of the default session.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        &self.inner.session
    }

    /// Takes a suspended turn up again, in its own session, with what a person decided about the calls that wait for
    /// approval. It goes on only if the conversation has not gone on without it.
    pub fn resume(
        &self,
        turn: SuspendedTurn,
        approvals: impl IntoIterator<Item = Approval>,
    ) -> TurnStream {
        self.take_up(turn, approvals.into_iter().collect(), None)
    }

    /// Sends all further model calls to another provider and model, also those of turns that run. A session whose own
    /// configuration names a model keeps that name.
    pub fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: impl Into<ModelId>) {
        self.inner
            .roles
            .provider
            .switch_provider(provider, model.into());
    }

    /// Waits for the turn that runs in a session, and forgets the conversation: its context, transcript and analytics, in
    /// one write. What a person calls it and its mode stay, and so do its checkpoints.
    ///
    /// # Errors
    ///
    /// The store does not work; nothing was forgotten.
    pub async fn reset_session(&self, session: &SessionId) -> Result<(), SessionError> {
        let mut patch = sees_all();
        // A mode that is not known here stays where it is kept.
        let mode = self.session(session.clone()).load_mode().await;
        let mode = mode.ok().flatten();
        if let Some(mode) = &mode {
            patch.metadata.insert(MODE.into(), mode.as_str().into());
        }
        let sessions = &self.inner.roles.session;
        sessions.reset_session(session, &patch).await?;
        self.forget(session);
        if let Some(mode) = mode
            && let Err(error) = self.inner.go_to(session, &mode)
        {
            tracing::warn!(%session, %error, "the mode of a session that was reset");
        }
        Ok(())
    }

    /// Waits for the turn that runs in a session, and deletes the session with all that hangs on it: its checkpoints, what
    /// tools have kept of it, its transcript and its journal. Says whether there was something.
    ///
    /// Where all stores are in one database that deletes them together, as `victor-sql` does, this is one write. Otherwise
    /// the session goes last, so that a deletion which was interrupted is finished by the next one.
    ///
    /// # Errors
    ///
    /// A store does not work. What is left is deleted by another call.
    pub async fn delete_session(&self, session: &SessionId) -> Result<bool, ChatError> {
        let there = self.inner.delete(session).await?;
        self.forget(session);
        Ok(there)
    }

    /// Takes what is known of a session out of memory.
    pub(crate) fn forget(&self, session: &SessionId) {
        for coordinator in self.inner.roles.all() {
            coordinator.reset(session);
        }
        self.inner.seen.forget(session);
        self.inner.problems.clear(&part(session));
    }

    /// Compacts a session's context now, by its settings, and says what that did. The transcript keeps everything.
    ///
    /// It waits for the turn that runs.
    ///
    /// # Errors
    ///
    /// The store does not work, or the context cannot be made smaller. The context is as it was.
    pub async fn compact_session(
        &self,
        session: &SessionId,
    ) -> Result<Option<CompactionReport>, ChatError> {
        self.inner.compact(session).await
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
    ) -> Result<Session, ChatError> {
        let session = self.session(session);
        self.inner.fork(checkpoint, session.id()).await?;
        Ok(session)
    }

    /// How the coordinators fare.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        let asked = self.inner.roles.all().into_iter().map(|coordinator| {
            contain_sync(|| coordinator.health()).unwrap_or_else(|panicked| {
                let mut health =
                    Health::from_problems(coordinator.name(), vec![panicked.to_string()]);
                health.status = HealthStatus::Unhealthy;
                health
            })
        });
        let mut problems = self.inner.remarks.clone();
        problems.extend(self.inner.problems.health("orchestrator").problems);
        let own = Health::from_problems("orchestrator", problems);
        HealthReport::new([own].into_iter().chain(asked).collect())
    }

    /// Refuses further turns, and has every coordinator end its work and write out what waits. Turns that run go on.
    ///
    /// # Cancel safety
    ///
    /// It can be called again.
    pub async fn shutdown(&self) {
        self.inner.ended.store(true, Ordering::Release);
        for coordinator in self.inner.roles.all().into_iter().rev() {
            if let Err(panicked) = contain(coordinator.shutdown()).await {
                tracing::warn!(coordinator = coordinator.name(), %panicked, "shutdown");
            }
        }
    }

    /// The coordinator that knows what is configured.
    #[must_use]
    pub fn config_coordinator(&self) -> &Arc<dyn ConfigLoader> {
        &self.inner.roles.config
    }

    /// The coordinator that builds the system prompt.
    #[must_use]
    pub fn prompt_coordinator(&self) -> &Arc<dyn PromptBuilder> {
        &self.inner.roles.prompt
    }

    /// The coordinator that keeps what the model sees. What is reset or replaced there comes back from the transcript
    /// when the session is loaded again; [`reset_session`](Self::reset_session) forgets both.
    #[must_use]
    pub fn context_coordinator(&self) -> &Arc<dyn ContextManager> {
        &self.inner.roles.context
    }

    /// The coordinator that works turns.
    #[must_use]
    pub fn chat_coordinator(&self) -> &Arc<dyn ChatEngine> {
        &self.inner.roles.chat
    }

    /// The coordinator that runs tool calls, within what the modes permit.
    #[must_use]
    pub fn tool_coordinator(&self) -> &Arc<dyn ToolExecutor> {
        &self.inner.roles.tool
    }

    /// The coordinator that knows the modes, if there are any.
    #[must_use]
    pub fn mode_coordinator(&self) -> Option<&Arc<dyn ModeManager>> {
        self.inner.roles.mode.as_ref()
    }

    /// The coordinator that chooses which tools the model is shown, if there is one.
    #[must_use]
    pub fn tool_selection_coordinator(&self) -> Option<&Arc<dyn ToolSelector>> {
        self.inner.roles.tool_selection.as_ref()
    }

    /// The coordinator that makes checkpoints, if there is one.
    #[must_use]
    pub fn checkpoint_coordinator(&self) -> Option<&Arc<dyn CheckpointManager>> {
        self.inner.roles.checkpoint.as_ref()
    }

    /// The coordinator that knows the sessions.
    #[must_use]
    pub fn session_coordinator(&self) -> &Arc<dyn SessionManager> {
        &self.inner.roles.session
    }

    /// The coordinator that asks the model.
    #[must_use]
    pub fn provider_coordinator(&self) -> &Arc<dyn ProviderRouter> {
        &self.inner.roles.provider
    }

    /// The coordinator that collects events.
    #[must_use]
    pub fn analytics_coordinator(&self) -> &Arc<dyn AnalyticsTracker> {
        &self.inner.roles.analytics
    }

    /// Begins a turn, whose answer must have a form if one is given.
    pub(crate) fn begin(
        &self,
        session: SessionId,
        input: ChatInput,
        output: Option<(OutputContract, Arc<dyn CheckOutput>)>,
        policy: Option<TurnPolicy>,
    ) -> TurnStream {
        let (output, check) = output.unzip();
        let turn = TurnId::generate();
        let metadata = input.metadata().clone();
        let (input, limits) = (input.into_message(), TurnLimits::default());
        let start = TurnStart::Begin {
            session: session.clone(),
            turn,
            input,
            limits,
            output,
        };
        self.run(session, turn, start, metadata, check, policy)
    }

    pub(crate) fn take_up(
        &self,
        turn: SuspendedTurn,
        approvals: Vec<Approval>,
        check: Option<Arc<dyn CheckOutput>>,
    ) -> TurnStream {
        let (session, id, turn) = (turn.session.clone(), turn.turn, Box::new(turn));
        let start = TurnStart::Resume { turn, approvals };
        self.run(session, id, start, JsonMap::new(), check, None)
    }

    fn run(
        &self,
        session: SessionId,
        turn: TurnId,
        start: TurnStart,
        metadata: JsonMap,
        check: Option<Arc<dyn CheckOutput>>,
        policy: Option<TurnPolicy>,
    ) -> TurnStream {
        let inner = self.inner.clone();
        let mut telemetry = Telemetry {
            analytics: inner.roles.analytics.clone(),
            config: inner.roles.config.clone(),
            feedback: UsageFeedback::new(inner.roles.context.clone()),
        };
        let stream = TurnStream::new(session, turn, async move |events| {
            let session = events.session().clone();
            let working = inner.seen.working(&session);
            let result = inner.work(start, &metadata, check, policy, events).await;
            drop(working);
            inner.evict();
            result
        });
        stream.with_observer(move |event| telemetry.observe(event))
    }
}

impl Agent for AgentOrchestrator {
    fn name(&self) -> &str {
        "orchestrator"
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        self.begin(self.inner.session.clone(), input, None, None)
    }
}

impl Inner {
    /// The way of a message: session, configuration, prompt, and then the turn.
    async fn work(
        self: &Arc<Self>,
        mut start: TurnStart,
        metadata: &JsonMap,
        check: Option<Arc<dyn CheckOutput>>,
        policy: Option<TurnPolicy>,
        events: EventSink,
    ) -> Result<ChatResponse, ChatError> {
        if events.session().as_str().is_empty() {
            return Err(setup(
                "session",
                "its name is empty: give the session a name",
            ));
        }
        self.check_started().await?;
        let lease = match self.open(&mut start, policy, metadata, &events).await? {
            Opened::Turn(lease) => lease,
            Opened::Ended(response) => return Ok(*response),
        };
        let config = self.load_config(&events).await;
        if let TurnStart::Begin { limits, .. } = &mut start {
            *limits = self.limits(events.session(), &config.settings);
        }
        let model = Self::own_model(&config);
        let prompt = self
            .build_prompt(&config, model.as_ref(), metadata, &events)
            .await;
        let unwritten = matches!(start, TurnStart::Begin { .. }).then(|| metadata.clone());
        let ports = SessionPorts {
            inner: self.clone(),
            roles: self.roles.clone(),
            seen: self.seen.clone(),
            config,
            model,
            prompt,
            turn: events.turn(),
            check,
            events: events.clone(),
            question: OnceLock::new(),
            open: Mutex::default(),
            unwritten: Mutex::new(unwritten),
            lease: Mutex::new(Some(lease)),
        };
        let run = self.roles.chat.run_turn(start, Arc::new(ports), &events);
        run.await.map_err(told_apart)
    }

    /// How far a turn of a session may go, by the settings and the session's mode.
    fn limits(&self, session: &SessionId, settings: &Settings) -> TurnLimits {
        let mut limits = TurnLimits::default();
        limits.max_tool_iterations = settings.max_tool_iterations;
        limits.max_tool_calls = settings.max_tool_calls;
        limits.max_tokens = settings.max_turn_tokens;
        with_mode(self.roles.mode.as_ref(), session, |mode| {
            let mode = &mode.limits;
            limits.max_tool_iterations = mode.tool_iterations(limits.max_tool_iterations);
            limits.max_tool_calls = mode.max_tool_calls.or(limits.max_tool_calls);
            limits.max_tokens = mode.max_tokens.or(limits.max_tokens);
        });
        if let Some(most) = settings.max_session_tool_calls {
            let left = most.saturating_sub(self.seen.calls(session));
            limits.max_tool_calls = Some(limits.max_tool_calls.map_or(left, |own| own.min(left)));
        }
        limits
    }

    /// Takes sessions out of memory that nobody works on, if there are too many. What a store does not have is not
    /// taken out of memory, and a store in memory gains nothing by it.
    fn evict(&self) {
        if !self.roles.session.persists_turns() {
            return;
        }
        self.seen.evict(&self.memory, |session| {
            let _ = contain_sync(|| self.roles.context.reset(session));
            if let Some(selector) = &self.roles.tool_selection {
                let _ = contain_sync(|| selector.reset(session));
            }
        });
    }

    /// Compacts a session's context now.
    async fn compact(&self, session: &SessionId) -> Result<Option<CompactionReport>, ChatError> {
        let _held = self.hold(session).await?;
        let config = contain(self.roles.config.load_config(session)).await;
        let config = config
            .ok()
            .and_then(Result::ok)
            .unwrap_or_else(|| self.roles.config.config());
        let mut request = window_request(&self.roles, &config, Self::own_model(&config).as_ref());
        request.force = true;
        let prepared = self.roles.context.prepare(session, &request).await;
        let prepared = prepared.map_err(|error| setup("context", error))?;
        Ok(prepared.compaction)
    }

    async fn load_config(&self, events: &EventSink) -> Arc<EffectiveConfig> {
        let problem = match contain(self.roles.config.load_config(events.session())).await {
            Ok(Ok(config)) => return config,
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        events.emit(TurnEventKind::notice("config", problem)).await;
        self.roles.config.config()
    }

    /// The model that a session's own configuration names; otherwise it is the one that requests go to.
    fn own_model(config: &EffectiveConfig) -> Option<ModelId> {
        let own = matches!(config.source("model"), ConfigSource::Provider(_));
        config.settings.model.clone().filter(|_| own)
    }

    async fn build_prompt(
        &self,
        config: &EffectiveConfig,
        model: Option<&ModelId>,
        metadata: &JsonMap,
        events: &EventSink,
    ) -> Arc<str> {
        let mut context = PromptContext::from(metadata.clone());
        if config.is_set("system_prompt_template") {
            context = context.with_template(&config.settings.system_prompt_template);
        }
        context.insert("session_id", json!(events.session()));
        context.insert("model", json!(self.roles.model(model)));
        let built = contain(self.roles.prompt.build_system_prompt(&context)).await;
        let prompt = built.unwrap_or_else(|panicked| {
            let omission = Omission::new("prompt coordinator", panicked.to_string());
            BuiltPrompt::new("", vec![omission])
        });
        for omission in prompt.omissions {
            let message = format!(
                "`{}` is left out of the prompt: {}",
                omission.contributor, omission.reason
            );
            events.emit(TurnEventKind::notice("prompt", message)).await;
        }
        prompt.text
    }
}

/// A coordinator does not do what a turn, or what was asked for, needs.
pub(crate) fn setup(coordinator: &'static str, source: impl Into<BoxError>) -> ChatError {
    ChatError::Setup {
        coordinator,
        source: source.into(),
    }
}
