//! The errors of building an orchestrator.

use victor_config_protocol::ConfigError;
use victor_core::{BoxError, UnknownName};
use victor_tool_protocol::RegisterError;

use crate::RoleName;

/// The reason why an orchestrator cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no provider to ask.
    #[error(
        "there is no provider: pass one to `provider`, for example `victor_offline::OfflineModel`, which needs no key"
    )]
    NoProvider,
    /// No model is named, and the provider has no default.
    #[error(
        "there is no model: name one that provider `{provider}` has with `model`, or in the setting `model`"
    )]
    NoModel {
        /// The name of the provider.
        provider: String,
    },
    /// The name of the model is empty.
    #[error(
        "the model's name is empty: pass a name to `model`, or leave the call out for the provider's default"
    )]
    EmptyModel,
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tool cannot be registered.
    #[error(transparent)]
    Tool(#[from] RegisterError),
    /// A setting names something that does not exist.
    #[error("setting `{setting}`: {unknown}")]
    UnknownName {
        /// The key of the setting.
        setting: &'static str,
        /// The name, and the names that there are.
        unknown: UnknownName,
    },
    /// The default coordinator of a role cannot be built from what it was given.
    #[error("the {role} coordinator cannot be built")]
    Coordinator {
        /// The role.
        role: RoleName,
        /// The reason.
        source: BoxError,
    },
    /// A coordinator was neither injected nor compiled in.
    #[error(
        "there is no {role} coordinator: pass one to `{}`, or enable the feature `{}`",
        role.setter(), role.feature()
    )]
    MissingCoordinator {
        /// The role.
        role: RoleName,
    },
    /// A method of the builder has no effect, since a coordinator was injected that is already built.
    #[error(
        "`{method}` has no effect on a {role} coordinator that is injected: build that coordinator with it"
    )]
    Unused {
        /// The method of the builder.
        method: &'static str,
        /// The role of the coordinator.
        role: RoleName,
    },
    /// An agent that is a tool of another one has a mode coordinator. It shares that of the agent which calls it.
    #[error(
        "agent `{agent}` has a mode coordinator, but shares that of the agent which calls it: leave `mode_coordinator` \
        out"
    )]
    NestedModes {
        /// The name of the agent as a tool.
        agent: String,
    },
    /// A name cannot be that of a custom coordinator.
    #[error("a custom coordinator cannot be named `{name}`: {reason}")]
    CoordinatorName {
        /// The name.
        name: String,
        /// The reason.
        reason: &'static str,
    },
}
