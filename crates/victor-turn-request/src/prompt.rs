//! The system prompt of a turn.

use serde_json::json;
use victor_chat_protocol::{EventSink, PromptUsed, TurnEventKind};
use victor_config_protocol::EffectiveConfig;
use victor_core::{JsonMap, SessionId, contain};
use victor_prompt_protocol::{BuiltPrompt, Omission, PromptContext, PromptSection, Stability};
use victor_session_protocol::SessionManagerExt as _;

use crate::RequestMaker;
use crate::maker::session_model;

impl RequestMaker {
    /// Returns what contributors can know of a session.
    pub(crate) fn prompt_context(
        &self,
        session: &SessionId,
        facts: JsonMap,
        config: &EffectiveConfig,
    ) -> PromptContext {
        let model = self.roles.model(session, session_model(config).as_ref());
        let mut context = PromptContext::from(facts);
        if config.is_set("system_prompt_template") {
            context = context.with_template(&config.settings.system_prompt_template);
        }
        context.insert("session_id", json!(session));
        context.insert("model", json!(model));
        // On by default, so that it costs nothing.
        if !config.settings.enable_task_hints {
            context.insert("enable_task_hints", false);
        }
        context
    }

    /// Builds a prompt. A coordinator that panics is left out as a whole.
    pub(crate) async fn build_prompt(&self, context: &PromptContext) -> BuiltPrompt {
        let built = contain(self.roles.prompt.build_system_prompt(context)).await;
        built.unwrap_or_else(|panicked| {
            let omission = Omission::new("prompt coordinator", panicked.to_string());
            BuiltPrompt::new("", vec![omission])
        })
    }

    /// Tells what is left out of a prompt and which stored prompts are in it, and has it stored with the session.
    pub(crate) async fn tell_prompt(&self, prompt: &BuiltPrompt, events: &EventSink) {
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
        let (sessions, session) = (&self.sessions, events.session());
        // A store that lives no longer than its process need not keep it.
        if sessions.manager().persists_turns() {
            let sent = self.with_mode(session, prompt);
            sessions.registry.note_prompt(session, events.turn(), &sent);
        }
    }

    /// Adds what the mode of a session adds to its prompt.
    pub(crate) fn with_mode(&self, session: &SessionId, prompt: &BuiltPrompt) -> BuiltPrompt {
        let modes = &self.sessions.modes;
        let added = modes.read(session, |mode| mode.prompt.clone());
        let Some(added) = added.filter(|added| !added.is_empty()) else {
            return prompt.clone();
        };
        let joined = format!("{}\n\n{added}", prompt.text);
        let text = joined.trim_start();
        let place = text.len() - added.len()..text.len();
        let mode = PromptSection::new("mode", Stability::Turn, place);
        let sections = prompt.sections.iter().cloned().chain([mode]);
        BuiltPrompt::new(text, prompt.omissions.clone()).with_sections(sections.collect::<Vec<_>>())
    }
}
