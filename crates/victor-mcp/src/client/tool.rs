//! A tool of a server, as one of ours.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::ToolSpec;
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolLimits, ToolOutput};

use super::Supervisor;
use super::definition::Definition;

/// A tool of a server, as one of ours.
pub(super) struct McpTool {
    definition: Arc<Definition>,
    supervisor: Arc<Supervisor>,
}

impl McpTool {
    pub(super) fn new(definition: Arc<Definition>, supervisor: Arc<Supervisor>) -> Self {
        Self {
            definition,
            supervisor,
        }
    }
}

#[async_trait]
impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.definition.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let Value::Object(arguments) = arguments else {
            return Err(ToolError::InvalidArguments(
                "they are not an object".to_owned(),
            ));
        };
        self.supervisor.call(&self.definition, arguments, cx).await
    }

    fn limits(&self) -> ToolLimits {
        let mut limits = ToolLimits::default();
        limits.timeout = self.supervisor.config.timeout;
        limits
    }
}

impl fmt::Debug for McpTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTool")
            .field("server", &self.supervisor.config.name)
            .field("tool", &self.definition.raw_name)
            .finish_non_exhaustive()
    }
}
