//! Parts: what default coordinators are built with, and what every coordinator is given once it is there.

use std::sync::Arc;

use victor_analytics_protocol::AnalyticsExporter;
use victor_checkpoint_protocol::CheckpointStore;
use victor_config_protocol::{ConfigProvider, EffectiveConfig, SettingScope, Settings};
use victor_context_protocol::CompactionStrategy;
use victor_core::{ModelId, UnknownName};
use victor_metrics_protocol::MetricsExporter;
use victor_mode_protocol::ModePolicy;
use victor_prompt_protocol::PromptContributor;
use victor_provider_protocol::ChatProvider;
use victor_session_protocol::SessionStore;
use victor_tool_protocol::{ApprovalPolicy, ReceiptStore, ResultStore, Tool};
use victor_tool_selection_protocol::ToolSelectionStrategy;

use crate::BuildError;
use crate::roles::{Injected, RoleName, Roles};

/// The settings that only the default coordinator of a role reads, when it is built.
const READ_BY_DEFAULTS: [(RoleName, &str); 6] = [
    (RoleName::Metrics, "enable_metrics"),
    (RoleName::Mode, "mode"),
    (RoleName::Analytics, "analytics_export_interval"),
    (RoleName::ToolSelection, "tool_selection_strategy"),
    (RoleName::ToolSelection, "tool_selection_hybrid_alpha"),
    (RoleName::ToolSelection, "tool_selection_limit"),
];

/// The parts of coordinators. Those of default coordinators alone are taken when these are built; the others go to the
/// coordinator that there is.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The settings, and the method of the builder that gave the first of them.
    #[cfg(feature = "config")]
    pub(crate) config: Option<(&'static str, victor_config::ConfigCoordinatorBuilder)>,
    pub(crate) session_store: Option<Arc<dyn SessionStore>>,
    pub(crate) checkpoint_store: Option<Arc<dyn CheckpointStore>>,
    pub(crate) modes: Vec<Arc<dyn ModePolicy>>,
    pub(crate) approval_policy: Option<Arc<dyn ApprovalPolicy>>,
    pub(crate) receipt_store: Option<Arc<dyn ReceiptStore>>,
    pub(crate) result_store: Option<Arc<dyn ResultStore>>,
    pub(crate) selection_strategies: Vec<Arc<dyn ToolSelectionStrategy>>,

    pub(crate) provider: Option<Arc<dyn ChatProvider>>,
    pub(crate) model: Option<ModelId>,
    pub(crate) tools: Vec<Arc<dyn Tool>>,
    #[cfg(feature = "mode")]
    pub(crate) switch_mode_tool: bool,
    #[cfg(feature = "tool-selection")]
    pub(crate) search_tools_tool: bool,
    pub(crate) config_providers: Vec<Arc<dyn ConfigProvider>>,
    pub(crate) contributors: Vec<Arc<dyn PromptContributor>>,
    pub(crate) compaction_strategies: Vec<(String, Arc<dyn CompactionStrategy>)>,
    pub(crate) exporters: Vec<Arc<dyn AnalyticsExporter>>,
    pub(crate) metrics_exporters: Vec<Arc<dyn MetricsExporter>>,
}

/// A provider and the model that it is asked for.
type ChosenModel = (Arc<dyn ChatProvider>, ModelId);

impl Parts {
    /// Checks that no part is meant for a default coordinator in whose place another one is injected.
    pub(crate) fn unused_by(&self, injected: &Injected) -> Result<(), BuildError> {
        let strategies = !self.selection_strategies.is_empty();
        let methods = [
            (RoleName::Config, self.config_method()),
            (
                RoleName::Session,
                self.session_store.as_ref().map(|_| "session_store"),
            ),
            (
                RoleName::Checkpoint,
                self.checkpoint_store.as_ref().map(|_| "checkpoint_store"),
            ),
            (RoleName::Mode, (!self.modes.is_empty()).then_some("mode")),
            (
                RoleName::Tool,
                self.approval_policy.as_ref().map(|_| "approval_policy"),
            ),
            (
                RoleName::Tool,
                self.receipt_store.as_ref().map(|_| "receipt_store"),
            ),
            (
                RoleName::Tool,
                self.result_store.as_ref().map(|_| "result_store"),
            ),
            (
                RoleName::ToolSelection,
                strategies.then_some("register_tool_selection_strategy"),
            ),
        ];
        for (role, method) in methods {
            if let Some(method) = method.filter(|_| injected.has(role)) {
                return Err(BuildError::Unused { method, role });
            }
        }
        Ok(())
    }

    #[cfg(feature = "config")]
    fn config_method(&self) -> Option<&'static str> {
        self.config.as_ref().map(|(method, _)| *method)
    }

    #[cfg(not(feature = "config"))]
    fn config_method(&self) -> Option<&'static str> {
        None
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
        for tool in self.tools {
            roles.tool.register(tool)?;
        }
        for provider in self.config_providers {
            roles.config.add_provider(provider);
        }
        for contributor in self.contributors {
            roles.prompt.add_contributor(contributor);
        }
        for (name, strategy) in self.compaction_strategies {
            roles.context.register_strategy(&name, strategy);
        }
        for exporter in self.exporters {
            roles.analytics.add_exporter(exporter);
        }
        if let Some(metrics) = &roles.metrics {
            for exporter in self.metrics_exporters {
                metrics.add_exporter(exporter);
            }
        }
        Ok(())
    }
}

/// Checks that the names exist which somebody has set.
pub(crate) fn check_names(roles: &Roles, config: &EffectiveConfig) -> Result<(), BuildError> {
    let settings = &config.settings;
    let names = [
        (
            "context_compaction_strategy",
            "compaction strategy",
            &settings.context_compaction_strategy,
            roles.context.strategies(),
        ),
        (
            "system_prompt_template",
            "template",
            &settings.system_prompt_template,
            roles.prompt.templates(),
        ),
    ];
    for (setting, what, name, known) in names {
        if config.is_set(setting) && !known.contains(name) {
            let unknown = UnknownName::new(what, name, known);
            return Err(BuildError::UnknownName { setting, unknown });
        }
    }
    Ok(())
}

/// Lists the settings that somebody has set and nobody reads.
pub(crate) fn remarks(
    is_default: impl Fn(RoleName) -> bool,
    config: &EffectiveConfig,
) -> Vec<String> {
    let no_effect = |key: &str, why: &str| format!("setting `{key}` has no effect: {why}");
    let reserved = Settings::declarations()
        .iter()
        .filter(|setting| setting.scope == SettingScope::Reserved && config.is_set(setting.key))
        .map(|setting| no_effect(setting.key, "nothing reads it yet"));
    let unread = READ_BY_DEFAULTS
        .into_iter()
        .filter(|(role, key)| config.is_set(key) && !is_default(*role))
        .map(|(role, key)| {
            let why = format!("the {role} coordinator that is installed does not read it");
            no_effect(key, &why)
        });
    reserved.chain(unread).collect()
}
