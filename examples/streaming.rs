//! Prints an answer while it is being written, and what happens on the way.
//!
//! ```sh
//! cargo run -p examples --example streaming
//! ```

use std::io::{Write, stdout};
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::TurnEventKind;
use victor_workspace_tools::WorkspaceTools;

/// What the agent may read: this repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tools(WorkspaceTools::open(ROOT)?.tools())
        .build()?;

    let mut stream = orchestrator
        .stream_chat("Which crate retries a failed model call? Read docs/architecture.md");
    let mut pieces = 0;
    while let Some(event) = stream.next().await {
        let event = event?;
        match &event.kind {
            TurnEventKind::ToolCallStarted(started) => {
                println!(
                    "[calls {} with {}]",
                    started.call.name, started.call.arguments
                );
            }
            TurnEventKind::ToolCallFinished(finished) => println!("[{}]", finished.result.outcome),
            TurnEventKind::TurnFinished(finished) => {
                println!(
                    "\n[{pieces} pieces, {} tokens]",
                    finished.response.usage.total_tokens()
                );
            }
            _ => {
                // The text that a person should see; empty for all events but pieces of the answer.
                let text = event.content();
                pieces += usize::from(!text.is_empty());
                print!("{text}");
                stdout().flush()?;
            }
        }
    }
    Ok(())
}
