//! Settings: the methods that take them, and the checks of what they name.

use victor_config_protocol::{EffectiveConfig, SettingScope, Settings};
use victor_core::UnknownName;

#[cfg(feature = "config")]
use crate::AgentOrchestratorBuilder;
use crate::BuildError;
use crate::roles::{RoleName, Roles};

/// The settings that only the default coordinator of a role reads, when it is built.
const READ_BY_DEFAULTS: [(RoleName, &str); 6] = [
    (RoleName::Metrics, "enable_metrics"),
    (RoleName::Mode, "mode"),
    (RoleName::Analytics, "analytics_export_interval"),
    (RoleName::ToolSelection, "tool_selection_strategy"),
    (RoleName::ToolSelection, "tool_selection_hybrid_alpha"),
    (RoleName::ToolSelection, "tool_selection_limit"),
];

/// Settings for the default configuration coordinator.
#[cfg(feature = "config")]
impl AgentOrchestratorBuilder {
    /// Takes settings from the program. Those that differ from their defaults beat files and the environment.
    pub fn settings(self, settings: victor_config_protocol::Settings) -> Self {
        self.configure("settings", |config| config.settings(settings))
    }

    /// Takes one value from the program, by the key of the setting.
    pub fn setting(self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.configure("setting", |config| config.set(key, value))
    }

    /// Takes settings from a file in TOML or JSON, and in YAML with the feature `yaml`.
    pub fn config_file(self, path: impl Into<std::path::PathBuf>) -> Self {
        self.configure("config_file", |config| config.file(path))
    }

    /// Takes settings from the environment variables that begin with `VICTOR_`.
    pub fn environment(self) -> Self {
        self.configure("environment", |config| {
            config.environment(std::env::vars_os())
        })
    }

    fn configure(
        mut self,
        method: &'static str,
        change: impl FnOnce(
            victor_config::ConfigCoordinatorBuilder,
        ) -> victor_config::ConfigCoordinatorBuilder,
    ) -> Self {
        self.parts.config_method.get_or_insert(method);
        self.parts.config = change(self.parts.config);
        self
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
