//! With the reference servers of the protocol's own project.

use std::time::Duration;

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use victor_core::{Effect, Part};
use victor_mcp::{McpClient, McpServerConfig};
use victor_tool_protocol::ToolError;

use crate::support::{ask, call, connect, reference_server, text, tool};

async fn check_everything(client: &McpClient) {
    assert!(
        client.tools().len() >= 10 && client.health().is_healthy(),
        "{:?}",
        client.health()
    );
    let said = text(
        &call(client, "echo", json!({ "message": "hello" }))
            .await
            .unwrap(),
    );
    assert_eq!(said, "Echo: hello");
    let sum = text(
        &call(client, "get-sum", json!({ "a": 2, "b": 3 }))
            .await
            .unwrap(),
    );
    assert!(sum.contains('5'), "{sum}");
    let image = call(client, "get-tiny-image", json!({})).await.unwrap();
    assert!(
        image
            .content
            .iter()
            .any(|part| matches!(part, Part::Image(_))),
        "{image:?}"
    );
    let links = ask(client, "get-resource-links").await;
    assert!(links.contains("](demo://"), "{links}");
    let weather = json!({ "location": "Chicago" });
    let weather = text(
        &call(client, "get-structured-content", weather)
            .await
            .unwrap(),
    );
    assert_eq!(weather.matches("temperature").count(), 1, "{weather}");
    let resource = json!({ "resourceType": "Text", "resourceId": 1 });
    let resource = text(
        &call(client, "get-resource-reference", resource)
            .await
            .unwrap(),
    );
    assert!(resource.contains("Resource 1"), "{resource}");
    let wrong = call(client, "get-sum", json!({ "a": "two" }))
        .await
        .unwrap_err();
    assert!(
        matches!(
            wrong,
            ToolError::Failed { .. } | ToolError::InvalidArguments(_)
        ),
        "{wrong:?}"
    );
    let long = json!({ "duration": 1, "steps": 4 });
    let long = text(
        &call(client, "trigger-long-running-operation", long)
            .await
            .unwrap(),
    );
    assert!(long.contains("completed"), "{long}");
}

#[tokio::test]
async fn everything_is_understood_over_pipes() {
    let Some(script) = reference_server("everything") else {
        return;
    };
    let client = connect(
        McpServerConfig::stdio("everything", "node")
            .args([script])
            .env("OURS", "1"),
    )
    .await;
    check_everything(&client).await;
    let env = ask(&client, "get-env").await;
    assert!(
        env.contains("OURS") && !env.contains("CARGO_MANIFEST_DIR"),
        "{env}"
    );
    client.shutdown().await;
}

#[tokio::test]
async fn everything_is_understood_over_http() {
    let Some(script) = reference_server("everything") else {
        return;
    };
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut server = tokio::process::Command::new("node")
        .arg(script)
        .arg("streamableHttp")
        .env("PORT", port.to_string())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert_eq!(server.try_wait().unwrap(), None);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let client = connect(McpServerConfig::http(
        "everything",
        format!("http://127.0.0.1:{port}/mcp"),
    ))
    .await;
    check_everything(&client).await;
    client.shutdown().await;
}

#[tokio::test]
async fn files_are_read_and_written_within_the_folder() {
    let Some(script) = reference_server("filesystem") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = McpServerConfig::stdio("files", "node").args([script, folder.path().to_owned()]);
    let client = connect(config.clone().trust_annotations().deny("move_*")).await;
    let effect = |name: &str| tool(&client, name).spec().effect;
    assert_eq!(effect("read_text_file"), Effect::ReadOnly);
    assert_eq!(effect("write_file"), Effect::Destructive);
    assert_eq!(effect("create_directory"), Effect::Idempotent);
    assert!(
        !client
            .tools()
            .iter()
            .any(|tool| tool.spec().name.contains("move"))
    );

    let content = json!({ "path": path("a.txt"), "content": "größe\n" });
    call(&client, "write_file", content).await.unwrap();
    assert_eq!(std::fs::read_to_string(path("a.txt")).unwrap(), "größe\n");
    let read = text(
        &call(&client, "read_text_file", json!({ "path": path("a.txt") }))
            .await
            .unwrap(),
    );
    assert_eq!(read, "größe\n");
    let outside = call(
        &client,
        "read_text_file",
        json!({ "path": "/etc/hostname" }),
    )
    .await
    .unwrap_err();
    assert!(outside.to_string().contains("denied"), "{outside}");

    let distrusting = connect(config).await;
    for name in ["read_text_file", "write_file"] {
        let effect = tool(&distrusting, name).spec().effect;
        assert_eq!(
            effect,
            Effect::Destructive,
            "{name}: nothing it says is believed"
        );
    }
}
