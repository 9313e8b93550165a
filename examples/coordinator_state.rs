//! Looks at the coordinators while conversations run: settings, contexts, events, health, metrics.
//!
//! ```sh
//! cargo run -p examples --example coordinator_state
//! ```

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .build()?;
    let session = orchestrator.session("abc123");
    session.chat("Hello!").await?;

    let config = orchestrator.config_coordinator().config();
    println!("Current model: {}", config.get("model").unwrap_or_default());

    let (context, stats) = (session.context(), session.context_stats());
    println!(
        "Context size: {} messages, {} tokens",
        context.messages().len(),
        stats.tokens
    );

    let analytics = session.analytics();
    println!("Total events: {}", analytics.events.len());

    let health = orchestrator.health();
    println!("Health: {:?}", health.status);
    for coordinator in &health.coordinators {
        println!("  {}: {:?}", coordinator.coordinator, coordinator.status);
    }

    if let Some(usage) = session.usage() {
        println!(
            "Usage: {} tokens in {} model calls",
            usage.usage.total_tokens(),
            usage.attempts
        );
    }
    Ok(())
}
