//! Tools of whose names some are wanted.

use std::sync::Arc;

use async_trait::async_trait;
use victor_orchestrator::protocols::ToolResults;
use victor_orchestrator::protocols::{
    Coordinator, CoordinatorError, Health, Mode, RegisterError, SessionId, Tool, ToolCall,
    ToolExecutor, ToolResult, ToolScope, ToolSpec, Verdict,
};

/// A tool coordinator to which only tools come whose names are wanted.
#[derive(Debug)]
pub(crate) struct WantedTools {
    tools: Arc<dyn ToolExecutor>,
    names: Mode,
}

impl WantedTools {
    pub(crate) fn new(tools: Arc<dyn ToolExecutor>, names: Mode) -> Self {
        Self { tools, names }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Coordinator for WantedTools {
    fn name(&self) -> &str {
        self.tools.name()
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        self.tools.initialize().await
    }

    fn health(&self) -> Health {
        self.tools.health()
    }

    fn reset(&self, session: &SessionId) {
        self.tools.reset(session);
    }

    async fn shutdown(&self) {
        self.tools.shutdown().await;
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ToolExecutor for WantedTools {
    fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        match self.names.permits_name(&tool.spec().name) {
            true => self.tools.register(tool),
            false => Ok(()),
        }
    }

    fn unregister(&self, name: &str) -> bool {
        self.tools.unregister(name)
    }

    fn specs(&self) -> Arc<[ToolSpec]> {
        self.tools.specs()
    }

    async fn review_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<Verdict> {
        self.tools.review_tool_calls(calls, scope).await
    }

    fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
        self.tools.run_tool_calls(calls, scope)
    }

    async fn execute_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<ToolResult> {
        self.tools.execute_tool_calls(calls, scope).await
    }
}
