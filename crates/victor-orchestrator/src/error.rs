//! Why an orchestrator cannot be built.

use victor_config_protocol::ConfigError;
use victor_tool_protocol::RegisterError;

/// Why an orchestrator cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is nobody to ask.
    #[error(
        "there is no provider: pass one to `provider`, for example `victor_offline::OfflineModel`, which needs no key"
    )]
    NoProvider,
    /// It is not said which model to ask.
    #[error(
        "there is no model: name one that provider `{provider}` has with `model`, or in the setting `model`"
    )]
    NoModel {
        /// The provider.
        provider: String,
    },
    /// The model that was named has no name.
    #[error(
        "the model's name is empty: pass a name to `model`, or leave the call out for the provider's default"
    )]
    EmptyModel,
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tool cannot be offered.
    #[error(transparent)]
    Tool(#[from] RegisterError),
    /// A mode cannot be used.
    #[cfg(feature = "mode")]
    #[error(transparent)]
    Mode(#[from] victor_mode::ModeSetupError),
    /// A strategy of tool selection cannot be used.
    #[error(transparent)]
    ToolSelection(#[from] victor_tool_selection_protocol::SelectionError),
    /// A setting names something that is not there.
    #[error("setting `{key}` is `{value}`, which is not known: known are {known}")]
    UnknownName {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// The values that are known.
        known: String,
    },
    /// A coordinator was neither given nor compiled in.
    #[error(
        "there is no {role} coordinator: pass one to `{role}_coordinator`, or enable the feature `{role}`"
    )]
    MissingCoordinator {
        /// Its role.
        role: &'static str,
    },
    /// Something was given for a coordinator that was replaced by one that is already built.
    #[error(
        "`{method}` has no effect on a {role} coordinator of your own: build that coordinator with it"
    )]
    Unused {
        /// The method of the builder.
        method: &'static str,
        /// The role of the coordinator.
        role: &'static str,
    },
}

impl BuildError {
    pub(crate) fn unknown_name(key: &'static str, value: &str, known: &[String]) -> Self {
        let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        Self::UnknownName {
            key,
            value: value.to_owned(),
            known: known.join(", "),
        }
    }
}
