//! A provider fails: what the error tells, what is kept, and how the turn goes on with another provider.
//!
//! ```sh
//! cargo run -p examples --example error_handling
//! ```

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, CompletionStream, ProviderError, ProviderErrorKind,
};

/// A provider that refuses our key. What may pass by itself, such as an overload, would be tried again first.
#[derive(Debug)]
struct Refusing;

#[async_trait]
impl ChatProvider for Refusing {
    fn name(&self) -> &str {
        "refusing"
    }

    async fn stream_chat(&self, _: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        Err(ProviderError::new(
            ProviderErrorKind::Authentication,
            self.name(),
            "the key has expired",
        ))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orchestrator = AgentOrchestrator::builder()
        .provider(Refusing)
        .model("large")
        .build()?;
    let session = orchestrator.session("support");

    let Err(error) = session.chat("Hello!").await else {
        anyhow::bail!("the provider should have failed");
    };
    println!("Chat failed: {}", error.report());
    println!("Kind: {:?}", error.kind());
    println!("Messages kept: {}", session.context().messages().len());
    for health in orchestrator.health().coordinators {
        println!(
            "  {}: {:?} {:?}",
            health.coordinator, health.status, health.problems
        );
    }

    // The turn waits in the error. It goes on where it failed, now with the fallback.
    let turn = error.into_turn().context("the error holds no turn")?;
    orchestrator.switch_provider(Arc::new(OfflineModel::new()), OfflineModel::MODEL);
    let response = session.resume(turn, []).response().await?;
    println!("Fallback: {}", response.content());
    println!("Messages: {}", session.context().messages().len());
    println!("Health: {:?}", orchestrator.health().status);
    Ok(())
}
