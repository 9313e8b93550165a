//! The coordinators that are there unless others are injected, as far as they are compiled in.
//!
//! There is a function for each role, of the name and the feature that the role has in the table of `roles`. It takes
//! the parts that it builds the coordinator with. One of an optional role may build none.

use std::sync::Arc;

use victor_config_protocol::{ConfigLoader, Settings};

use crate::BuildError;
use crate::builder::Parts;

/// A coordinator, or the reason why it cannot be built.
pub(crate) type Built<T> = Result<T, BuildError>;

#[cfg(feature = "metrics")]
pub(crate) fn metrics(
    settings: &Settings,
    _: &mut Parts,
) -> Built<Option<victor_metrics::MetricsCoordinator>> {
    Ok(settings.enable_metrics.then(Default::default))
}

#[cfg(feature = "analytics")]
pub(crate) fn analytics(
    settings: &Settings,
    _: &mut Parts,
) -> Built<victor_analytics::AnalyticsCoordinator> {
    let export_interval = std::time::Duration::from_secs(settings.analytics_export_interval);
    let options =
        victor_analytics::AnalyticsOptions::default().with_export_interval(export_interval);
    let builder = victor_analytics::AnalyticsCoordinator::builder();
    Ok(builder.options(options).build())
}

#[cfg(feature = "session")]
pub(crate) fn session(
    _: &Settings,
    parts: &mut Parts,
) -> Built<victor_session::SessionCoordinator> {
    let store = parts.session_store.take();
    Ok(store.map_or_else(Default::default, victor_session::SessionCoordinator::new))
}

#[cfg(feature = "config")]
pub(crate) fn config(_: &Settings, parts: &mut Parts) -> Built<victor_config::ConfigCoordinator> {
    let mut builder = std::mem::take(&mut parts.config);
    if let Some(model) = &parts.model {
        builder = builder.set("model", model.as_str());
    }
    Ok(builder.build()?)
}

/// Returns the coordinator of configuration that is injected, or else the default one.
pub(crate) fn config_or(
    injected: Option<Arc<dyn ConfigLoader>>,
    settings: &Settings,
    parts: &mut Parts,
) -> Built<Arc<dyn ConfigLoader>> {
    let _ = (settings, &parts);
    match injected {
        Some(config) => Ok(config),
        #[cfg(feature = "config")]
        None => Ok(Arc::new(config(settings, parts)?)),
        #[cfg(not(feature = "config"))]
        None => Err(BuildError::MissingCoordinator {
            role: crate::RoleName::Config,
        }),
    }
}

#[cfg(feature = "mode")]
pub(crate) fn mode(
    settings: &Settings,
    parts: &mut Parts,
) -> Built<Option<victor_mode::ModeCoordinator>> {
    use victor_mode::{ModeCoordinator, ModeCoordinatorBuilder, ModeSetupError};
    use victor_mode_protocol::ModeError;

    let modes = std::mem::take(&mut parts.modes).into_iter();
    let builder = modes.fold(ModeCoordinator::builder(), ModeCoordinatorBuilder::mode);
    let built = builder.default_mode(&settings.mode).build();
    built.map(Some).map_err(|error| match error {
        ModeSetupError::Mode {
            reason: ModeError::Unknown(unknown),
            ..
        } => BuildError::UnknownName {
            setting: "mode",
            unknown,
        },
        error => BuildError::Coordinator {
            role: crate::RoleName::Mode,
            source: error.into(),
        },
    })
}

#[cfg(feature = "prompt")]
pub(crate) fn prompt(_: &Settings, _: &mut Parts) -> Built<victor_prompt::PromptCoordinator> {
    Ok(Default::default())
}

#[cfg(feature = "tool-selection")]
pub(crate) fn tool_selection(
    settings: &Settings,
    parts: &mut Parts,
) -> Built<Option<victor_tool_selection::ToolSelectionCoordinator>> {
    use victor_tool_selection::{SelectionOptions, ToolSelectionCoordinator};
    use victor_tool_selection_protocol::SelectionError;

    let limit = usize::try_from(settings.tool_selection_limit).unwrap_or(usize::MAX);
    let options = SelectionOptions::default().with_limit((limit > 0).then_some(limit));
    #[expect(clippy::cast_possible_truncation, reason = "a weight has few digits")]
    let alpha = settings.tool_selection_hybrid_alpha as f32;
    let builder = ToolSelectionCoordinator::builder()
        .options(options)
        .strategy(&settings.tool_selection_strategy)
        .alpha(alpha);
    let strategies = std::mem::take(&mut parts.selection_strategies);
    let builder = strategies.into_iter().fold(builder, |builder, strategy| {
        builder.register_strategy(strategy)
    });
    builder.build().map(Some).map_err(|error| match error {
        SelectionError::UnknownStrategy(unknown) => BuildError::UnknownName {
            setting: "tool_selection_strategy",
            unknown: victor_core::UnknownName::new("strategy", unknown.name, unknown.known),
        },
        error => BuildError::Coordinator {
            role: crate::RoleName::ToolSelection,
            source: error.into(),
        },
    })
}

#[cfg(feature = "context")]
pub(crate) fn context(_: &Settings, _: &mut Parts) -> Built<victor_context::ContextCoordinator> {
    Ok(Default::default())
}

#[cfg(feature = "provider")]
pub(crate) fn provider(
    settings: &Settings,
    parts: &mut Parts,
) -> Built<victor_provider::ProviderCoordinator> {
    let chosen = parts.take_provider(settings)?;
    let (provider, model) = chosen.ok_or(BuildError::NoProvider)?;
    Ok(victor_provider::ProviderCoordinator::new(provider, model))
}

#[cfg(feature = "tool")]
pub(crate) fn tool(_: &Settings, parts: &mut Parts) -> Built<victor_tool::ToolCoordinator> {
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
    Ok(builder.build()?)
}

#[cfg(feature = "checkpoint")]
pub(crate) fn checkpoint(
    _: &Settings,
    parts: &mut Parts,
) -> Built<Option<victor_checkpoint::CheckpointCoordinator>> {
    let store = parts.checkpoint_store.take();
    Ok(store.map(victor_checkpoint::CheckpointCoordinator::new))
}

#[cfg(feature = "chat")]
pub(crate) fn chat(_: &Settings, _: &mut Parts) -> Built<victor_chat::ChatCoordinator> {
    Ok(victor_chat::ChatCoordinator::new())
}
