//! The part of a request before the conversation: the system prompt, the model and the tools.

use std::sync::Arc;

use victor_chat_protocol::{ModeSwitched, ModelCall};
use victor_core::{ModelId, ToolSpec};

use crate::TurnRequests;

/// The part of a request before the conversation.
#[derive(Debug)]
pub(crate) struct Preamble {
    pub(crate) prompt: Arc<str>,
    /// The model that the mode or the session names; `None` for the one that requests go to.
    pub(crate) model: Option<ModelId>,
    pub(crate) tools: Arc<[ToolSpec]>,
    /// Tokens of all that is sent beside the conversation.
    pub(crate) tokens: u64,
}

impl TurnRequests {
    /// Returns the preamble of the next model call. The mode may have been switched since the last one, and tools may
    /// have been added.
    pub(crate) async fn preamble(&self, call: &ModelCall) -> Preamble {
        let (prompt, model) = self.enter_mode().await;
        let tools = self.visible_tools().await;
        let tokens = self.count_tokens(call, &prompt, &tools);
        Preamble {
            prompt,
            model,
            tools,
            tokens,
        }
    }

    /// Returns the prompt and the model of the mode that the session is in, and tells of a switch.
    async fn enter_mode(&self) -> (Arc<str>, Option<ModelId>) {
        let (mut prompt, mut model) = (self.prompt.clone(), self.model.clone());
        let session = self.scope.session();
        let modes = &self.maker.sessions.modes;
        let switched = modes.read(session, |mode| {
            if !mode.prompt.is_empty() {
                let joined = format!("{}\n\n{}", self.prompt, mode.prompt);
                prompt = joined.trim_start().into();
            }
            if mode.model.is_some() {
                model.clone_from(&mode.model);
            }
            let (from, by) = modes.enter(session, &mode.name)?;
            let (from, to) = (from.as_ref().into(), mode.name.clone());
            Some(ModeSwitched::new(from, to, by.to_string()))
        });
        if let Some(switched) = switched.flatten() {
            self.scope.events.emit(switched).await;
        }
        (prompt, model)
    }

    /// Counts the system prompt, the tools, the form of the answer and a note.
    fn count_tokens(&self, call: &ModelCall, prompt: &Arc<str>, tools: &Arc<[ToolSpec]>) -> u64 {
        let maker = &self.maker;
        let counter = maker.roles.context.counter();
        let count = |text: &str| u64::from(counter.count_text(text));
        let output = call
            .output
            .as_ref()
            .map_or(0, |contract| count(&contract.format.schema.to_string()));
        let registry = &maker.sessions.registry;
        registry.prompt_tokens(self.scope.session(), prompt, count)
            + maker.tool_lists.tokens(tools, count)
            + output
            + call.note.as_deref().map_or(0, count)
    }
}
