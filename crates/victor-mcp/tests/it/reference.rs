//! With the reference servers of the protocol's own project.

use serde_json::json;
use victor_core::{Effect, Part};
use victor_mcp::McpClient;
use victor_tool_protocol::ToolError;

use crate::support::{call, reference_server, text, tool};

#[tokio::test]
async fn everything_that_a_server_can_give_back_is_understood() {
    let Some(config) = reference_server("everything") else {
        return;
    };
    let client = McpClient::connect(config).await.unwrap();
    for tool in client.tools() {
        println!("{:?}", tool.spec());
    }
    println!("{:?}", client.health());
    let echo = call(
        &client,
        "mcp_everything_echo",
        json!({ "message": "hello" }),
    )
    .await
    .unwrap();
    assert_eq!(text(&echo), "Echo: hello");
    client.shutdown().await;
}
