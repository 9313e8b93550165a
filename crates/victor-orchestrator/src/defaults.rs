//! The coordinators that are there unless others are injected, as far as they are compiled in.
//!
//! There is a function for each role, of the name that the role has in the table of `roles`. It takes the parts that it
//! builds the coordinator with.

use std::sync::Arc;

use victor_analytics_protocol::AnalyticsTracker;
use victor_chat_protocol::ChatEngine;
use victor_checkpoint_protocol::CheckpointManager;
use victor_config_protocol::{ConfigLoader, Settings};
use victor_context_protocol::ContextManager;
use victor_metrics_protocol::MetricsRecorder;
use victor_mode_protocol::ModeManager;
use victor_prompt_protocol::PromptBuilder;
use victor_provider_protocol::ProviderRouter;
use victor_session_protocol::SessionManager;
use victor_tool_protocol::ToolExecutor;
use victor_tool_selection_protocol::ToolSelector;
use victor_workflow_protocol::WorkflowRunner;

use crate::builder::Parts;
use crate::{BuildError, RoleName};

/// Defines a function that builds the default coordinator of a required role, or says that it is not compiled in.
macro_rules! required {
    ($feature:literal $role:ident, $name:ident($settings:ident, $parts:ident) -> $trait:ident $make:block) => {
        #[cfg(feature = $feature)]
        pub(crate) fn $name(
            $settings: &Settings,
            $parts: &mut Parts,
        ) -> Result<Arc<dyn $trait>, BuildError> {
            Ok(Arc::new($make))
        }

        #[cfg(not(feature = $feature))]
        pub(crate) fn $name(_: &Settings, _: &mut Parts) -> Result<Arc<dyn $trait>, BuildError> {
            Err(BuildError::MissingCoordinator {
                role: RoleName::$role,
            })
        }
    };
}

/// Defines a function that builds the default coordinator of an optional role. Where it is not compiled in, there is
/// none, unless somebody `needs` it.
macro_rules! optional {
    (
        $feature:literal $role:ident,
        $name:ident($settings:ident, $parts:ident) -> $trait:ident $make:block needed if $needed:expr
    ) => {
        #[cfg(feature = $feature)]
        pub(crate) fn $name(
            $settings: &Settings,
            $parts: &mut Parts,
        ) -> Result<Option<Arc<dyn $trait>>, BuildError> {
            let _ = &$parts;
            let made: Option<_> = $make;
            Ok(made.map(|made| Arc::new(made) as Arc<dyn $trait>))
        }

        #[cfg(not(feature = $feature))]
        pub(crate) fn $name(
            $settings: &Settings,
            $parts: &mut Parts,
        ) -> Result<Option<Arc<dyn $trait>>, BuildError> {
            let _ = $settings;
            if $needed {
                return Err(BuildError::MissingCoordinator {
                    role: RoleName::$role,
                });
            }
            Ok(None)
        }
    };
}

optional!("metrics" Metrics, metrics(settings, parts) -> MetricsRecorder {
    settings.enable_metrics.then(victor_metrics::MetricsCoordinator::default)
} needed if !parts.metrics_exporters.is_empty());

required!("analytics" Analytics, analytics(settings, _parts) -> AnalyticsTracker {
    let export_interval = std::time::Duration::from_secs(settings.analytics_export_interval);
    let options = victor_analytics::AnalyticsOptions::default().with_export_interval(export_interval);
    victor_analytics::AnalyticsCoordinator::builder()
        .options(options)
        .build()
});

required!("session" Session, session(_settings, parts) -> SessionManager {
    match parts.session_store.take() {
        Some(store) => victor_session::SessionCoordinator::new(store),
        None => victor_session::SessionCoordinator::default(),
    }
});

required!("config" Config, config(_settings, parts) -> ConfigLoader {
    let config = parts.config.take();
    let mut builder = config.map(|(_, builder)| builder).unwrap_or_default();
    if let Some(model) = &parts.model {
        builder = builder.set("model", model.as_str());
    }
    builder.build()?
});

// A mode that nobody enforces must not be asked for in vain.
optional!("mode" Mode, mode(settings, parts) -> ModeManager {
    use victor_mode::ModeSetupError;
    use victor_mode_protocol::ModeError;

    let mut builder = victor_mode::ModeCoordinator::builder();
    for mode in std::mem::take(&mut parts.modes) {
        builder = builder.mode(mode);
    }
    let built = builder.default_mode(&settings.mode).build();
    Some(built.map_err(|error| match error {
        ModeSetupError::Mode { reason: ModeError::Unknown(unknown), .. } => BuildError::UnknownName {
            setting: "mode",
            unknown,
        },
        error => BuildError::Coordinator { role: RoleName::Mode, source: error.into() },
    })?)
} needed if !parts.modes.is_empty() || settings.mode != Settings::default().mode);

required!("prompt" Prompt, prompt(_settings, _parts) -> PromptBuilder {
    victor_prompt::PromptCoordinator::default()
});

optional!("tool-selection" ToolSelection, tool_selection(settings, parts) -> ToolSelector {
    use victor_tool_selection_protocol::SelectionError;

    let limit = usize::try_from(settings.tool_selection_limit).unwrap_or(usize::MAX);
    let options =
        victor_tool_selection::SelectionOptions::default().with_limit((limit > 0).then_some(limit));
    #[expect(clippy::cast_possible_truncation, reason = "a weight has few digits")]
    let alpha = settings.tool_selection_hybrid_alpha as f32;
    let mut builder = victor_tool_selection::ToolSelectionCoordinator::builder()
        .options(options)
        .strategy(&settings.tool_selection_strategy)
        .alpha(alpha);
    for strategy in std::mem::take(&mut parts.selection_strategies) {
        builder = builder.register_strategy(strategy);
    }
    Some(builder.build().map_err(|error| match error {
        SelectionError::UnknownStrategy(unknown) => BuildError::UnknownName {
            setting: "tool_selection_strategy",
            unknown: victor_core::UnknownName::new("strategy", unknown.name, unknown.known),
        },
        error => BuildError::Coordinator { role: RoleName::ToolSelection, source: error.into() },
    })?)
} needed if !parts.selection_strategies.is_empty());

required!("context" Context, context(_settings, _parts) -> ContextManager {
    victor_context::ContextCoordinator::default()
});

required!("provider" Provider, provider(settings, parts) -> ProviderRouter {
    let (provider, model) = parts.take_provider(settings)?.ok_or(BuildError::NoProvider)?;
    victor_provider::ProviderCoordinator::new(provider, model)
});

required!("tool" Tool, tool(_settings, parts) -> ToolExecutor {
    let mut builder = victor_tool::ToolCoordinator::builder();
    if let Some(policy) = parts.approval_policy.take() {
        builder = builder.policy(policy);
    }
    if let Some(receipts) = parts.receipt_store.take() {
        builder = builder.receipts(receipts);
    }
    if let Some(results) = parts.result_store.take() {
        builder = builder.results(results);
    }
    builder.build()?
});

optional!("checkpoint" Checkpoint, checkpoint(_settings, parts) -> CheckpointManager {
    let store = parts.checkpoint_store.take();
    store.map(victor_checkpoint::CheckpointCoordinator::new)
} needed if parts.checkpoint_store.is_some());

required!("chat" Chat, chat(_settings, _parts) -> ChatEngine {
    victor_chat::ChatCoordinator::new()
});

/// A runner needs a journal, so a program makes it.
#[expect(clippy::unnecessary_wraps, reason = "the same form for every role")]
pub(crate) fn workflow(
    _: &Settings,
    _: &mut Parts,
) -> Result<Option<Arc<dyn WorkflowRunner>>, BuildError> {
    Ok(None)
}
