//! The builder of the coordinator.

use std::sync::Arc;

use victor_tool_protocol::{
    ApprovalPolicy, ReceiptStore, RegisterError, ResultStore, Tool, ToolExecutor,
};

use crate::results::Stores;
use crate::{EffectPolicy, ToolCoordinator, ToolOptions};

/// Builds a [`ToolCoordinator`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ToolCoordinatorBuilder {
    options: ToolOptions,
    policy: Option<Arc<dyn ApprovalPolicy>>,
    tools: Vec<Arc<dyn Tool>>,
    receipts: Option<Arc<dyn ReceiptStore>>,
    results: Option<Arc<dyn ResultStore>>,
}

impl ToolCoordinatorBuilder {
    /// Sets the limits of calls. Defaults to [`ToolOptions::default`].
    pub fn options(mut self, options: ToolOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the policy that decides which calls run. Defaults to [`EffectPolicy::run_everything`].
    pub fn policy(mut self, policy: impl ApprovalPolicy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Adds a tool.
    pub fn tool(self, tool: impl Tool) -> Self {
        self.tools([Arc::new(tool) as Arc<dyn Tool>])
    }

    /// Adds tools.
    pub fn tools(mut self, tools: impl IntoIterator<Item = Arc<dyn Tool>>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// Sets the store of receipts of calls that may change something, so that a turn which is taken up again, here or
    /// in another process, runs none of them twice. Without it, such a turn runs every call whose result it does not
    /// have.
    ///
    /// A call that has ended is not run again, and its result is given again. The outcome of one that had begun is
    /// unknown: it is run again if its tool is idempotent, and otherwise the model is told to check the current state.
    pub fn receipts(mut self, receipts: impl ReceiptStore) -> Self {
        self.receipts = Some(Arc::new(receipts));
        self
    }

    /// Sets the store of results that have more text than
    /// [`max_output_bytes`](ToolOptions::max_output_bytes), and offers the tool `read_result`, by which the model reads
    /// what was left out of them. Without it, that is lost.
    pub fn results(mut self, results: impl ResultStore) -> Self {
        self.results = Some(Arc::new(results));
        self
    }

    /// Builds the coordinator, with its tools in the order in which they were given, and `read_result` after them.
    ///
    /// # Errors
    ///
    /// The error of [`ToolExecutor::register`] about the first tool that cannot be registered.
    pub fn build(self) -> Result<ToolCoordinator, RegisterError> {
        let policy = self
            .policy
            .unwrap_or_else(|| Arc::new(EffectPolicy::run_everything()));
        let pages = self.results.is_some();
        let stores = Stores::new(self.receipts, self.results);
        let coordinator = ToolCoordinator::from_parts(self.options, policy, stores);
        for tool in self.tools {
            coordinator.register(tool)?;
        }
        if pages {
            coordinator.register_read_result()?;
        }
        Ok(coordinator)
    }
}
