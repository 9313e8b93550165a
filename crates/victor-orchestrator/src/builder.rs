//! Builds an orchestrator piece by piece.

mod parts;
mod settings;
mod tools;

use std::sync::Arc;

use victor_agent_tool::AgentTool;
use victor_chat_protocol::TurnObserver;
use victor_config_protocol::Settings;
use victor_core::{ModelId, SessionId};
use victor_mode_guard::ModeGuard;
use victor_mode_protocol::ModeManager;
use victor_session_protocol::TurnPolicy;
use victor_tool_protocol::{ApprovalPolicy, ToolExecutor};
use victor_turn_request::ToolLists;
use victor_turn_telemetry::TurnObservers;

pub(crate) use parts::Parts;

use crate::custom;
use crate::nested_agent::NestedOrchestrator;
use crate::roles::{Injected, RoleName, Roles};
use crate::{AgentOrchestrator, BuildError, MemoryLimits, defaults};

/// Builds an [`AgentOrchestrator`] piece by piece. Made by [`AgentOrchestrator::builder`].
///
/// Only a provider must be given. Parts of coordinators (settings, tools, contributors, stores, exporters) are given by
/// value or shared: `.tool(my_tool)` and `.tool(Arc::new(my_tool))` do the same. Whole coordinators are injected in
/// place of the default ones; a part that only a default coordinator could take is then an error.
#[derive(Debug, Default)]
#[must_use = "nothing is built until `build` is called"]
pub struct AgentOrchestratorBuilder {
    pub(crate) parts: Parts,
    pub(crate) injected: Injected,
    agents: Vec<NestedAgent>,
    sessions: SessionDefaults,
    observers: TurnObservers,
}

/// The defaults of sessions.
#[derive(Debug, Default)]
pub(crate) struct SessionDefaults {
    /// The session used when none is named.
    pub(crate) id: SessionId,
    pub(crate) memory: MemoryLimits,
    pub(crate) turn_policy: TurnPolicy,
}

/// Another agent, which becomes a tool of this one.
#[derive(Debug)]
struct NestedAgent {
    name: String,
    description: String,
    builder: AgentOrchestratorBuilder,
}

impl AgentOrchestrator {
    /// Builds an orchestrator piece by piece.
    pub fn builder() -> AgentOrchestratorBuilder {
        AgentOrchestratorBuilder::default()
    }
}

impl AgentOrchestratorBuilder {
    /// Names the session used when none is named. Defaults to `default`.
    pub fn default_session(mut self, session: impl Into<SessionId>) -> Self {
        self.sessions.id = session.into();
        self
    }

    /// Sets how many idle sessions stay in memory, where a durable store has them.
    pub fn memory(mut self, limits: MemoryLimits) -> Self {
        self.sessions.memory = limits;
        self
    }

    /// Sets what happens to a message that comes while a turn runs in its session. Defaults to waiting.
    pub fn turn_policy(mut self, policy: TurnPolicy) -> Self {
        self.sessions.turn_policy = policy;
        self
    }

    /// Adds an observer of the turns, such as one that makes traces of them. It hears of the attempts at model calls
    /// too, if the provider coordinator keeps a ledger. Agents that are tools have the observers of their caller,
    /// unless they have some of their own.
    pub fn turn_observer(mut self, observer: impl TurnObserver) -> Self {
        self.observers.all.push(Arc::new(observer));
        self
    }

    /// Offers another agent to the model, as a tool of this name that takes a task and returns an answer.
    ///
    /// Each call is a conversation of its own, nested in the one that it was made in: what the mode denies here is
    /// denied there, under whatever name it is called. An agent without an approval policy has this one's; since nobody
    /// is asked on its behalf, calls that a person would have to approve do not run.
    pub fn agent_tool(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        agent: AgentOrchestratorBuilder,
    ) -> Self {
        self.agents.push(NestedAgent {
            name: name.into(),
            description: description.into(),
            builder: agent,
        });
        self
    }

    /// Builds the orchestrator. Nothing is started until the first turn, and no model is asked.
    ///
    /// # Errors
    ///
    /// Something is missing, a setting is wrong, or a tool cannot be offered; the error says what to do.
    pub fn build(self) -> Result<AgentOrchestrator, BuildError> {
        let Self {
            mut parts,
            mut injected,
            agents,
            sessions,
            observers,
        } = self;
        parts.check_unused(&injected)?;
        custom::check_names(&injected.custom)?;
        let is_empty = |model: &ModelId| model.as_str().is_empty();
        if parts.model.as_ref().is_some_and(is_empty) {
            return Err(BuildError::EmptyModel);
        }
        let replaced: Vec<_> = (RoleName::ALL.iter().copied())
            .filter(|role| injected.has(*role))
            .collect();
        let config = defaults::config_or(injected.config.take(), &Settings::default(), &mut parts)?;
        let base = config.config();
        injected.config = Some(config);
        parts.check_missing(&injected, &base.settings)?;
        let approval_policy = parts.approval_policy.clone();

        let mut roles = Roles::build(injected, &base.settings, &mut parts)?;
        roles.tool = guarded(roles.tool, roles.mode.as_ref());
        for agent in agents {
            let tool = agent.build(&roles, approval_policy.as_ref(), &observers)?;
            parts.tools.push(Arc::new(tool));
        }
        let tool_lists = Arc::new(ToolLists::new(roles.mode.clone()));
        let makers = [parts.switch_mode_tool, parts.search_tools_tool];
        let makers = makers.into_iter().flatten();
        (parts.tools).extend(makers.filter_map(|make| make(&roles, &tool_lists)));
        parts.give_to(&roles, &base.settings)?;
        settings::check_names(&roles, &base)?;

        let is_default = |role: RoleName| role.has_default() && !replaced.contains(&role);
        let remarks = settings::remarks(is_default, &base);
        Ok(AgentOrchestrator::assemble(
            roles, tool_lists, sessions, observers, remarks,
        ))
    }
}

impl NestedAgent {
    /// Builds the agent with the modes of its caller, and with its policy, metrics and observers if it has none.
    fn build(
        self,
        caller: &Roles,
        policy: Option<&Arc<dyn ApprovalPolicy>>,
        observers: &TurnObservers,
    ) -> Result<AgentTool<NestedOrchestrator>, BuildError> {
        let Self {
            name,
            description,
            mut builder,
        } = self;
        if builder.injected.mode.is_some() {
            return Err(BuildError::NestedModes { agent: name });
        }
        builder.injected.mode = caller.mode.clone();
        let metrics = builder.injected.metrics.take();
        builder.injected.metrics = metrics.or_else(|| caller.metrics.clone());
        if builder.observers.all.is_empty() {
            builder.observers.all.clone_from(&observers.all);
        }
        builder.observers.agent = Some(name.as_str().into());
        if builder.injected.tool.is_none() && builder.parts.approval_policy.is_none() {
            builder.parts.approval_policy = policy.cloned();
        }
        Ok(AgentTool::new(
            &name,
            &description,
            NestedOrchestrator(builder.build()?),
        ))
    }
}

/// Keeps the tools within what the modes permit.
fn guarded(
    tools: Arc<dyn ToolExecutor>,
    modes: Option<&Arc<dyn ModeManager>>,
) -> Arc<dyn ToolExecutor> {
    match modes {
        Some(modes) => Arc::new(ModeGuard::new(tools, modes.clone())),
        None => tools,
    }
}
