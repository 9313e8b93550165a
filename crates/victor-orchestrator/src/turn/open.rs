//! The way of a message, from one coordinator to the next.

use std::sync::{Arc, OnceLock};

use serde_json::json;
use victor_chat_protocol::{
    ChatError, ChatResponse, EventSink, PromptUsed, TurnEventKind, TurnLimits,
};
use victor_config_protocol::{EffectiveConfig, Settings};
use victor_core::{JsonMap, SessionId, contain, contain_sync};
use victor_prompt_protocol::{BuiltPrompt, Omission, PromptContext, PromptSection, Stability};
use victor_provider_protocol::NanoDollars;
use victor_rewind::SessionCheckpoints;
use victor_session_loader::{SessionLoader, SessionOpError, SessionRecord, note_facts};
use victor_session_protocol::{SessionError, SessionManagerExt as _, TurnLease, TurnPolicy};

use super::admission::{Admission, admit, check_fresh};
use super::order::{TurnOrder, TurnTask};
use super::ports::SessionPorts;
use super::preamble::PreambleSource;
use super::scope::{TurnParts, TurnScope};
use super::settle::settle_interrupted;
use super::window::session_model;
use crate::roles::Roles;
use crate::tools::ToolLists;

/// Opens turns and has the chat engine run them.
#[derive(Debug)]
pub(crate) struct TurnOpener {
    pub(crate) parts: TurnParts,
    tool_lists: Arc<ToolLists>,
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
        let parts = TurnParts {
            roles: Arc::new(roles),
            sessions,
            checkpoints: Arc::new(checkpoints),
        };
        Self {
            parts,
            tool_lists,
            policy,
        }
    }

    /// Takes the session, loads what is not in memory, reads the configuration, builds the prompt, and runs the turn.
    pub(crate) async fn open(
        &self,
        mut order: TurnOrder,
        events: EventSink,
    ) -> Result<ChatResponse, ChatError> {
        check_name(&order.session)?;
        self.parts.sessions.ensure_started().await?;
        let lease = match admit(&self.parts.sessions, &mut order.task, self.policy, &events).await?
        {
            Admission::Admitted(lease) => lease,
            Admission::Ended(response) => return Ok(*response),
        };
        self.load_session(&order.task, &lease, &events).await?;
        let config = self.load_config(&events).await;
        let _ = order.is_tracked.set(config.settings.enable_analytics);
        self.begin_mode(&order.session, &config)?;
        let preambles = self.preamble_source(&order.task, &config, &events).await;
        let limits = self.limits(&order.session, &config.settings);
        let facts = order.task.facts().cloned();
        let scope = TurnScope {
            parts: self.parts.clone(),
            config,
            events,
            tags: order.tags,
            trace: order.trace,
        };
        let start = order.task.into_start(order.session, order.turn, limits);
        let ports = SessionPorts::new(scope, preambles, lease, facts, order.check);
        let mut response = ports.run(start).await.map_err(as_session_error)?;
        response.cost = turn_cost(&self.parts.roles, &response);
        Ok(response)
    }

    /// Brings the session of a turn into memory, up to date, and settles what an interrupted turn has left.
    async fn load_session(
        &self,
        task: &TurnTask,
        lease: &Arc<TurnLease>,
        events: &EventSink,
    ) -> Result<(), ChatError> {
        let loaded = self.parts.sessions.load(lease.session(), lease.version());
        if let Some(warning) = loaded.await? {
            events.emit(TurnEventKind::notice("session", warning)).await;
        }
        match task {
            TurnTask::Resume { turn, .. } => {
                check_fresh(&self.parts.sessions, turn)?;
                // It may ask the model, or run tools, before it writes.
                let claimed = self.parts.sessions.manager().claim(lease, turn.turn).await;
                claimed.map_err(SessionOpError::from)?;
            }
            TurnTask::Answer { facts, .. } => {
                let settles = lease.has_open_turn();
                if settles
                    && settle_interrupted(&self.parts, lease)
                        .await
                        .map_err(as_session_error)?
                {
                    let message = "the last turn was interrupted; what its tool calls may have done is in the \
                                   conversation";
                    events.emit(TurnEventKind::notice("session", message)).await;
                }
                note_facts(&self.parts.sessions, lease, facts);
            }
        }
        Ok(())
    }

    async fn load_config(&self, events: &EventSink) -> Arc<EffectiveConfig> {
        let config = &self.parts.roles.config;
        let problem = match contain(async { config.load_config(events.session()).await }).await {
            Ok(Ok(config)) => return config,
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        events.emit(TurnEventKind::notice("config", problem)).await;
        config.config()
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

    /// Builds the system prompt, and chooses the model.
    async fn preamble_source(
        &self,
        task: &TurnTask,
        config: &EffectiveConfig,
        events: &EventSink,
    ) -> PreambleSource {
        let facts = task.facts().cloned().unwrap_or_default();
        let context = self.prompt_context(events.session(), facts, config);
        let context = match task.message() {
            Some(message) => context.with_message(message.text()),
            None => context,
        };
        let prompt = build_prompt(&self.parts.roles, &context).await;
        self.tell_prompt(&prompt, events).await;
        PreambleSource {
            prompt: prompt.text,
            model: session_model(config),
            tool_lists: self.tool_lists.clone(),
            user_text: OnceLock::new(),
        }
    }

    /// Returns what contributors can know of a session.
    fn prompt_context(
        &self,
        session: &SessionId,
        facts: JsonMap,
        config: &EffectiveConfig,
    ) -> PromptContext {
        let model = session_model(config);
        let mut context = PromptContext::from(facts);
        if config.is_set("system_prompt_template") {
            context = context.with_template(&config.settings.system_prompt_template);
        }
        context.insert("session_id", json!(session));
        context.insert(
            "model",
            json!(self.parts.roles.model(session, model.as_ref())),
        );
        // On by default, so that it costs nothing.
        if !config.settings.enable_task_hints {
            context.insert("enable_task_hints", false);
        }
        context
    }

    /// Tells what is left out of a prompt and which stored prompts are in it, and has it stored with the session.
    async fn tell_prompt(&self, prompt: &BuiltPrompt, events: &EventSink) {
        for omission in &prompt.omissions {
            let message = format!(
                "`{}` is left out of the prompt: {}",
                omission.contributor, omission.reason
            );
            events.emit(TurnEventKind::notice("prompt", message)).await;
        }
        let versions = prompt.sections.iter().flat_map(|section| &section.versions);
        let versions: Vec<_> = versions.cloned().collect();
        if !versions.is_empty() {
            events.emit(PromptUsed::new(versions)).await;
        }
        let (sessions, session) = (&self.parts.sessions, events.session());
        // A store that lives no longer than its process need not keep it.
        if sessions.manager().persists_turns() {
            let sent = self.with_mode(session, prompt);
            sessions.registry.note_prompt(session, events.turn(), &sent);
        }
    }

    /// Adds what the mode of a session adds to its prompt.
    fn with_mode(&self, session: &SessionId, prompt: &BuiltPrompt) -> BuiltPrompt {
        let modes = &self.parts.sessions.modes;
        let added = modes.read(session, |mode| mode.prompt.clone());
        let Some(added) = added.filter(|added| !added.is_empty()) else {
            return prompt.clone();
        };
        let joined = format!("{}\n\n{added}", prompt.text);
        let text = joined.trim_start();
        let mode = PromptSection::new(
            "mode",
            Stability::Turn,
            text.len() - added.len()..text.len(),
        );
        let sections = prompt.sections.iter().cloned().chain([mode]);
        BuiltPrompt::new(text, prompt.omissions.clone()).with_sections(sections.collect::<Vec<_>>())
    }

    /// Builds the prompt that the next turn of a session would begin with, and that its mode adds to.
    pub(crate) async fn preview_prompt(
        &self,
        session: &SessionId,
    ) -> Result<BuiltPrompt, SessionOpError> {
        let _held = self.parts.sessions.hold(session).await?;
        let roles = &self.parts.roles;
        let config = match contain(roles.config.load_config(session)).await {
            Ok(Ok(config)) => config,
            _ => roles.config.config(),
        };
        self.begin_mode(session, &config)?;
        let context = self.prompt_context(session, JsonMap::new(), &config);
        let prompt = build_prompt(roles, &context).await;
        Ok(self.with_mode(session, &prompt))
    }

    /// Returns the limits of a turn, by the settings and the session's mode.
    fn limits(&self, session: &SessionId, settings: &Settings) -> TurnLimits {
        let mut limits = TurnLimits::default();
        limits.max_tool_iterations = settings.max_tool_iterations;
        limits.max_tool_calls = settings.max_tool_calls;
        limits.max_tokens = settings.max_turn_tokens;
        self.parts.sessions.modes.read(session, |mode| {
            let mode = &mode.limits;
            limits.max_tool_iterations = mode.tool_iterations(limits.max_tool_iterations);
            limits.max_tool_calls = mode.max_tool_calls.or(limits.max_tool_calls);
            limits.max_tokens = mode.max_tokens.or(limits.max_tokens);
        });
        if let Some(most) = settings.max_session_tool_calls {
            let registry = &self.parts.sessions.registry;
            let left = most.saturating_sub(registry.read(session, SessionRecord::tool_calls));
            limits.max_tool_calls =
                Some(limits.max_tool_calls.map_or(left, |limit| limit.min(left)));
        }
        limits
    }
}

/// Builds a prompt. A coordinator that panics is left out as a whole.
async fn build_prompt(roles: &Roles, context: &PromptContext) -> BuiltPrompt {
    let built = contain(roles.prompt.build_system_prompt(context)).await;
    built.unwrap_or_else(|panicked| {
        let omission = Omission::new("prompt coordinator", panicked.to_string());
        BuiltPrompt::new("", vec![omission])
    })
}

/// Returns the cost of a turn; `None` where a price is unknown, or where another process has made some of its calls.
fn turn_cost(roles: &Roles, response: &ChatResponse) -> Option<NanoDollars> {
    let ledger = contain_sync(|| roles.provider.ledger()).ok()??;
    let total = contain_sync(|| ledger.turn(response.turn)).ok()??;
    let is_whole = total.usage.total_tokens() >= response.usage.total_tokens();
    (is_whole && total.unpriced == 0).then_some(total.cost)
}

fn check_name(session: &SessionId) -> Result<(), ChatError> {
    if session.as_str().is_empty() {
        return Err(ChatError::Setup {
            coordinator: "session",
            source: "its name is empty: give the session a name".into(),
        });
    }
    Ok(())
}

/// Returns the error of a turn, as a conflict if it could not be stored because somebody else has the session, and as one
/// of a store that cannot be reached where that is so.
fn as_session_error(error: ChatError) -> ChatError {
    let ChatError::Commit { source, turn } = error else {
        return error;
    };
    match source.downcast_ref() {
        Some(SessionError::Unavailable { .. }) => ChatError::Unavailable {
            source,
            turn: Some(turn),
        },
        Some(error) if SessionError::is_conflict(error) => {
            let turn = Some(turn);
            ChatError::Conflict { source, turn }
        }
        _ => ChatError::Commit { source, turn },
    }
}
