//! Has a person decide about a tool call, in another process than the one that asked.
//!
//! ```sh
//! cargo run -p examples --example approvals
//! ```

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::{Approval, SuspendedTurn, TurnOutcome};
use victor_orchestrator::coordinators::tool::{EffectPolicy, tool_fn};
use victor_orchestrator::core::{Effect, ToolSpec};
use victor_orchestrator::session::InMemorySessionStore;
use victor_orchestrator::tool::ToolError;

#[derive(Deserialize)]
struct Letter {
    text: String,
}

/// An orchestrator whose calls are asked about if they change something.
fn orchestrator(store: Arc<InMemorySessionStore>) -> anyhow::Result<AgentOrchestrator> {
    let schema = json!({
        "type": "object",
        "properties": { "text": { "type": "string", "description": "The text of the letter" } },
        "required": ["text"],
    });
    let spec = ToolSpec::new("write_letter", "Writes a letter and sends it", schema)
        .with_effect(Effect::Destructive);
    let send = tool_fn(spec, |_cx, Letter { text }| async move {
        println!("(a letter leaves: {text})");
        Ok::<_, ToolError>("The letter was sent.")
    });
    Ok(AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .session_store(store)
        .approval_policy(EffectPolicy::ask_above(Effect::ReadOnly))
        .tool(send)
        .build()?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Stands for a database that both processes have.
    let store = Arc::new(InMemorySessionStore::default());

    let response = orchestrator(store.clone())?
        .chat("Write the letter 'Dear Ada'")
        .await?;
    assert_eq!(response.outcome, TurnOutcome::AwaitingApproval);
    let stored = serde_json::to_string(&response.suspended)?;

    // Much later, somewhere else.
    let turn: SuspendedTurn = serde_json::from_str(&stored)?;
    let mut approvals = Vec::new();
    for asked in &turn.approvals {
        println!("{}", asked.question);
        approvals.push(Approval::approve(asked.call.id.clone()));
    }
    let response = orchestrator(store)?
        .resume(turn, approvals)
        .response()
        .await?;
    println!("{}: {}", response.outcome, response.content());
    Ok(())
}
