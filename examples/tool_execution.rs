//! Runs tool calls without a model: the tool coordinator by itself.
//!
//! ```sh
//! cargo run -p examples --example tool_execution
//! ```

use serde_json::json;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::core::{ToolCall, TurnId};
use victor_orchestrator::tool::ToolScope;
use victor_workspace_tools::WorkspaceTools;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("config.yaml"), "retries: 3\n")?;
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tools(WorkspaceTools::open(folder.path())?.tools())
        .build()?;

    // As a model would write them: good, with a wrong name, with wrong arguments.
    let calls = [
        ToolCall::new(
            "1",
            "read_file",
            json!({ "path": "config.yaml" }).to_string(),
        ),
        ToolCall::new(
            "2",
            "read_fle",
            json!({ "path": "config.yaml" }).to_string(),
        ),
        ToolCall::new("3", "read_file", json!({ "path": 7 }).to_string()),
    ];
    let scope = ToolScope::new(orchestrator.session_id().clone(), TurnId::generate());
    // They run in parallel; the results are in the order of the calls.
    let results = orchestrator
        .tool_coordinator()
        .execute_tool_calls(&calls, &scope)
        .await;
    for result in results {
        println!(
            "{} {}: {}",
            result.call_id,
            result.outcome,
            result.text().trim()
        );
    }
    Ok(())
}
