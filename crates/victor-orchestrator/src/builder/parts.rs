//! The parts that coordinators are built with or given, in one table.
//!
//! A row declares the field of [`Parts`] that holds a part, and the method of the builder that takes it. A part `of` a
//! default coordinator is taken when that is built in `defaults`; with an injected coordinator in its place it is an
//! error. A part `to` a coordinator is given to whichever there is. What needs more than that is in [`Parts::give_to`].

use std::sync::Arc;

use victor_analytics_protocol::AnalyticsExporter;
use victor_checkpoint_protocol::CheckpointStore;
use victor_config_protocol::{ConfigProvider, Settings};
use victor_context_protocol::CompactionStrategy;
use victor_core::ModelId;
use victor_metrics_protocol::MetricsExporter;
use victor_mode_protocol::ModePolicy;
use victor_prompt_protocol::PromptContributor;
use victor_provider_protocol::ChatProvider;
use victor_session_protocol::SessionStore;
use victor_tool_protocol::{ApprovalPolicy, ReceiptStore, ResultStore, Tool};
use victor_tool_selection_protocol::ToolSelectionStrategy;

use super::tools::ToolMaker;
use crate::roles::{Injected, RoleName, Roles};
use crate::{AgentOrchestratorBuilder, BuildError};

/// Declares the parts. `one` replaces what was set before; `many` are kept, in their order.
macro_rules! parts {
    (
        fields {
            $($(#[$attribute:meta])* $other:ident: $type:ty,)*
        }
        $(
            $(#[$doc:meta])*
            $count:ident $method:ident -> $field:ident: $trait:ident $(, of $role:ident)? $(, to $target:ident.$add:ident)?;
        )*
    ) => {
        /// The parts of coordinators.
        #[derive(Debug, Default)]
        pub(crate) struct Parts {
            $(pub(crate) $field: parts!(@type $count $trait),)*
            $($(#[$attribute])* pub(crate) $other: $type,)*
        }

        impl Parts {
            /// Returns the methods by which parts of default coordinators were set.
            fn of_defaults(&self) -> impl Iterator<Item = (RoleName, &'static str)> {
                let methods = [
                    $($((self.$field.iter().next().is_some(), RoleName::$role, stringify!($method)),)?)*
                ];
                let set = methods.into_iter().filter(|(is_set, ..)| *is_set);
                set.map(|(_, role, method)| (role, method))
            }

            /// Gives the coordinators the parts that are for whichever there is.
            fn add_to(&mut self, roles: &Roles) {
                $($(
                    for part in std::mem::take(&mut self.$field) {
                        roles.$target.$add(part);
                    }
                )?)*
            }
        }

        /// Parts of coordinators. Each method takes the part itself, or an [`Arc`] of it that the program shares.
        impl AgentOrchestratorBuilder {
            $(
                $(#[$doc])*
                pub fn $method(mut self, part: impl $trait) -> Self {
                    parts!(@put $count self.parts.$field, Arc::new(part));
                    self
                }
            )*
        }
    };
    (@type one $trait:ident) => { Option<Arc<dyn $trait>> };
    (@type many $trait:ident) => { Vec<Arc<dyn $trait>> };
    (@put one $field:expr, $part:expr) => { $field = Some($part) };
    (@put many $field:expr, $part:expr) => { $field.push($part) };
}

parts! {
    fields {
        #[cfg(feature = "config")]
        config: victor_config::ConfigCoordinatorBuilder,
        /// The method that gave the first setting.
        config_method: Option<&'static str>,
        model: Option<ModelId>,
        compaction_strategies: Vec<(String, Arc<dyn CompactionStrategy>)>,
        switch_mode_tool: Option<ToolMaker>,
        search_tools_tool: Option<ToolMaker>,
    }

    /// Sets the provider whose models are asked.
    one provider -> provider: ChatProvider;
    /// Offers a tool to the model.
    many tool -> tools: Tool;
    /// Sets the policy that decides which tool calls run. Without one, all do.
    one approval_policy -> approval_policy: ApprovalPolicy, of Tool;
    /// Sets the store of receipts for tool calls that may change something, so that a turn which is taken up after a
    /// crash runs none of them twice.
    one receipt_store -> receipt_store: ReceiptStore, of Tool;
    /// Sets the store of tool results that are too large for a conversation. The model is offered the tool
    /// `read_result`, by which it pages through them. Without a store, the excess is lost.
    one result_store -> result_store: ResultStore, of Tool;
    /// Sets the store of transcripts. Without one, they live as long as the process.
    one session_store -> session_store: SessionStore, of Session;
    /// Sets the store of checkpoints. Without one, none are made.
    one checkpoint_store -> checkpoint_store: CheckpointStore, of Checkpoint;
    /// Adds a mode, so that sessions can be switched to it.
    many mode -> modes: ModePolicy, of Mode;
    /// Registers a strategy of tool selection, so that the setting `tool_selection_strategy` can name it.
    many register_tool_selection_strategy -> selection_strategies: ToolSelectionStrategy, of ToolSelection;
    /// Adds a provider of configuration, which is asked for each session.
    many config_provider -> config_providers: ConfigProvider, to config.add_provider;
    /// Adds a section to the system prompt.
    many prompt_contributor -> contributors: PromptContributor, to prompt.add_contributor;
    /// Adds a destination of analytics.
    many analytics_exporter -> exporters: AnalyticsExporter, to analytics.add_exporter;
    /// Adds a destination of metrics. It is given a snapshot now and then.
    many metrics_exporter -> metrics_exporters: MetricsExporter;
}

/// Further parts.
impl AgentOrchestratorBuilder {
    /// Sets the model that is asked. Defaults to that of the settings, and then to the provider's own.
    pub fn model(mut self, model: impl Into<ModelId>) -> Self {
        self.parts.model = Some(model.into());
        self
    }

    /// Offers tools to the model.
    pub fn tools(self, tools: impl IntoIterator<Item = impl Tool>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// Registers a compaction strategy, so that the setting `context_compaction_strategy` can name it. It replaces the
    /// one that has this name, a built-in one too.
    pub fn register_compaction_strategy(
        mut self,
        name: impl Into<String>,
        strategy: impl CompactionStrategy,
    ) -> Self {
        let strategy = (name.into(), Arc::new(strategy) as _);
        self.parts.compaction_strategies.push(strategy);
        self
    }
}

/// A provider and the model that it is asked for.
type ChosenModel = (Arc<dyn ChatProvider>, ModelId);

impl Parts {
    /// Checks that no part is meant for a default coordinator in whose place another one is injected.
    pub(crate) fn check_unused(&self, injected: &Injected) -> Result<(), BuildError> {
        let config = self.config_method.map(|method| (RoleName::Config, method));
        let mut set = config.into_iter().chain(self.of_defaults());
        match set.find(|(role, _)| injected.has(*role)) {
            Some((role, method)) => Err(BuildError::Unused { method, role }),
            None => Ok(()),
        }
    }

    /// Checks that no part or setting is for a role that has no coordinator, since none is injected or compiled in.
    pub(crate) fn check_missing(
        &self,
        injected: &Injected,
        settings: &Settings,
    ) -> Result<(), BuildError> {
        // A mode that nobody enforces must not be asked for in vain.
        let mode = (settings.mode != Settings::default().mode).then_some(RoleName::Mode);
        let metrics = (!self.metrics_exporters.is_empty()).then_some(RoleName::Metrics);
        let needed = self.of_defaults().map(|(role, _)| role);
        let mut needed = needed.chain(mode).chain(metrics);
        match needed.find(|role| !injected.has(*role) && !role.has_default()) {
            Some(role) => Err(BuildError::MissingCoordinator { role }),
            None => Ok(()),
        }
    }

    /// Takes the provider, and the model that it is asked for.
    pub(crate) fn take_provider(
        &mut self,
        settings: &Settings,
    ) -> Result<Option<ChosenModel>, BuildError> {
        let Some(provider) = self.provider.take() else {
            return Ok(None);
        };
        let model = self.model.clone().or_else(|| settings.model.clone());
        match model.or_else(|| provider.default_model()) {
            Some(model) => Ok(Some((provider, model))),
            None => Err(BuildError::NoModel {
                provider: provider.name().to_owned(),
            }),
        }
    }

    /// Gives the coordinators what each of them takes, whether it is a default one or injected.
    pub(crate) fn give_to(mut self, roles: &Roles, settings: &Settings) -> Result<(), BuildError> {
        if let Some((provider, model)) = self.take_provider(settings)? {
            roles.provider.switch_provider(provider, model);
        }
        self.add_to(roles);
        for tool in self.tools {
            roles.tool.register(tool)?;
        }
        for (name, strategy) in self.compaction_strategies {
            roles.context.register_strategy(&name, strategy);
        }
        if let Some(metrics) = &roles.metrics {
            for exporter in self.metrics_exporters {
                metrics.add_exporter(exporter);
            }
        }
        Ok(())
    }
}
