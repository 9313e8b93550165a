//! The methods that take parts.

use std::sync::Arc;

use victor_analytics_protocol::AnalyticsExporter;
use victor_checkpoint_protocol::CheckpointStore;
use victor_config_protocol::ConfigProvider;
use victor_context_protocol::CompactionStrategy;
use victor_core::ModelId;
use victor_metrics_protocol::MetricsExporter;
use victor_mode_protocol::ModePolicy;
use victor_prompt_protocol::PromptContributor;
use victor_provider_protocol::ChatProvider;
use victor_session_protocol::SessionStore;
use victor_tool_protocol::{ApprovalPolicy, ReceiptStore, ResultStore, Tool};
use victor_tool_selection_protocol::ToolSelectionStrategy;

use crate::AgentOrchestratorBuilder;

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

    /// Takes settings from a file in TOML, YAML or JSON.
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
        let (method, config) =
            (self.parts.config.take()).unwrap_or_else(|| (method, Default::default()));
        self.parts.config = Some((method, change(config)));
        self
    }
}

/// Parts of coordinators. Each method takes the part itself, or an [`Arc`] of it that the program shares.
impl AgentOrchestratorBuilder {
    /// Sets the provider whose models are asked.
    pub fn provider(mut self, provider: impl ChatProvider) -> Self {
        self.parts.provider = Some(Arc::new(provider));
        self
    }

    /// Sets the model that is asked. Defaults to that of the settings, and then to the provider's own.
    pub fn model(mut self, model: impl Into<ModelId>) -> Self {
        self.parts.model = Some(model.into());
        self
    }

    /// Offers a tool to the model.
    pub fn tool(mut self, tool: impl Tool) -> Self {
        self.parts.tools.push(Arc::new(tool));
        self
    }

    /// Offers tools to the model.
    pub fn tools(self, tools: impl IntoIterator<Item = impl Tool>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// Sets the policy that decides which tool calls run. Without one, all do.
    pub fn approval_policy(mut self, policy: impl ApprovalPolicy) -> Self {
        self.parts.approval_policy = Some(Arc::new(policy));
        self
    }

    /// Sets the store of checkpoints. Without one, none are made.
    pub fn checkpoint_store(mut self, store: impl CheckpointStore) -> Self {
        self.parts.checkpoint_store = Some(Arc::new(store));
        self
    }

    /// Sets the store of receipts for tool calls that may change something, so that a turn which is taken up after a
    /// crash runs none of them twice.
    pub fn receipt_store(mut self, store: impl ReceiptStore) -> Self {
        self.parts.receipt_store = Some(Arc::new(store));
        self
    }

    /// Sets the store of tool results that are too large for a conversation. The model is offered the tool
    /// `read_result`, by which it pages through them. Without a store, the excess is lost.
    pub fn result_store(mut self, store: impl ResultStore) -> Self {
        self.parts.result_store = Some(Arc::new(store));
        self
    }

    /// Sets the store of transcripts. Without one, they live as long as the process.
    pub fn session_store(mut self, store: impl SessionStore) -> Self {
        self.parts.session_store = Some(Arc::new(store));
        self
    }

    /// Adds a provider of configuration, which is asked for each session.
    pub fn config_provider(mut self, provider: impl ConfigProvider) -> Self {
        self.parts.config_providers.push(Arc::new(provider));
        self
    }

    /// Adds a section to the system prompt.
    pub fn prompt_contributor(mut self, contributor: impl PromptContributor) -> Self {
        self.parts.contributors.push(Arc::new(contributor));
        self
    }

    /// Registers a compaction strategy, so that the setting `context_compaction_strategy` can name it. It replaces the
    /// one that has this name, a built-in one too.
    pub fn register_compaction_strategy(
        mut self,
        name: impl Into<String>,
        strategy: impl CompactionStrategy,
    ) -> Self {
        let strategy = Arc::new(strategy);
        self.parts
            .compaction_strategies
            .push((name.into(), strategy));
        self
    }

    /// Adds a destination of analytics.
    pub fn analytics_exporter(mut self, exporter: impl AnalyticsExporter) -> Self {
        self.parts.exporters.push(Arc::new(exporter));
        self
    }

    /// Adds a destination of metrics. It is given a snapshot now and then.
    pub fn metrics_exporter(mut self, exporter: impl MetricsExporter) -> Self {
        self.parts.metrics_exporters.push(Arc::new(exporter));
        self
    }

    /// Adds a mode, so that sessions can be switched to it.
    pub fn mode(mut self, mode: impl ModePolicy) -> Self {
        self.parts.modes.push(Arc::new(mode));
        self
    }

    /// Offers the model a tool by which it switches its own session to another mode, of those that are open to it: by
    /// default `plan` and `explore`, from which it cannot come back by itself.
    #[cfg(feature = "mode")]
    pub fn switch_mode_tool(mut self) -> Self {
        self.parts.switch_mode_tool = true;
        self
    }

    /// Registers a strategy of tool selection, so that the setting `tool_selection_strategy` can name it.
    pub fn register_tool_selection_strategy(
        mut self,
        strategy: impl ToolSelectionStrategy,
    ) -> Self {
        self.parts.selection_strategies.push(Arc::new(strategy));
        self
    }

    /// Offers the model a tool by which it finds tools that it is not shown.
    #[cfg(feature = "tool-selection")]
    pub fn search_tools_tool(mut self) -> Self {
        self.parts.search_tools_tool = true;
        self
    }
}
