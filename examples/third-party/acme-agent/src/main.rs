//! An agent with the context manager and the session store of strangers.
//!
//! ```sh
//! redis-server --port 6390 &
//! cargo run -p acme-agent -- redis://127.0.0.1:6390/
//! ```

use std::sync::Arc;

use acme_context::AcmeContext;
use acme_redis_sessions::RedisSessionStore;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1/".to_owned());
    let build = async || {
        let sessions = RedisSessionStore::connect(&url, "acme").await?;
        let built = AgentOrchestrator::builder()
            .provider(OfflineModel::new())
            .context_coordinator(Arc::new(AcmeContext::default()))
            .session_store(sessions)
            .build();
        anyhow::Ok(built?)
    };

    let orchestrator = build().await?;
    let session = orchestrator.session("customer-7");
    println!("{}", session.chat("Hello!").await?.content());
    for health in orchestrator.health().coordinators {
        println!("  {}: {:?}", health.coordinator, health.status);
    }
    orchestrator.shutdown().await;

    // Another process would find it as well.
    let orchestrator = build().await?;
    let session = orchestrator.session("customer-7");
    session.chat("Are you still there?").await?;
    println!("Messages in Redis: {}", session.transcript().await?.len());
    session.reset().await?;
    orchestrator.shutdown().await;
    Ok(())
}
