//! Builds an orchestrator piece by piece.

use std::sync::Arc;

use victor_analytics_protocol::{AnalyticsExporter, AnalyticsTracker};
use victor_chat_protocol::ChatEngine;
use victor_checkpoint_protocol::{CheckpointManager, CheckpointStore};
use victor_config_protocol::{
    ConfigLoader, ConfigProvider, EffectiveConfig, SettingScope, Settings,
};
use victor_context_protocol::{CompactionStrategy, ContextManager};
use victor_core::{ModelId, SessionId};
use victor_mode_protocol::{ModeManager, ModePolicy};
use victor_prompt_protocol::{PromptBuilder, PromptContributor};
use victor_provider_protocol::{ChatProvider, ProviderRouter};
use victor_session_protocol::{SessionManager, SessionStore, TurnPolicy};
use victor_tool_protocol::{ApprovalPolicy, ReceiptStore, ResultStore, Tool, ToolExecutor};
use victor_tool_selection_protocol::{ToolSelectionStrategy, ToolSelector};

use crate::orchestrator::Assembly;
use crate::roles::Roles;
use crate::sessions::MemoryLimits;
use crate::tools::{AgentTool, ModeGuard, ToolLists};
use crate::{AgentOrchestrator, BuildError, defaults};

/// Builds an [`AgentOrchestrator`] piece by piece. Made by [`AgentOrchestrator::builder`].
///
/// Only a provider must be given. What a coordinator is to be built with (settings, tools, contributors, exporters)
/// can be given here, or to a coordinator of one's own that is injected in place of the default one.
#[derive(Debug, Default)]
#[must_use = "nothing is built until `build` is called"]
pub struct AgentOrchestratorBuilder {
    #[cfg(feature = "config")]
    config_builder: Option<victor_config::ConfigCoordinatorBuilder>,
    /// The first method that configured the default configuration coordinator.
    #[cfg(feature = "config")]
    config_method: &'static str,
    provider: Option<Arc<dyn ChatProvider>>,
    model: Option<ModelId>,
    session: SessionId,
    tools: Vec<Arc<dyn Tool>>,
    policy: Option<Arc<dyn ApprovalPolicy>>,
    receipts: Option<Arc<dyn ReceiptStore>>,
    results: Option<Arc<dyn ResultStore>>,
    store: Option<Arc<dyn SessionStore>>,
    config_providers: Vec<Arc<dyn ConfigProvider>>,
    contributors: Vec<Arc<dyn PromptContributor>>,
    strategies: Vec<(String, Arc<dyn CompactionStrategy>)>,
    exporters: Vec<Arc<dyn AnalyticsExporter>>,
    analytics: Option<Arc<dyn AnalyticsTracker>>,
    chat: Option<Arc<dyn ChatEngine>>,
    config: Option<Arc<dyn ConfigLoader>>,
    context: Option<Arc<dyn ContextManager>>,
    prompt: Option<Arc<dyn PromptBuilder>>,
    router: Option<Arc<dyn ProviderRouter>>,
    sessions: Option<Arc<dyn SessionManager>>,
    executor: Option<Arc<dyn ToolExecutor>>,
    modes: Option<Arc<dyn ModeManager>>,
    #[cfg(feature = "mode")]
    switch_mode_tool: bool,
    own_modes: Vec<Arc<dyn ModePolicy>>,
    selector: Option<Arc<dyn ToolSelector>>,
    selection_strategies: Vec<Arc<dyn ToolSelectionStrategy>>,
    #[cfg(feature = "tool-selection")]
    search_tools_tool: bool,
    checkpoint_store: Option<Arc<dyn CheckpointStore>>,
    checkpoints: Option<Arc<dyn CheckpointManager>>,
    memory: MemoryLimits,
    policy_for_turns: TurnPolicy,
    agents: Vec<(String, String, AgentOrchestratorBuilder)>,
}

impl AgentOrchestrator {
    /// Builds an orchestrator piece by piece.
    pub fn builder() -> AgentOrchestratorBuilder {
        AgentOrchestratorBuilder::default()
    }
}

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
        if self.config_builder.is_none() {
            self.config_method = method;
        }
        self.config_builder = Some(change(self.config_builder.take().unwrap_or_default()));
        self
    }
}

impl AgentOrchestratorBuilder {
    /// The provider whose models are asked.
    pub fn provider(mut self, provider: Arc<dyn ChatProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The model that is asked: before the one of the settings, and before the provider's own default.
    pub fn model(mut self, model: impl Into<ModelId>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The session of those who have only one. It is called `default` otherwise.
    pub fn default_session(mut self, session: impl Into<SessionId>) -> Self {
        self.session = session.into();
        self
    }

    /// Offers a tool to the model.
    pub fn tool(mut self, tool: Arc<dyn Tool>) -> Self {
        self.tools.push(tool);
        self
    }

    /// Offers tools to the model.
    pub fn tools(mut self, tools: impl IntoIterator<Item = Arc<dyn Tool>>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// Offers another agent to the model, as a tool of this name that takes a task and gives back an answer. Each call
    /// is a conversation of its own, nested in the one that it was made in: what the mode denies here is denied there,
    /// under whatever name it is called. Where the agent has no approval policy of its own, it has this one's; since
    /// nobody is asked on its behalf, what a person would have to approve does not run.
    pub fn agent_tool(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        agent: AgentOrchestratorBuilder,
    ) -> Self {
        self.agents.push((name.into(), description.into(), agent));
        self
    }

    /// Decides which tool calls run. All run otherwise.
    pub fn approval_policy(mut self, policy: Arc<dyn ApprovalPolicy>) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Where checkpoints are kept. None are made otherwise.
    pub fn checkpoint_store(mut self, store: Arc<dyn CheckpointStore>) -> Self {
        self.checkpoint_store = Some(store);
        self
    }

    /// Where receipts are kept of tool calls that may change something, so that a turn which is taken up after a crash
    /// runs none of them twice.
    pub fn receipt_store(mut self, store: Arc<dyn ReceiptStore>) -> Self {
        self.receipts = Some(store);
        self
    }

    /// Where results of tools are kept that are too large for a conversation. The model is offered the tool
    /// `read_result`, by which it pages through them. Without it, what is too much is left out for good.
    pub fn result_store(mut self, store: Arc<dyn ResultStore>) -> Self {
        self.results = Some(store);
        self
    }

    /// Where transcripts are kept. They live as long as the process otherwise.
    pub fn session_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// How many sessions that nobody works on stay in memory, where a durable store has them.
    pub fn memory(mut self, limits: MemoryLimits) -> Self {
        self.memory = limits;
        self
    }

    /// What happens to a message that comes while a turn runs in its session. It waits otherwise.
    pub fn turn_policy(mut self, policy: TurnPolicy) -> Self {
        self.policy_for_turns = policy;
        self
    }

    /// Asks a provider of configuration for each session.
    pub fn config_provider(mut self, provider: Arc<dyn ConfigProvider>) -> Self {
        self.config_providers.push(provider);
        self
    }

    /// Adds a section to the system prompt.
    pub fn prompt_contributor(mut self, contributor: Arc<dyn PromptContributor>) -> Self {
        self.contributors.push(contributor);
        self
    }

    /// Makes a compaction strategy known, so that the setting `context_compaction_strategy` can name it.
    pub fn register_compaction_strategy(
        mut self,
        name: impl Into<String>,
        strategy: Arc<dyn CompactionStrategy>,
    ) -> Self {
        self.strategies.push((name.into(), strategy));
        self
    }

    /// Sends analytics somewhere.
    pub fn analytics_exporter(mut self, exporter: Arc<dyn AnalyticsExporter>) -> Self {
        self.exporters.push(exporter);
        self
    }

    /// Injects the coordinator that collects events.
    pub fn analytics_coordinator(mut self, coordinator: Arc<dyn AnalyticsTracker>) -> Self {
        self.analytics = Some(coordinator);
        self
    }

    /// Injects the coordinator that works turns.
    pub fn chat_coordinator(mut self, coordinator: Arc<dyn ChatEngine>) -> Self {
        self.chat = Some(coordinator);
        self
    }

    /// Injects the coordinator that knows what is configured.
    pub fn config_coordinator(mut self, coordinator: Arc<dyn ConfigLoader>) -> Self {
        self.config = Some(coordinator);
        self
    }

    /// Injects the coordinator that keeps what the model sees.
    pub fn context_coordinator(mut self, coordinator: Arc<dyn ContextManager>) -> Self {
        self.context = Some(coordinator);
        self
    }

    /// Injects the coordinator that builds the system prompt.
    pub fn prompt_coordinator(mut self, coordinator: Arc<dyn PromptBuilder>) -> Self {
        self.prompt = Some(coordinator);
        self
    }

    /// Injects the coordinator that asks the model. With a [`provider`](Self::provider), it is switched to that one.
    pub fn provider_coordinator(mut self, coordinator: Arc<dyn ProviderRouter>) -> Self {
        self.router = Some(coordinator);
        self
    }

    /// Injects the coordinator that knows the sessions.
    pub fn session_coordinator(mut self, coordinator: Arc<dyn SessionManager>) -> Self {
        self.sessions = Some(coordinator);
        self
    }

    /// Injects the coordinator that runs tool calls.
    pub fn tool_coordinator(mut self, coordinator: Arc<dyn ToolExecutor>) -> Self {
        self.executor = Some(coordinator);
        self
    }

    /// Adds a mode, so that sessions can be taken to it.
    pub fn mode(mut self, mode: Arc<dyn ModePolicy>) -> Self {
        self.own_modes.push(mode);
        self
    }

    /// Offers the model a tool by which it takes its own session to another mode, of those that are open to it: by
    /// default `plan` and `explore`, from which it cannot come back by itself.
    #[cfg(feature = "mode")]
    pub fn switch_mode_tool(mut self) -> Self {
        self.switch_mode_tool = true;
        self
    }

    /// Injects the coordinator that makes checkpoints.
    pub fn checkpoint_coordinator(mut self, coordinator: Arc<dyn CheckpointManager>) -> Self {
        self.checkpoints = Some(coordinator);
        self
    }

    /// Injects the coordinator that knows the modes.
    pub fn mode_coordinator(mut self, coordinator: Arc<dyn ModeManager>) -> Self {
        self.modes = Some(coordinator);
        self
    }

    /// Injects the coordinator that chooses which tools the model is shown.
    pub fn tool_selection_coordinator(mut self, coordinator: Arc<dyn ToolSelector>) -> Self {
        self.selector = Some(coordinator);
        self
    }

    /// Makes a strategy known by which tools are chosen, so that the setting `tool_selection_strategy` can name it.
    pub fn register_tool_selection_strategy(
        mut self,
        strategy: Arc<dyn ToolSelectionStrategy>,
    ) -> Self {
        self.selection_strategies.push(strategy);
        self
    }

    /// Offers the model a tool by which it finds tools that it is not shown.
    #[cfg(feature = "tool-selection")]
    pub fn search_tools_tool(mut self) -> Self {
        self.search_tools_tool = true;
        self
    }

    /// Builds the orchestrator. Nothing is started until the first turn, and no model is asked.
    ///
    /// # Errors
    ///
    /// Something is missing, a setting is wrong, or a tool cannot be offered; the error says what to do.
    pub fn build(mut self) -> Result<AgentOrchestrator, BuildError> {
        let config = self.build_config()?;
        let base = config.config();
        let mut unread = unread(&self);
        let mode = match (self.modes.take(), std::mem::take(&mut self.own_modes)) {
            (Some(_), own) if !own.is_empty() => return Err(unused("mode", "mode")),
            (Some(own), _) => Some(own),
            (None, own) => defaults::mode(&base.settings, own)?,
        };
        let mut own_tools: Vec<Arc<dyn Tool>> = Vec::new();
        for (name, description, mut agent) in std::mem::take(&mut self.agents) {
            if agent.modes.is_some() {
                return Err(unused("mode_coordinator", "nested mode"));
            }
            agent.modes.clone_from(&mode);
            if agent.executor.is_none() && agent.policy.is_none() {
                agent.policy.clone_from(&self.policy);
            }
            own_tools.push(Arc::new(AgentTool::new(
                &name,
                &description,
                agent.build()?,
            )));
        }
        #[cfg(feature = "mode")]
        if let Some(modes) = mode.clone().filter(|_| self.switch_mode_tool)
            && let Some(tool) = victor_mode::SwitchModeTool::new(modes)
        {
            own_tools.push(Arc::new(tool));
        }
        let roles = Roles {
            provider: self.build_provider(&base)?,
            analytics: match self.analytics {
                Some(own) => own,
                None => defaults::analytics(&base.settings)?,
            },
            session: match (self.sessions, self.store) {
                (Some(_), Some(_)) => return Err(unused("session_store", "session")),
                (Some(own), None) => own,
                (None, store) => defaults::session(store)?,
            },
            tool: match self.executor {
                Some(_) if self.policy.is_some() => return Err(unused("approval_policy", "tool")),
                Some(_) if self.receipts.is_some() => return Err(unused("receipt_store", "tool")),
                Some(_) if self.results.is_some() => return Err(unused("result_store", "tool")),
                Some(own) => guarded(own, mode.as_ref()),
                None => {
                    let tools = defaults::tool(self.policy, self.receipts, self.results)?;
                    guarded(tools, mode.as_ref())
                }
            },
            tool_selection: match self.selector {
                Some(_) if !self.selection_strategies.is_empty() => {
                    let method = "register_tool_selection_strategy";
                    return Err(unused(method, "tool_selection"));
                }
                Some(own) => Some(own),
                None => defaults::tool_selection(&base.settings, self.selection_strategies)?,
            },
            mode,
            prompt: match self.prompt {
                Some(own) => own,
                None => defaults::prompt()?,
            },
            context: match self.context {
                Some(own) => own,
                None => defaults::context()?,
            },
            checkpoint: match (self.checkpoints, self.checkpoint_store) {
                (Some(_), Some(_)) => return Err(unused("checkpoint_store", "checkpoint")),
                (own, None) => own,
                (None, Some(store)) => Some(defaults::checkpoint(store)?),
            },
            chat: match self.chat {
                Some(own) => own,
                None => defaults::chat()?,
            },
            config,
        };
        self.tools
            .into_iter()
            .chain(own_tools)
            .try_for_each(|tool| roles.tool.register(tool))?;
        let tool_lists = Arc::<ToolLists>::default();
        #[cfg(feature = "tool-selection")]
        if let Some(selector) = roles
            .tool_selection
            .clone()
            .filter(|_| self.search_tools_tool)
        {
            let tools = Arc::downgrade(&roles.tool);
            let catalogue = catalogue(tools, roles.mode.clone(), tool_lists.clone());
            let tool = victor_tool_selection::SearchToolsTool::new(selector, catalogue);
            roles.tool.register(Arc::new(tool))?;
        }
        for provider in self.config_providers {
            roles.config.add_provider(provider);
        }
        for contributor in self.contributors {
            roles.prompt.add_contributor(contributor);
        }
        for (name, strategy) in self.strategies {
            roles.context.register_strategy(&name, strategy);
        }
        for exporter in self.exporters {
            roles.analytics.add_exporter(exporter);
        }
        check_names(&roles, &base)?;
        if roles.tool_selection.is_none() {
            unread.extend(SELECTION_KEYS.map(|key| (key, "tool selection")));
        }
        let remarks = remarks(&unread, &base);
        Ok(AgentOrchestrator::assemble(Assembly {
            roles,
            tool_lists,
            default_session: self.session,
            memory: self.memory,
            policy: self.policy_for_turns,
            remarks,
        }))
    }

    #[cfg(feature = "config")]
    fn build_config(&mut self) -> Result<Arc<dyn ConfigLoader>, BuildError> {
        match (self.config.take(), self.config_builder.take()) {
            (Some(_), Some(_)) => Err(unused(self.config_method, "config")),
            (Some(own), None) => Ok(own),
            (None, builder) => {
                let mut builder = builder.unwrap_or_default();
                if let Some(model) = &self.model {
                    builder = builder.set("model", model.as_str());
                }
                Ok(Arc::new(builder.build()?))
            }
        }
    }

    #[cfg(not(feature = "config"))]
    fn build_config(&mut self) -> Result<Arc<dyn ConfigLoader>, BuildError> {
        self.config
            .take()
            .ok_or(BuildError::MissingCoordinator { role: "config" })
    }

    fn build_provider(
        &mut self,
        config: &EffectiveConfig,
    ) -> Result<Arc<dyn ProviderRouter>, BuildError> {
        if self
            .model
            .as_ref()
            .is_some_and(|model| model.as_str().is_empty())
        {
            return Err(BuildError::EmptyModel);
        }
        let model = self.model.take().or_else(|| config.settings.model.clone());
        match (self.router.take(), self.provider.take()) {
            (None, None) => Err(BuildError::NoProvider),
            (Some(own), None) => Ok(own),
            (own, Some(provider)) => {
                let name = || BuildError::NoModel {
                    provider: provider.name().to_owned(),
                };
                let model = model
                    .or_else(|| provider.default_model())
                    .ok_or_else(name)?;
                let Some(own) = own else {
                    return defaults::provider(provider, model);
                };
                own.switch_provider(provider, model);
                Ok(own)
            }
        }
    }
}

/// Says which tools a session's mode permits. The tools hold who asks, so they are not held in turn.
#[cfg(feature = "tool-selection")]
fn catalogue(
    tools: std::sync::Weak<dyn ToolExecutor>,
    modes: Option<Arc<dyn ModeManager>>,
    lists: Arc<ToolLists>,
) -> victor_tool_selection::Catalogue {
    Arc::new(move |session| {
        let Some(tools) = tools.upgrade() else {
            return Arc::default();
        };
        lists.permitted(&tools.specs(), modes.as_deref(), session)
    })
}

/// The tools within what the modes permit.
fn guarded(
    tools: Arc<dyn ToolExecutor>,
    modes: Option<&Arc<dyn ModeManager>>,
) -> Arc<dyn ToolExecutor> {
    match modes {
        Some(modes) => Arc::new(ModeGuard::new(tools, modes.clone())),
        None => tools,
    }
}

fn unused(method: &'static str, role: &'static str) -> BuildError {
    BuildError::Unused { method, role }
}

/// Checks that what the settings name is there.
fn check_names(roles: &Roles, config: &EffectiveConfig) -> Result<(), BuildError> {
    let check = |key, value: &str, known: Vec<String>| {
        if !config.is_set(key) || known.iter().any(|name| name == value) {
            return Ok(());
        }
        Err(BuildError::unknown_name(key, value, &known))
    };
    let settings = &config.settings;
    check(
        "context_compaction_strategy",
        &settings.context_compaction_strategy,
        roles.context.strategies(),
    )?;
    check(
        "system_prompt_template",
        &settings.system_prompt_template,
        roles.prompt.templates(),
    )
}

/// The settings by which the default coordinator of tool selection is built.
const SELECTION_KEYS: [&str; 3] = [
    "tool_selection_strategy",
    "tool_selection_hybrid_alpha",
    "tool_selection_limit",
];

/// The settings that nobody will read, each with the coordinator that would: the one that is injected was built without
/// them, or there is none yet.
fn unread(builder: &AgentOrchestratorBuilder) -> Vec<(&'static str, &'static str)> {
    let mut unread = Vec::new();
    if builder.modes.is_some() {
        unread.push(("mode", "mode"));
    }
    if builder.analytics.is_some() {
        unread.push(("analytics_export_interval", "analytics"));
    }
    if builder.selector.is_some() {
        unread.extend(SELECTION_KEYS.map(|key| (key, "tool selection")));
    }
    unread
}

/// Names the settings that somebody has set and nobody reads.
fn remarks(unread: &[(&str, &str)], config: &EffectiveConfig) -> Vec<String> {
    let no_effect = |key: &str, why: &str| format!("setting `{key}` has no effect: {why}");
    let unread = unread
        .iter()
        .filter(|(key, _)| config.is_set(key))
        .map(|(key, role)| {
            no_effect(
                key,
                &format!("the {role} coordinator that is installed does not read it"),
            )
        });
    let reserved = Settings::declarations().iter();
    let reserved = reserved
        .filter(|setting| setting.scope == SettingScope::Reserved && config.is_set(setting.key));
    let reserved = reserved.map(|setting| no_effect(setting.key, "nothing reads it yet"));
    reserved.chain(unread).collect()
}
