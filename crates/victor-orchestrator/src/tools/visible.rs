//! The tools that a model is shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use victor_config_protocol::EffectiveConfig;
use victor_core::{Messages, Role, SessionId, ToolSpec, contain};
use victor_tool_selection_protocol::SelectionRequest;

use super::ToolLists;
use crate::roles::Roles;

/// Returns the text of the user's latest message.
pub(crate) fn latest_user_text(messages: &Messages) -> Arc<str> {
    let latest = messages
        .iter()
        .rev()
        .find(|message| *message.role() == Role::User);
    latest
        .map(|message| message.text().into())
        .unwrap_or_default()
}

/// Returns the tools that the model is shown in its next call: those that the mode permits, and of these the ones that
/// tool selection chooses. A problem of the selection comes with them.
pub(crate) async fn visible_tools(
    roles: &Roles,
    config: &EffectiveConfig,
    lists: &ToolLists,
    session: &SessionId,
    user_text: Arc<str>,
    used: Arc<BTreeSet<String>>,
) -> (Arc<[ToolSpec]>, Option<String>) {
    let permitted = lists.permitted.of(session, &roles.tool.specs());
    let is_enabled = config.settings.enable_tool_selection;
    let Some(selector) = roles.tool_selection.as_ref().filter(|_| is_enabled) else {
        return (permitted, None);
    };
    let mut request = request_for(config, session, user_text);
    request.used = used;
    match contain(selector.select_tools(&request, &permitted)).await {
        Ok(selection) => (selection.tools, selection.problem),
        Err(panicked) => (permitted, Some(panicked.to_string())),
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
