//! Executors are kept in step with the servers.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::HealthStatus;
use victor_mcp::{McpConfig, McpServerConfig, McpServers};
use victor_tool_protocol::{ToolError, ToolExecutor};

use crate::scripted::{Script, here, scripted};
use crate::support::{Executor, ask, context, tool, until};

fn listed(tools: &[(&str, &str)]) -> Value {
    let tool = |(name, description): &(&str, &str)| json!({ "name": name, "description": description, "inputSchema": {} });
    tools.iter().map(tool).collect()
}

#[tokio::test]
async fn what_a_server_changes_is_changed_in_the_executor() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        let mut lists = [
            listed(&[("change", "same"), ("gone", "same"), ("other", "harmless")]),
            listed(&[("new", "same"), ("other", "grave"), ("change", "same")]),
        ]
        .into_iter()
        .cycle();
        server.serve(
            |_| lists.next().unwrap(),
            |server, request, tool| {
                server.text(request, tool);
                server.notify("notifications/tools/list_changed");
            },
        );
    });
    let servers = McpServers::connect(&McpConfig::from_iter([config])).await;
    let executor = Arc::new(Executor::default());
    let role: Arc<dyn ToolExecutor> = executor.clone();
    servers.attach(&role);
    let names = ["change", "gone", "other"].map(|name| format!("+mcp_scripted_{name}"));
    assert_eq!(executor.log(), names);

    let client = &servers.clients()[0];
    let other = tool(client, "other");
    assert_eq!(ask(client, "change").await, "change");
    let mut log = Vec::new();
    until(|| {
        log.extend(executor.log());
        log.len() == 4
    })
    .await;
    let expected = [
        "-mcp_scripted_gone",
        "-mcp_scripted_other",
        "+mcp_scripted_new",
        "+mcp_scripted_other",
    ];
    assert_eq!(log, expected);

    // What was meant for the harmless tool is not done by the grave one.
    let error = other.call(&context(), json!({})).await.unwrap_err();
    assert!(matches!(&error, ToolError::Unavailable { .. }), "{error:?}");
    assert!(
        error.to_string().contains("changed or withdrawn"),
        "{error}"
    );
    assert_eq!(ask(client, "other").await, "other");
    assert!(servers.health().is_healthy(), "{:?}", servers.health());
}

#[tokio::test]
async fn a_server_that_fails_keeps_nobody_from_the_others() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| server.text(request, "done"));
    });
    let missing = McpServerConfig::stdio("missing", "no-such-command");
    let config = McpConfig::from_iter([missing.clone(), config]);
    let servers = McpServers::connect(&config).await;
    assert_eq!(servers.tools().len(), 1);
    let health = servers.health();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert!(
        health.problems[0].starts_with("missing: connection: "),
        "{health:?}"
    );

    let alone = McpServers::connect(&McpConfig::from_iter([missing])).await;
    assert_eq!(alone.health().status, HealthStatus::Unhealthy);
    let disabled = McpConfig::parse(
        "f",
        r#"{ "mcpServers": { "s": { "command": "c", "disabled": true } } }"#,
    );
    let none = McpServers::connect(&disabled.unwrap()).await;
    assert!(none.clients().is_empty() && none.health().is_healthy());
}

#[tokio::test]
async fn what_the_executor_does_not_take_is_shown() {
    let (config, _folder) = scripted(here!(), |server: &mut Script| {
        server.serve_do(|server, request| server.text(request, "done"));
    });
    let servers = McpServers::connect(&McpConfig::from_iter([config])).await;
    let executor: Arc<dyn ToolExecutor> = Arc::new(Executor::default());
    for tool in servers.tools() {
        executor.register(tool).unwrap();
    }
    servers.attach(&executor);
    let health = servers.health();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert!(
        health.problems[0].contains("already a tool named `mcp_scripted_do`"),
        "{health:?}"
    );
}
