//! A model finds again what compaction has left out, with the tool `recall`.
//!
//! ```sh
//! cargo run -p examples --example recall
//! ```

use std::sync::Arc;

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::coordinators::context::{ContextCoordinator, RecentMessages};
use victor_orchestrator::session::InMemorySessionStore;
use victor_recall::RecallTool;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // The tool reads the transcripts, so it has the same store as the sessions.
    let store = Arc::new(InMemorySessionStore::default());
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .context_coordinator(Arc::new(ContextCoordinator::new(RecentMessages::new(2))))
        .session_store(store.clone())
        .tool(RecallTool::new(store))
        .build()?;
    let session = orchestrator.session("garden");

    session.chat("We look after a garden.").await?;
    session.chat("The gate code is 4711.").await?;
    for day in 1..=3 {
        let message = format!("The roses were cut on day {day}.");
        session.chat(message).await?;
    }
    // It happens by itself when the context outgrows the model's window. Here it happens by hand.
    session.compact().await?;
    let context = session.context();
    let sees = |text| {
        let mut messages = context.messages().iter();
        messages.any(|message| message.text().contains(text))
    };
    println!("The model sees the roses: {}", sees("roses"));
    println!("The model sees the code: {}", sees("4711"));

    let response = session.chat("Recall \"gate code\"").await?;
    let results = response.messages.iter().flat_map(|it| it.tool_results());
    for result in results {
        println!("{}: {}", result.name, result.text());
    }
    Ok(())
}
