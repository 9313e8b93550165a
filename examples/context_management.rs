//! Watches the context of a conversation grow, compacts it by hand, and resets it.
//!
//! ```sh
//! cargo run -p examples --example context_management
//! ```

use std::sync::Arc;

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::coordinators::context::{ContextCoordinator, RecentMessages};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
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
    session.chat("And what about Rust?").await?;
    println!("After chat 3: {}", session.context().messages().len());

    // It happens by itself when the context outgrows the model's window. Here it happens by hand.
    println!(
        "Context size before compaction: {}",
        session.context().messages().len()
    );
    // The first request stays, since it is the task, and a note stands for what is left out.
    session.compact().await?;
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
