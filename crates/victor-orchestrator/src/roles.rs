//! The coordinators that an orchestrator consists of, each known by its role alone.

use std::sync::Arc;

use victor_analytics_protocol::AnalyticsTracker;
use victor_chat_protocol::ChatEngine;
use victor_checkpoint_protocol::CheckpointManager;
use victor_config_protocol::ConfigLoader;
use victor_context_protocol::ContextManager;
use victor_core::{Coordinator, ModelId};
use victor_mode_protocol::ModeManager;
use victor_prompt_protocol::PromptBuilder;
use victor_provider_protocol::ProviderRouter;
use victor_session_protocol::SessionManager;
use victor_tool_protocol::ToolExecutor;
use victor_tool_selection_protocol::ToolSelector;

/// The coordinators that an orchestrator consists of, each known by its role alone.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    pub(crate) analytics: Arc<dyn AnalyticsTracker>,
    pub(crate) chat: Arc<dyn ChatEngine>,
    /// There may be no checkpoints.
    pub(crate) checkpoint: Option<Arc<dyn CheckpointManager>>,
    pub(crate) config: Arc<dyn ConfigLoader>,
    pub(crate) context: Arc<dyn ContextManager>,
    /// There may be no modes; everything is permitted then.
    pub(crate) mode: Option<Arc<dyn ModeManager>>,
    pub(crate) prompt: Arc<dyn PromptBuilder>,
    pub(crate) provider: Arc<dyn ProviderRouter>,
    pub(crate) session: Arc<dyn SessionManager>,
    /// Within what the modes permit.
    pub(crate) tool: Arc<dyn ToolExecutor>,
    /// Nobody may choose among the tools; all that are permitted are shown then.
    pub(crate) tool_selection: Option<Arc<dyn ToolSelector>>,
}

impl Roles {
    /// The model that a session has chosen for itself, or else the one that requests go to now.
    pub(crate) fn model(&self, own: Option<&ModelId>) -> ModelId {
        own.cloned().unwrap_or_else(|| self.provider.route().model)
    }

    /// All of them, in the order in which a message meets them. They are started in this order, and stopped in the
    /// opposite one, so that analytics hears of everything.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Coordinator>> {
        let mut all: Vec<Arc<dyn Coordinator>> = vec![
            self.analytics.clone(),
            self.session.clone(),
            self.config.clone(),
        ];
        all.extend(self.mode.clone().map(|mode| mode as Arc<dyn Coordinator>));
        all.push(self.prompt.clone());
        let selection = self.tool_selection.clone();
        all.extend(selection.map(|selection| selection as Arc<dyn Coordinator>));
        all.push(self.context.clone());
        all.push(self.provider.clone());
        all.push(self.tool.clone());
        let checkpoint = self.checkpoint.clone();
        all.extend(checkpoint.map(|checkpoint| checkpoint as Arc<dyn Coordinator>));
        all.push(self.chat.clone());
        all
    }
}
