//! The coordinators that an orchestrator consists of, each known by its role alone.

use std::sync::Arc;

use victor_analytics_protocol::AnalyticsTracker;
use victor_chat_protocol::ChatEngine;
use victor_config_protocol::ConfigLoader;
use victor_context_protocol::ContextManager;
use victor_core::{Coordinator, ModelId};
use victor_prompt_protocol::PromptBuilder;
use victor_provider_protocol::ProviderRouter;
use victor_session_protocol::SessionManager;
use victor_tool_protocol::ToolExecutor;

/// The coordinators that an orchestrator consists of, each known by its role alone.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    pub(crate) analytics: Arc<dyn AnalyticsTracker>,
    pub(crate) chat: Arc<dyn ChatEngine>,
    pub(crate) config: Arc<dyn ConfigLoader>,
    pub(crate) context: Arc<dyn ContextManager>,
    pub(crate) prompt: Arc<dyn PromptBuilder>,
    pub(crate) provider: Arc<dyn ProviderRouter>,
    pub(crate) session: Arc<dyn SessionManager>,
    pub(crate) tool: Arc<dyn ToolExecutor>,
}

impl Roles {
    /// The model that a session has chosen for itself, or else the one that requests go to now.
    pub(crate) fn model(&self, own: Option<&ModelId>) -> ModelId {
        own.cloned().unwrap_or_else(|| self.provider.route().model)
    }

    /// All of them, in the order in which a message meets them. They are started in this order, and stopped in the
    /// opposite one, so that analytics hears of everything.
    pub(crate) fn all(&self) -> [Arc<dyn Coordinator>; 8] {
        [
            self.analytics.clone(),
            self.session.clone(),
            self.config.clone(),
            self.prompt.clone(),
            self.context.clone(),
            self.provider.clone(),
            self.tool.clone(),
            self.chat.clone(),
        ]
    }
}
