//! How a coordinator is put together.

use std::sync::Arc;

use victor_tool_protocol::{ApprovalPolicy, RegisterError, Tool, ToolExecutor};

use crate::{EffectPolicy, ToolCoordinator, ToolOptions};

/// Puts a [`ToolCoordinator`] together.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ToolCoordinatorBuilder {
    options: ToolOptions,
    policy: Option<Arc<dyn ApprovalPolicy>>,
    tools: Vec<Arc<dyn Tool>>,
}

impl ToolCoordinatorBuilder {
    /// Sets the limits within which calls run.
    pub fn options(mut self, options: ToolOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets who decides which calls run. Default: [`EffectPolicy::run_everything`].
    pub fn policy(self, policy: impl ApprovalPolicy) -> Self {
        self.shared_policy(Arc::new(policy))
    }

    /// Sets who decides which calls run, where others hold the policy too.
    pub fn shared_policy(mut self, policy: Arc<dyn ApprovalPolicy>) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Offers a tool.
    pub fn tool(self, tool: impl Tool) -> Self {
        self.tools([Arc::new(tool) as Arc<dyn Tool>])
    }

    /// Offers tools.
    pub fn tools(mut self, tools: impl IntoIterator<Item = Arc<dyn Tool>>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// The coordinator, with its tools in the order in which they were given.
    ///
    /// # Errors
    ///
    /// What [`ToolExecutor::register`] says about the first tool that cannot be offered.
    pub fn build(self) -> Result<ToolCoordinator, RegisterError> {
        let policy = self
            .policy
            .unwrap_or_else(|| Arc::new(EffectPolicy::run_everything()));
        let coordinator = ToolCoordinator::from_parts(self.options, policy);
        for tool in self.tools {
            coordinator.register(tool)?;
        }
        Ok(coordinator)
    }
}
