//! The roles that an orchestrator consists of, in one table.
//!
//! Everything that is the same for each role follows from the table: its name, the setter by which a coordinator is
//! injected and the getter that returns it, the default that is built otherwise, and who is started, asked for health,
//! reset and stopped, in which order. A new role is a row here, a function of its name in `defaults`, and its use in a
//! turn.

use std::fmt;
use std::sync::Arc;

use serde_json::json;
use victor_analytics_protocol::AnalyticsTracker;
use victor_chat_protocol::ChatEngine;
use victor_checkpoint_protocol::CheckpointManager;
use victor_config_protocol::{ConfigLoader, ConfigSource, Settings};
use victor_context_protocol::ContextManager;
use victor_core::{Coordinator, NamedCoordinator, contain_sync};
#[cfg(feature = "evaluation")]
use victor_evaluation_protocol::EvaluationRunner;
use victor_metrics_protocol::MetricsRecorder;
use victor_mode_protocol::ModeManager;
use victor_prompt_protocol::PromptBuilder;
use victor_provider_protocol::ProviderRouter;
use victor_session_loader::SessionRoles;
use victor_session_protocol::SessionManager;
use victor_tool_protocol::ToolExecutor;
use victor_tool_selection_protocol::ToolSelector;
use victor_turn_request::RequestRoles;
use victor_turn_telemetry::TelemetryRoles;
#[cfg(feature = "workflow")]
use victor_workflow_protocol::WorkflowRunner;

use crate::builder::Parts;
use crate::{AgentOrchestrator, AgentOrchestratorBuilder, defaults};

/// Declares the roles, in the order in which their coordinators are started. A `required` role always has a
/// coordinator; an `optional` one may have none, and an `injected` one has none by default and is there with a feature
/// alone. The text of a row continues "the coordinator that"; its documentation comments go to the setter and to the
/// getter.
macro_rules! roles {
    ($(
        $(#[doc = $more:literal])*
        $(#[cfg($gate:meta)])?
        $need:ident $variant:ident $name:literal $field:ident: $role:ident, $setter:ident, $does:literal;
    )*) => {
        /// The roles that an orchestrator consists of. Each has a coordinator, which can be replaced.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RoleName {
            $(
                #[doc = concat!("The coordinator that ", $does, ".")]
                $(#[cfg($gate)])?
                $variant,
            )*
        }

        impl RoleName {
            /// All roles, in the order in which their coordinators are started. They are stopped in the opposite order.
            pub const ALL: &'static [Self] = &[$($(#[cfg($gate)])? Self::$variant),*];

            /// The role's name, in messages and for its settings.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($(#[cfg($gate)])? Self::$variant => $name,)*
                }
            }

            /// Whether the default coordinator of the role is compiled in.
            pub(crate) const fn has_default(self) -> bool {
                match self {
                    $($(#[cfg($gate)])? Self::$variant => roles!(@has_default $need $name),)*
                }
            }

            /// The method of [`AgentOrchestratorBuilder`] that injects a coordinator for the role.
            #[must_use]
            pub const fn setter(self) -> &'static str {
                match self {
                    $($(#[cfg($gate)])? Self::$variant => stringify!($setter),)*
                }
            }
        }

        /// The coordinators that an orchestrator consists of, each known by its role alone.
        #[derive(Debug, Clone)]
        pub(crate) struct Roles {
            $($(#[cfg($gate)])? pub(crate) $field: roles!(@type $need $role),)*
            /// The program's own coordinators, in the order in which they were added.
            pub(crate) custom: Vec<Arc<NamedCoordinator>>,
        }

        impl Roles {
            /// Takes the coordinators that were injected, and builds the others as far as they are compiled in.
            pub(crate) fn build(
                injected: Injected,
                settings: &Settings,
                parts: &mut Parts,
            ) -> defaults::Built<Self> {
                let _ = (settings, &parts);
                Ok(Self {
                    $($(#[cfg($gate)])? $field: roles!(@coordinator $need $variant $name $role,
                        injected.$field, defaults::$field(settings, parts)),)*
                    custom: injected.custom,
                })
            }

            /// All coordinators, in the order in which they are started: that of the table, and then the program's own.
            /// They are stopped in the opposite order, so that analytics hears of everything.
            pub(crate) fn all(&self) -> Vec<Arc<dyn Coordinator>> {
                let mut all: Vec<Arc<dyn Coordinator>> = Vec::new();
                $($(#[cfg($gate)])? roles!(@push $need all, self.$field);)*
                all.extend(self.custom.iter().map(|custom| custom.clone() as Arc<dyn Coordinator>));
                all
            }
        }

        /// The coordinators that the program injects.
        #[derive(Debug, Default)]
        pub(crate) struct Injected {
            $($(#[cfg($gate)])? pub(crate) $field: Option<Arc<dyn $role>>,)*
            pub(crate) custom: Vec<Arc<NamedCoordinator>>,
        }

        impl Injected {
            /// Whether there is one for a role.
            pub(crate) fn has(&self, role: RoleName) -> bool {
                match role {
                    $($(#[cfg($gate)])? RoleName::$variant => self.$field.is_some(),)*
                }
            }
        }

        /// Whole coordinators, in place of the default ones.
        impl AgentOrchestratorBuilder {
            $(
                #[doc = concat!("Injects the coordinator that ", $does, ".")]
                $(#[doc = ""] #[doc = $more])*
                $(#[cfg($gate)])?
                pub fn $setter(mut self, coordinator: Arc<dyn $role>) -> Self {
                    self.injected.$field = Some(coordinator);
                    self
                }
            )*
        }

        /// The coordinators.
        impl AgentOrchestrator {
            $($(#[cfg($gate)])? roles! { @getter $need $field, $role, $setter, $does, $($more)* })*
        }
    };
    (@type required $role:ident) => { Arc<dyn $role> };
    (@type $other:ident $role:ident) => { Option<Arc<dyn $role>> };
    (@coordinator required $variant:ident $name:literal $role:ident, $injected:expr, $default:expr) => {
        match $injected {
            Some(coordinator) => coordinator,
            #[cfg(feature = $name)]
            None => Arc::new($default?),
            #[cfg(not(feature = $name))]
            None => return Err(crate::BuildError::MissingCoordinator { role: RoleName::$variant }),
        }
    };
    (@coordinator optional $variant:ident $name:literal $role:ident, $injected:expr, $default:expr) => {
        match $injected {
            Some(coordinator) => Some(coordinator),
            #[cfg(feature = $name)]
            None => $default?.map(|built| Arc::new(built) as Arc<dyn $role>),
            #[cfg(not(feature = $name))]
            None => None,
        }
    };
    (@coordinator injected $variant:ident $name:literal $role:ident, $injected:expr, $default:expr) => { $injected };
    (@has_default injected $name:literal) => { false };
    (@has_default $need:ident $name:literal) => { cfg!(feature = $name) };
    (@push required $all:ident, $value:expr) => { $all.push($value.clone()); };
    (@push $other:ident $all:ident, $value:expr) => {
        $all.extend($value.clone().map(|coordinator| coordinator as Arc<dyn Coordinator>));
    };
    (@getter required $field:ident, $role:ident, $name:ident, $does:literal, $($more:literal)*) => {
        #[doc = concat!("Returns the coordinator that ", $does, ".")]
        $(#[doc = ""] #[doc = $more])*
        #[must_use]
        pub fn $name(&self) -> &Arc<dyn $role> {
            &self.roles().$field
        }
    };
    (@getter $other:ident $field:ident, $role:ident, $name:ident, $does:literal, $($more:literal)*) => {
        #[doc = concat!("Returns the coordinator that ", $does, "; `None` if there is none.")]
        $(#[doc = ""] #[doc = $more])*
        #[must_use]
        pub fn $name(&self) -> Option<&Arc<dyn $role>> {
            self.roles().$field.as_ref()
        }
    };
}

roles! {
    /// There is none where the setting `enable_metrics` is false.
    optional Metrics "metrics" metrics: MetricsRecorder, metrics_coordinator, "counts what happens";
    required Analytics "analytics" analytics: AnalyticsTracker, analytics_coordinator, "collects events";
    required Session "session" session: SessionManager, session_coordinator, "manages the sessions";
    required Config "config" config: ConfigLoader, config_coordinator, "loads the configuration";
    /// Everything is permitted without one.
    optional Mode "mode" mode: ModeManager, mode_coordinator, "manages the modes";
    required Prompt "prompt" prompt: PromptBuilder, prompt_coordinator, "builds the system prompt";
    /// All tools that are permitted are shown without one.
    optional ToolSelection "tool-selection" tool_selection: ToolSelector, tool_selection_coordinator,
        "selects the tools that the model is shown";
    /// A context that is reset or replaced in it comes back from the transcript when the session is loaded again;
    /// [`AgentOrchestrator::reset_session`] forgets both.
    required Context "context" context: ContextManager, context_coordinator, "keeps the context that the model sees";
    /// With a [`provider`](AgentOrchestratorBuilder::provider), one that is injected is switched to that provider.
    required Provider "provider" provider: ProviderRouter, provider_coordinator, "routes model calls";
    /// Its tools run within what the modes permit.
    required Tool "tool" tool: ToolExecutor, tool_coordinator, "runs tool calls";
    /// No checkpoints are made without one.
    optional Checkpoint "checkpoint" checkpoint: CheckpointManager, checkpoint_coordinator, "makes checkpoints";
    required Chat "chat" chat: ChatEngine, chat_coordinator, "works turns";
    /// There is none unless one is injected, and no turn needs it: it starts, tells its health and stops with the
    /// others.
    #[cfg(feature = "evaluation")]
    injected Evaluation "evaluation" evaluation: EvaluationRunner, evaluation_coordinator, "runs evaluations";
    /// There is none unless one is injected, and no turn needs it: it starts, tells its health and stops with the
    /// others.
    #[cfg(feature = "workflow")]
    injected Workflow "workflow" workflow: WorkflowRunner, workflow_coordinator, "runs workflows";
}

impl RoleName {
    /// The feature of this crate that brings the default coordinator of the role, or, of evaluations and workflows, the
    /// role itself, since there are no default runners.
    #[must_use]
    pub const fn feature(self) -> &'static str {
        self.name()
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Roles {
    /// Tells the configuration the model that requests go to, wherever it was chosen.
    pub(crate) fn note_model_in_use(&self) {
        // Foreign coordinators; a failure leaves the configuration as it is.
        let _ = contain_sync(|| {
            let route = self.provider.route();
            if !route.model.as_str().is_empty() {
                let source = ConfigSource::InUse(format!("model provider {}", route.provider));
                (self.config).note_in_use("model", json!(route.model), source);
            }
        });
    }

    /// The roles that are joined where a session is loaded.
    pub(crate) fn of_sessions(&self) -> SessionRoles {
        SessionRoles {
            session: self.session.clone(),
            context: self.context.clone(),
            mode: self.mode.clone(),
            checkpoint: self.checkpoint.clone(),
        }
    }

    /// The roles that are joined where a request is made.
    pub(crate) fn of_requests(&self) -> RequestRoles {
        RequestRoles {
            prompt: self.prompt.clone(),
            context: self.context.clone(),
            provider: self.provider.clone(),
            tool: self.tool.clone(),
            tool_selection: self.tool_selection.clone(),
        }
    }

    /// The roles that hear of turns.
    pub(crate) fn of_telemetry(&self) -> TelemetryRoles {
        TelemetryRoles {
            metrics: self.metrics.clone(),
            analytics: self.analytics.clone(),
            config: self.config.clone(),
            context: self.context.clone(),
        }
    }
}
