//! Goes on with another provider in the middle of a conversation.
//!
//! ```sh
//! cargo run -p examples --example switch_provider
//! ```

use std::sync::Arc;

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_testkit::ScriptedModel;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let first = ScriptedModel::new()
        .says("I am the first model.")
        .says("The first model, again.");
    let orchestrator = AgentOrchestrator::builder()
        .provider(first)
        .model("first")
        .build()?;
    let (ada, bob) = (orchestrator.session("ada"), orchestrator.session("bob"));
    for session in [&ada, &bob] {
        println!(
            "{}: {}",
            session.id(),
            session.chat("Hello, who are you?").await?.content()
        );
    }

    // One session, or all that have none of their own. Turns that run go on with the model with which they began.
    ada.switch_provider(ScriptedModel::new().says("I am Ada's."), "ada-model");
    orchestrator.switch_provider(Arc::new(OfflineModel::new()), OfflineModel::MODEL);
    for session in [&ada, &bob] {
        let response = session.chat("And now?").await?;
        println!(
            "{}: {} answered",
            session.id(),
            response.model.as_ref().map_or("", |model| model.as_str())
        );
        println!(
            "{}: {} messages kept",
            session.id(),
            session.context().messages().len()
        );
    }
    Ok(())
}
