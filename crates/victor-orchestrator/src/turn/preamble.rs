//! The part of a request before the conversation: the system prompt, the model and the tools.

use std::sync::{Arc, OnceLock};

use victor_chat_protocol::{ModeSwitched, ModelCall};
use victor_core::{ModelId, ToolSpec};
use victor_session_loader::SessionRecord;

use super::scope::TurnScope;
use crate::tools::{ToolLists, latest_user_text, visible_tools};

/// The part of a request before the conversation.
#[derive(Debug)]
pub(super) struct Preamble {
    pub(super) prompt: Arc<str>,
    /// The model that the mode or the session names; `None` for the one that requests go to.
    pub(super) model: Option<ModelId>,
    pub(super) tools: Arc<[ToolSpec]>,
    /// Tokens of all that is sent beside the conversation.
    pub(super) tokens: u64,
}

/// The source of the preambles of one turn.
#[derive(Debug, Default)]
pub(super) struct PreambleSource {
    /// The system prompt without the mode's addition.
    pub(super) prompt: Arc<str>,
    /// The model that the session's own configuration names.
    pub(super) model: Option<ModelId>,
    pub(super) tool_lists: Arc<ToolLists>,
    /// The user's latest text, which stays the same throughout the turn.
    pub(super) user_text: OnceLock<Arc<str>>,
}

impl PreambleSource {
    /// Returns the preamble of the next model call. The mode may have been switched since the last one, and tools may
    /// have been added.
    pub(super) async fn next(&self, scope: &TurnScope, call: &ModelCall) -> Preamble {
        let (prompt, model) = self.enter_mode(scope).await;
        let tools = self.choose_tools(scope).await;
        let tokens = self.count_tokens(scope, call, &prompt, &tools);
        Preamble {
            prompt,
            model,
            tools,
            tokens,
        }
    }

    /// Returns the prompt and the model of the mode that the session is in, and tells of a switch.
    async fn enter_mode(&self, scope: &TurnScope) -> (Arc<str>, Option<ModelId>) {
        let (mut prompt, mut model) = (self.prompt.clone(), self.model.clone());
        let session = scope.session();
        let modes = &scope.sessions().modes;
        let switched = modes.read(session, |mode| {
            if !mode.prompt.is_empty() {
                let joined = format!("{}\n\n{}", self.prompt, mode.prompt);
                prompt = joined.trim_start().into();
            }
            if mode.model.is_some() {
                model.clone_from(&mode.model);
            }
            let (from, by) = modes.enter(session, &mode.name)?;
            Some(ModeSwitched::new(
                from.as_ref().into(),
                mode.name.clone(),
                by.to_string(),
            ))
        });
        if let Some(switched) = switched.flatten() {
            scope.events.emit(switched).await;
        }
        (prompt, model)
    }

    async fn choose_tools(&self, scope: &TurnScope) -> Arc<[ToolSpec]> {
        let (roles, session) = (scope.roles(), scope.session());
        let user_text = self.user_text.get_or_init(|| {
            let context = roles.context.context(session);
            latest_user_text(context.messages())
        });
        let used = scope
            .sessions()
            .registry
            .read(session, SessionRecord::used_tools);
        let (tools, problem) = visible_tools(
            roles,
            &scope.config,
            &self.tool_lists,
            session,
            user_text.clone(),
            used,
        )
        .await;
        if let Some(problem) = problem {
            scope.notice("tool selection", problem).await;
        }
        tools
    }

    /// Counts the system prompt, the tools, the form of the answer and a note.
    fn count_tokens(
        &self,
        scope: &TurnScope,
        call: &ModelCall,
        prompt: &Arc<str>,
        tools: &Arc<[ToolSpec]>,
    ) -> u64 {
        let counter = scope.roles().context.counter();
        let count = |text: &str| u64::from(counter.count_text(text));
        let output = call
            .output
            .as_ref()
            .map_or(0, |contract| count(&contract.format.schema.to_string()));
        let registry = &scope.sessions().registry;
        registry.prompt_tokens(scope.session(), prompt, count)
            + self.tool_lists.tokens(tools, count)
            + output
            + call.note.as_deref().map_or(0, count)
    }
}
