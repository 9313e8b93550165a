//! What the tests share.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use victor_core::{SessionId, TurnId};
use victor_mcp::{McpClient, McpServerConfig};
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

/// The reference servers, at the path that `VICTOR_MCP_SERVERS` names: a folder into which npm has installed them.
///
/// Without it the tests that want one pass over it, and say so; where `CI` is set, they fail.
pub(crate) fn reference_server(name: &str) -> Option<McpServerConfig> {
    let Some(folder) = std::env::var_os("VICTOR_MCP_SERVERS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "VICTOR_MCP_SERVERS is not set, so the reference servers cannot be tested with"
        );
        #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
        {
            eprintln!("SKIPPED: set VICTOR_MCP_SERVERS to test with the reference servers");
        }
        return None;
    };
    let script = PathBuf::from(folder)
        .join("node_modules/@modelcontextprotocol")
        .join(format!("server-{name}"))
        .join("dist/index.js");
    Some(McpServerConfig::stdio(name, "node").args([script]))
}

pub(crate) fn context() -> ToolContext {
    ToolContext::new(
        SessionId::default(),
        TurnId::generate(),
        "call".into(),
        "key",
    )
}

/// The tool of this name.
#[track_caller]
pub(crate) fn tool(client: &McpClient, name: &str) -> Arc<dyn Tool> {
    let tools = client.tools();
    let names: Vec<_> = tools.iter().map(|tool| tool.spec().name.clone()).collect();
    let found = tools.into_iter().find(|tool| tool.spec().name == name);
    found.unwrap_or_else(|| panic!("no `{name}` among {names:?}"))
}

pub(crate) async fn call(
    client: &McpClient,
    name: &str,
    arguments: Value,
) -> Result<ToolOutput, ToolError> {
    tool(client, name).call(&context(), arguments).await
}

pub(crate) fn text(output: &ToolOutput) -> String {
    victor_core::text_of(&output.content).into_owned()
}
