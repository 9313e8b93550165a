//! The way of a message, from one coordinator to the next.

use std::sync::Arc;

use victor_chat_protocol::{
    ChatError, ChatResponse, EventSink, SuspendedTurn, TurnEventKind, TurnLimits, TurnStart,
    TurnStream,
};
use victor_config_protocol::{EffectiveConfig, Settings};
use victor_context_protocol::CompactionReport;
use victor_core::{SessionId, contain, contain_sync};
use victor_prompt_protocol::BuiltPrompt;
use victor_provider_protocol::NanoDollars;
use victor_rewind::SessionCheckpoints;
use victor_session_loader::{
    Admission, SessionLoader, SessionOpError, TurnOrder, TurnTask, as_session_error, note_facts,
};
use victor_session_protocol::{TurnLease, TurnPolicy};
use victor_turn_request::{RequestMaker, ToolLists, TurnScope};

use super::ports::{SessionPorts, TurnParts};
use crate::roles::Roles;

/// Opens turns and has the chat engine run them.
#[derive(Debug)]
pub(crate) struct TurnOpener {
    pub(crate) parts: TurnParts,
    /// The policy for messages that come while a turn runs, where the caller names none.
    policy: TurnPolicy,
}

impl TurnOpener {
    pub(crate) fn new(
        roles: Roles,
        sessions: SessionLoader,
        tool_lists: Arc<ToolLists>,
        policy: TurnPolicy,
    ) -> Self {
        let sessions = Arc::new(sessions);
        let checkpoints = SessionCheckpoints::new(sessions.clone(), roles.provider.clone());
        let requests = RequestMaker::new(roles.of_requests(), sessions.clone(), tool_lists);
        let parts = TurnParts {
            roles: Arc::new(roles),
            sessions,
            checkpoints: Arc::new(checkpoints),
            requests: Arc::new(requests),
        };
        Self { parts, policy }
    }

    /// Takes the session, loads what is not in memory, reads the configuration, builds the prompt, and runs the turn.
    pub(crate) async fn open(
        &self,
        mut order: TurnOrder,
        events: EventSink,
    ) -> Result<ChatResponse, ChatError> {
        let TurnParts {
            sessions, requests, ..
        } = &self.parts;
        sessions.ensure_started().await?;
        let lease = match sessions
            .admit(&mut order.task, self.policy, &events)
            .await?
        {
            Admission::Admitted(lease) => lease,
            Admission::Ended(response) => return Ok(*response),
        };
        self.load_session(&order.task, &lease, &events).await?;
        let config = self.load_config(&events).await;
        let _ = order.is_tracked.set(config.settings.enable_analytics);
        self.begin_mode(&order.session, &config)?;
        let limits = limits_in(&config.settings);
        let limits = sessions.limit(
            &order.session,
            limits,
            config.settings.max_session_tool_calls,
        );
        let scope = TurnScope {
            config,
            events,
            tags: order.tags,
            trace: order.trace,
        };
        let requests = requests.begin(scope, &order.task).await;
        // A message that another process has begun to answer under its key is not answered again.
        let facts = (order.task.facts().cloned()).filter(|_| !order.task.is_keyed());
        let start = order.task.into_start(order.session, order.turn, limits);
        let ports = SessionPorts::new(&self.parts, requests, lease, facts, order.check);
        let mut response = ports.run(start).await.map_err(as_session_error)?;
        response.cost = turn_cost(&self.parts.roles, &response);
        Ok(response)
    }

    /// Brings the session of a turn into memory, up to date, and closes what an interrupted turn has left.
    async fn load_session(
        &self,
        task: &TurnTask,
        lease: &Arc<TurnLease>,
        events: &EventSink,
    ) -> Result<(), ChatError> {
        let sessions = &self.parts.sessions;
        let notice = |message: &str| events.emit(TurnEventKind::notice("session", message));
        if let Some(warning) = sessions.load(lease.session(), lease.version()).await? {
            notice(&warning).await;
        }
        if let Some(interrupted) = sessions.take_over(task, lease).await? {
            let closed = self.close(interrupted, lease.clone()).await;
            closed.map_err(as_session_error)?;
            notice(
                "the last turn was interrupted; what its tool calls may have done is in the conversation",
            )
            .await;
        }
        if let TurnTask::Answer { facts, .. } = task {
            note_facts(sessions, lease, facts);
        }
        Ok(())
    }

    /// Ends an interrupted turn as if it had been cancelled, so that the conversation shows every call that may have
    /// run.
    async fn close(&self, turn: SuspendedTurn, lease: Arc<TurnLease>) -> Result<(), ChatError> {
        let (parts, turn) = (self.parts.clone(), Box::new(turn));
        let (session, id) = (turn.session.clone(), turn.turn);
        let stream = TurnStream::new(session, id, async move |events: EventSink| {
            let scope = TurnScope {
                config: parts.roles.config.config(),
                events,
                tags: Arc::default(),
                trace: None,
            };
            let requests = parts.requests.without_prompt(scope);
            let approvals = Vec::new();
            let ports = SessionPorts::new(&parts, requests, lease, None, None);
            ports.run(TurnStart::Resume { turn, approvals }).await
        });
        stream.cancel_handle().cancel();
        stream.response().await.map(drop)
    }

    async fn load_config(&self, events: &EventSink) -> Arc<EffectiveConfig> {
        let (config, problem) = self.config_of(events.session()).await;
        if let Some(problem) = problem {
            events.emit(TurnEventKind::notice("config", problem)).await;
        }
        config
    }

    /// Returns the configuration of a session, or that of all sessions with the reason why it cannot be had.
    async fn config_of(&self, session: &SessionId) -> (Arc<EffectiveConfig>, Option<String>) {
        let config = &self.parts.roles.config;
        let problem = match contain(async { config.load_config(session).await }).await {
            Ok(Ok(config)) => return (config, None),
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        (config.config(), Some(problem))
    }

    /// Takes a session that begins to the mode that its own configuration names.
    fn begin_mode(
        &self,
        session: &SessionId,
        config: &EffectiveConfig,
    ) -> Result<(), SessionOpError> {
        if config.is_of_session("mode") {
            let origin = || config.source("mode").to_string();
            let modes = &self.parts.sessions.modes;
            modes.begin(session, &config.settings.mode, origin)?;
        }
        Ok(())
    }

    /// Builds the prompt that the next turn of a session would begin with.
    pub(crate) async fn preview_prompt(
        &self,
        session: &SessionId,
    ) -> Result<BuiltPrompt, SessionOpError> {
        let _held = self.parts.sessions.hold(session).await?;
        let (config, _) = self.config_of(session).await;
        self.begin_mode(session, &config)?;
        Ok(self.parts.requests.preview_prompt(session, &config).await)
    }

    /// Compacts a session's context now.
    pub(crate) async fn compact(
        &self,
        session: &SessionId,
    ) -> Result<Option<CompactionReport>, SessionOpError> {
        let _held = self.parts.sessions.hold(session).await?;
        let (config, _) = self.config_of(session).await;
        self.parts.requests.compact(session, &config).await
    }
}

/// Returns the cost of a turn; `None` where a price is unknown, or where another process has made some of its calls.
fn turn_cost(roles: &Roles, response: &ChatResponse) -> Option<NanoDollars> {
    let ledger = contain_sync(|| roles.provider.ledger()).ok()??;
    let total = contain_sync(|| ledger.turn(response.turn)).ok()??;
    let is_whole = total.usage.total_tokens() >= response.usage.total_tokens();
    (is_whole && total.unpriced == 0).then_some(total.cost)
}

/// Returns the limits of a turn in the settings.
fn limits_in(settings: &Settings) -> TurnLimits {
    let mut limits = TurnLimits::default();
    limits.max_tool_iterations = settings.max_tool_iterations;
    limits.max_tool_calls = settings.max_tool_calls;
    limits.max_tokens = settings.max_turn_tokens;
    limits
}
