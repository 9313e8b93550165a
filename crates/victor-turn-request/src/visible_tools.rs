//! The tools that a model is shown.

use std::sync::Arc;

use victor_config_protocol::EffectiveConfig;
use victor_core::{Messages, Role, SessionId, ToolSpec, contain};
use victor_session_loader::SessionRecord;
use victor_tool_selection_protocol::SelectionRequest;

use crate::TurnRequests;

/// Returns the text of the user's latest message.
fn latest_user_text(messages: &Messages) -> Arc<str> {
    let latest = messages
        .iter()
        .rev()
        .find(|message| *message.role() == Role::User);
    latest
        .map(|message| message.text().into())
        .unwrap_or_default()
}

impl TurnRequests {
    /// Returns the tools that the model is shown in its next call: those that the mode permits, and of these the ones
    /// that tool selection chooses.
    pub(crate) async fn visible_tools(&self) -> Arc<[ToolSpec]> {
        let (roles, session) = (&self.maker.roles, self.scope.session());
        let lists = &self.maker.tool_lists;
        let permitted = lists.permitted(session, &roles.tool.specs());
        let is_enabled = self.scope.config.settings.enable_tool_selection;
        let Some(selector) = roles.tool_selection.as_ref().filter(|_| is_enabled) else {
            return permitted;
        };
        let user_text = self.user_text.get_or_init(|| {
            let context = roles.context.context(session);
            latest_user_text(context.messages())
        });
        let mut request = request_for(&self.scope.config, session, user_text.clone());
        let registry = &self.maker.sessions.registry;
        request.used = registry.read(session, SessionRecord::used_tools);
        let (tools, problem) = match contain(selector.select_tools(&request, &permitted)).await {
            Ok(selection) => (selection.tools, selection.problem),
            Err(panicked) => (permitted, Some(panicked.to_string())),
        };
        if let Some(problem) = problem {
            self.scope.notice("tool-selection", problem).await;
        }
        tools
    }
}

/// Returns a request with the strategy, the weight and the limit that the session has for itself.
fn request_for(
    config: &EffectiveConfig,
    session: &SessionId,
    user_text: Arc<str>,
) -> SelectionRequest {
    let mut request = SelectionRequest::new(session.clone(), user_text);
    let settings = &config.settings;
    if config.is_of_session("tool_selection_strategy") {
        request.strategy = Some(settings.tool_selection_strategy.as_str().into());
    }
    if config.is_of_session("tool_selection_hybrid_alpha") {
        #[expect(clippy::cast_possible_truncation, reason = "a weight has few digits")]
        let alpha = settings.tool_selection_hybrid_alpha as f32;
        request.hybrid_alpha = Some(alpha);
    }
    if config.is_of_session("tool_selection_limit") {
        // 0 stands for any number.
        let limit = usize::try_from(settings.tool_selection_limit).ok();
        request.limit = Some(limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX));
    }
    request
}
