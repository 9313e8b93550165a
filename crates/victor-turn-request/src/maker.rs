//! The source of the requests of all turns.

use std::sync::{Arc, OnceLock};

use victor_config_protocol::EffectiveConfig;
use victor_context_protocol::{CompactionReport, ContextManager};
use victor_core::{JsonMap, ModelId, SessionId, contain};
use victor_prompt_protocol::{BuiltPrompt, PromptBuilder};
use victor_provider_protocol::ProviderRouter;
use victor_session_loader::{SessionLoader, SessionOpError, TurnTask};
use victor_tool_protocol::ToolExecutor;
use victor_tool_selection_protocol::ToolSelector;

use crate::window::window_request;
use crate::{ToolLists, TurnRequests, TurnScope};

/// The roles that are joined where a request is made.
#[derive(Debug, Clone)]
pub struct RequestRoles {
    /// The coordinator of prompts.
    pub prompt: Arc<dyn PromptBuilder>,
    /// The coordinator of contexts.
    pub context: Arc<dyn ContextManager>,
    /// The router of model calls.
    pub provider: Arc<dyn ProviderRouter>,
    /// The executor of tool calls.
    pub tool: Arc<dyn ToolExecutor>,
    /// The coordinator that selects tools; without it, all that are permitted are shown.
    pub tool_selection: Option<Arc<dyn ToolSelector>>,
}

/// Makes the requests of all turns.
#[derive(Debug)]
pub struct RequestMaker {
    pub(crate) roles: RequestRoles,
    pub(crate) sessions: Arc<SessionLoader>,
    pub(crate) tool_lists: Arc<ToolLists>,
}

impl RequestRoles {
    /// Returns the model that a session has chosen for itself, or else the one that its requests go to now.
    pub(crate) fn model(&self, session: &SessionId, chosen: Option<&ModelId>) -> ModelId {
        chosen
            .cloned()
            .unwrap_or_else(|| self.provider.session_route(session).model)
    }
}

impl RequestMaker {
    /// Makes requests by these roles, for sessions that are in memory.
    #[must_use]
    pub fn new(
        roles: RequestRoles,
        sessions: Arc<SessionLoader>,
        tool_lists: Arc<ToolLists>,
    ) -> Self {
        Self {
            roles,
            sessions,
            tool_lists,
        }
    }

    /// Begins the requests of a turn: builds the system prompt, tells of what is left out of it, and has it remembered
    /// with the session.
    pub async fn begin(self: &Arc<Self>, scope: TurnScope, task: &TurnTask) -> TurnRequests {
        let facts = task.facts().cloned().unwrap_or_default();
        let context = self.prompt_context(scope.session(), facts, &scope.config);
        let context = match task.message() {
            Some(message) => context.with_message(message.text()),
            None => context,
        };
        let prompt = self.build_prompt(&context).await;
        self.tell_prompt(&prompt, &scope.events).await;
        TurnRequests {
            model: session_model(&scope.config),
            prompt: prompt.text,
            ..self.without_prompt(scope)
        }
    }

    /// Returns the requests of a turn that makes none, because it was cancelled.
    #[must_use]
    pub fn without_prompt(self: &Arc<Self>, scope: TurnScope) -> TurnRequests {
        TurnRequests {
            maker: self.clone(),
            scope,
            prompt: Arc::default(),
            model: None,
            user_text: OnceLock::new(),
        }
    }

    /// Builds the prompt that the next turn of a session would begin with, and that its mode adds to.
    pub async fn preview_prompt(
        &self,
        session: &SessionId,
        config: &EffectiveConfig,
    ) -> BuiltPrompt {
        let context = self.prompt_context(session, JsonMap::new(), config);
        let prompt = self.build_prompt(&context).await;
        self.with_mode(session, &prompt)
    }

    /// Compacts a session's context now, and returns a report; `None` if there was nothing to compact.
    ///
    /// # Errors
    ///
    /// The context cannot be made smaller. It is unchanged.
    pub async fn compact(
        &self,
        session: &SessionId,
        config: &EffectiveConfig,
    ) -> Result<Option<CompactionReport>, SessionOpError> {
        let model = session_model(config);
        let mut request = window_request(&self.roles, session, config, model.as_ref());
        request.force = true;
        let prepared = contain(self.roles.context.prepare(session, &request)).await??;
        Ok(prepared.compaction)
    }
}

/// Returns the model that the session's own configuration names; otherwise it is the one that requests go to.
pub(crate) fn session_model(config: &EffectiveConfig) -> Option<ModelId> {
    let model = config.settings.model.clone();
    model.filter(|_| config.is_of_session("model"))
}
