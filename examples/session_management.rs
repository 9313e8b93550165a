//! Holds two conversations side by side that know nothing of each other, and resets one of them.
//!
//! ```sh
//! cargo run -p examples --example session_management
//! ```

use victor_offline::OfflineModel;
use victor_orchestrator::{AgentOrchestrator, Session};
use victor_workspace_tools::WorkspaceTools;

/// What the agent may read: this repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tools(WorkspaceTools::open(ROOT)?.tools())
        .build()?;
    let review = orchestrator.session("code-review-123");
    let docs = orchestrator.session("docs-456");

    // Turns of different sessions run at the same time; turns of one session wait for each other.
    let (answer, _) = tokio::try_join!(
        review.chat(
            "Where is the token count of a message kept? Read crates/victor-core/src/message.rs"
        ),
        docs.chat("Thanks for the documentation!"),
    )?;
    println!("{}: {} model calls", answer.session, answer.model_calls);

    show(&review);
    show(&docs);

    review.reset().await?;
    println!("After the reset of {}:", review.id());
    show(&review);
    show(&docs);
    Ok(())
}

fn show(session: &Session) {
    let (events, messages) = (
        session.analytics().events.len(),
        session.context().messages().len(),
    );
    println!(
        "Session {}: {events} events, {messages} messages",
        session.id()
    );
}
