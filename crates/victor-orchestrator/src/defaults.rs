//! The coordinators that are there unless others are injected, as far as they are compiled in.

use std::sync::Arc;

use victor_analytics_protocol::AnalyticsTracker;
use victor_chat_protocol::ChatEngine;
use victor_checkpoint_protocol::{CheckpointManager, CheckpointStore};
use victor_config_protocol::Settings;
use victor_context_protocol::ContextManager;
use victor_core::ModelId;
#[cfg(feature = "mode")]
use victor_mode_protocol::ModeError;
use victor_mode_protocol::{ModeManager, ModePolicy};
use victor_prompt_protocol::PromptBuilder;
use victor_provider_protocol::{ChatProvider, ProviderRouter};
use victor_session_protocol::{SessionManager, SessionStore};
use victor_tool_protocol::{ApprovalPolicy, ReceiptStore, ResultStore, ToolExecutor};
#[cfg(feature = "tool-selection")]
use victor_tool_selection_protocol::SelectionError;
use victor_tool_selection_protocol::{ToolSelectionStrategy, ToolSelector};

use crate::BuildError;

/// Defines a function that makes the default coordinator of a role, or says that it is not compiled in.
macro_rules! default_coordinator {
    ($feature:literal, fn $name:ident($($argument:ident: $ty:ty),* $(,)?) -> $role:path $make:block) => {
        #[cfg(feature = $feature)]
        pub(crate) fn $name($($argument: $ty),*) -> Result<Arc<dyn $role>, BuildError> {
            Ok(Arc::new($make))
        }

        #[cfg(not(feature = $feature))]
        pub(crate) fn $name($(_: $ty),*) -> Result<Arc<dyn $role>, BuildError> {
            Err(BuildError::MissingCoordinator { role: $feature })
        }
    };
}

default_coordinator!(
    "analytics",
    fn analytics(settings: &Settings) -> AnalyticsTracker {
        let export_interval = std::time::Duration::from_secs(settings.analytics_export_interval);
        let options = victor_analytics::AnalyticsOptions {
            export_interval,
            ..Default::default()
        };
        victor_analytics::AnalyticsCoordinator::builder()
            .options(options)
            .build()
    }
);

default_coordinator!(
    "chat",
    fn chat() -> ChatEngine {
        victor_chat::ChatCoordinator::new()
    }
);

default_coordinator!(
    "checkpoint",
    fn checkpoint(store: Arc<dyn CheckpointStore>) -> CheckpointManager {
        victor_checkpoint::CheckpointCoordinator::new(store)
    }
);

default_coordinator!(
    "context",
    fn context() -> ContextManager {
        victor_context::ContextCoordinator::default()
    }
);

/// The coordinator of modes, with modes of the program's own, and the tool by which a model switches. Without the feature
/// there are none.
#[cfg(feature = "mode")]
pub(crate) fn mode(
    settings: &Settings,
    own: Vec<Arc<dyn ModePolicy>>,
) -> Result<Option<Arc<dyn ModeManager>>, BuildError> {
    let builder = victor_mode::ModeCoordinator::builder();
    let builder = own
        .into_iter()
        .fold(builder, victor_mode::ModeCoordinatorBuilder::mode);
    match builder.default_mode(&settings.mode).build() {
        Ok(built) => Ok(Some(Arc::new(built))),
        Err(victor_mode::ModeSetupError::Mode {
            reason: ModeError::Unknown { name, known },
            ..
        }) => Err(BuildError::unknown_name("mode", &name, &known)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(feature = "mode"))]
pub(crate) fn mode(
    settings: &Settings,
    own: Vec<Arc<dyn ModePolicy>>,
) -> Result<Option<Arc<dyn ModeManager>>, BuildError> {
    // A mode that nobody enforces must not be asked for in vain.
    if own.is_empty() && settings.mode == Settings::default().mode {
        return Ok(None);
    }
    Err(BuildError::MissingCoordinator { role: "mode" })
}

default_coordinator!(
    "prompt",
    fn prompt() -> PromptBuilder {
        victor_prompt::PromptCoordinator::default()
    }
);

default_coordinator!(
    "provider",
    fn provider(provider: Arc<dyn ChatProvider>, model: ModelId) -> ProviderRouter {
        victor_provider::ProviderCoordinator::new(provider, model)
    }
);

default_coordinator!(
    "session",
    fn session(store: Option<Arc<dyn SessionStore>>) -> SessionManager {
        match store {
            Some(store) => victor_session::SessionCoordinator::new(store),
            None => victor_session::SessionCoordinator::default(),
        }
    }
);

/// The coordinator that chooses among tools, with strategies of the program's own. Without the feature all are shown.
#[cfg(feature = "tool-selection")]
pub(crate) fn tool_selection(
    settings: &Settings,
    own: Vec<Arc<dyn ToolSelectionStrategy>>,
) -> Result<Option<Arc<dyn ToolSelector>>, BuildError> {
    let limit = usize::try_from(settings.tool_selection_limit).unwrap_or(usize::MAX);
    let options = victor_tool_selection::SelectionOptions {
        limit: (limit > 0).then_some(limit),
        ..Default::default()
    };
    // A weight has few digits.
    #[allow(clippy::cast_possible_truncation)]
    let alpha = settings.tool_selection_hybrid_alpha as f32;
    let builder = victor_tool_selection::ToolSelectionCoordinator::builder()
        .options(options)
        .strategy(&settings.tool_selection_strategy)
        .alpha(alpha);
    let builder = own.into_iter().fold(
        builder,
        victor_tool_selection::ToolSelectionCoordinatorBuilder::register_strategy,
    );
    match builder.build() {
        Ok(built) => Ok(Some(Arc::new(built))),
        Err(SelectionError::UnknownStrategy { name, known }) => {
            let key = "tool_selection_strategy";
            Err(BuildError::unknown_name(key, &name, &known))
        }
        Err(error) => Err(BuildError::ToolSelection(error)),
    }
}

#[cfg(not(feature = "tool-selection"))]
pub(crate) fn tool_selection(
    _: &Settings,
    own: Vec<Arc<dyn ToolSelectionStrategy>>,
) -> Result<Option<Arc<dyn ToolSelector>>, BuildError> {
    if own.is_empty() {
        return Ok(None);
    }
    Err(BuildError::MissingCoordinator {
        role: "tool_selection",
    })
}

default_coordinator!(
    "tool",
    fn tool(
        policy: Option<Arc<dyn ApprovalPolicy>>,
        receipts: Option<Arc<dyn ReceiptStore>>,
        results: Option<Arc<dyn ResultStore>>,
    ) -> ToolExecutor {
        let mut builder = victor_tool::ToolCoordinator::builder();
        if let Some(policy) = policy {
            builder = builder.shared_policy(policy);
        }
        if let Some(receipts) = receipts {
            builder = builder.receipts(receipts);
        }
        if let Some(results) = results {
            builder = builder.results(results);
        }
        builder.build()?
    }
);
