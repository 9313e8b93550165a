//! Watches the context of a conversation grow, compacts it by hand, and resets it.
//!
//! ```sh
//! cargo run -p examples --example context_management
//! ```

use std::sync::Arc;

use victor_context::RecentMessages;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::coordinators::ContextCoordinator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orchestrator = AgentOrchestrator::builder()
        .provider(Arc::new(OfflineModel::new()))
        .model(OfflineModel::MODEL)
        .context_coordinator(Arc::new(ContextCoordinator::new(RecentMessages::new(2))))
        .build()?;
    let session = orchestrator.session("languages");
    println!(
        "Initial context size: {}",
        session.context().messages().len()
    );

    session.chat("Tell me about Python").await?;
    println!("After chat 1: {}", session.context().messages().len());
    session.chat("What about JavaScript?").await?;
    println!("After chat 2: {}", session.context().messages().len());

    // Compaction happens by itself when the context outgrows the model's window. By hand, it makes a smaller context
    // of one, and whoever wants it puts it in place.
    let context = session.context();
    println!(
        "Context size before compaction: {}",
        context.messages().len()
    );
    let compacted = orchestrator
        .context_coordinator()
        .compact_context(&context)
        .await?;
    orchestrator
        .context_coordinator()
        .set_context(session.id(), compacted.context);
    println!(
        "Context size after compaction: {}",
        session.context().messages().len()
    );
    println!(
        "The transcript still has {} messages",
        session.transcript().await?.len()
    );

    // A reset forgets the whole session: context, transcript and analytics.
    session.reset().await?;
    println!("After reset: {}", session.context().messages().len());
    Ok(())
}
