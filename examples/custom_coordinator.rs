//! Injects a coordinator of one's own under a name of its own: it starts, resets, reports and ends with the others.
//!
//! ```sh
//! cargo run -p examples --example custom_coordinator
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::core::{Coordinator, CoordinatorError, Health, SessionId};

/// Keeps how content each customer is.
#[derive(Debug, Default)]
struct Mood(Mutex<HashMap<SessionId, u8>>);

impl Mood {
    fn rate(&self, session: &SessionId, stars: u8) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session.clone(), stars);
    }

    fn of(&self, session: &SessionId) -> Option<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(session)
            .copied()
    }
}

#[async_trait]
impl Coordinator for Mood {
    fn name(&self) -> &str {
        "mood"
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        println!("mood: started");
        Ok(())
    }

    fn health(&self) -> Health {
        Health::healthy(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(session);
    }

    async fn shutdown(&self) {
        println!("mood: ended");
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mood = Arc::new(Mood::default());
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .custom_coordinator("customer_mood", mood.clone())
        .build()?;
    let session = orchestrator.session("customer-7");
    session.chat("Hello!").await?;
    mood.rate(session.id(), 4);

    println!(
        "Found by name: {}",
        orchestrator.custom_coordinator("customer_mood").is_some()
    );
    let health = orchestrator
        .health()
        .coordinators
        .into_iter()
        .find(|health| health.coordinator == "customer_mood");
    println!("Health: {:?}", health.map(|health| health.status));
    println!("Mood: {:?}", mood.of(session.id()));
    session.reset().await?;
    println!("After the reset: {:?}", mood.of(session.id()));
    orchestrator.shutdown().await;
    Ok(())
}
