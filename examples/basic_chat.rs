//! Asks one question, and prints the answer and what it took.
//!
//! ```sh
//! cargo run -p examples --example basic_chat
//! ```
//!
//! `OfflineModel` needs no key and no network. It is no language model: it reads the file that the question names
//! through a tool, and answers with sentences out of it.

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::Settings;
use victor_workspace_tools::WorkspaceTools;

/// What the agent may read: this repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Every coordinator is there, in its default form.
    let orchestrator = AgentOrchestrator::builder()
        .settings(Settings::default())
        .provider(OfflineModel::new())
        .model(OfflineModel::MODEL)
        .tools(WorkspaceTools::open(ROOT)?.tools())
        .build()?;

    let response = orchestrator
        .chat("Explain what coordinators are in Victor. Read docs/architecture.md")
        .await?;

    println!("Response: {}", response.content());
    println!("Tokens used: {}", response.usage.total_tokens());
    Ok(())
}
