//! Keeps what belongs to the current task when a long conversation outgrows the model's window.
//!
//! ```sh
//! cargo run -p examples --example custom_compaction_strategy
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::TurnEventKind;
use victor_orchestrator::config::Settings;
use victor_orchestrator::context::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_orchestrator::core::{Context, Message, Role};

/// Keeps the last turns, and of the older ones those that mention the current task.
#[derive(Debug)]
struct TaskAwareCompactionStrategy {
    keep_last_turns: usize,
}

#[async_trait]
impl CompactionStrategy for TaskAwareCompactionStrategy {
    fn name(&self) -> &str {
        "task_aware"
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let task = context
            .metadata()
            .get("current_task")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase();
        let keywords: Vec<&str> = task.split_whitespace().collect();
        let is_relevant = |message: &Arc<Message>| {
            let text = message.text().to_lowercase();
            *message.role() == Role::System || keywords.iter().any(|keyword| text.contains(keyword))
        };

        // Whole turns, so that no tool call is cut from its result and no answer from its question.
        let messages: Vec<Arc<Message>> = context.messages().iter().cloned().collect();
        let turns: Vec<&[Arc<Message>]> = messages
            .chunk_by(|_, next| *next.role() != Role::User)
            .collect();
        let old = turns.len().saturating_sub(self.keep_last_turns);
        let kept = turns
            .iter()
            .enumerate()
            .filter(|(n, turn)| *n >= old || turn.iter().any(is_relevant));
        Ok(context.with_messages(kept.flat_map(|(_, turn)| turn.iter().cloned()).collect()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .register_compaction_strategy(
            "task_aware",
            TaskAwareCompactionStrategy { keep_last_turns: 4 },
        )
        .settings(
            Settings::default()
                .with_context_compaction_strategy("task_aware".into())
                // small, so that this conversation outgrows it
                .with_context_window(Some(4_000)),
        )
        .build()?;

    // What the session is about is known to the strategy by the metadata of the context.
    let session = orchestrator.session("garden");
    let mut context = session.context();
    context.set_metadata("current_task", "roses");
    orchestrator
        .context_coordinator()
        .set_context(session.id(), context);

    for day in 1..=40 {
        let topic = if day % 8 == 1 {
            "the roses were cut"
        } else {
            "the lawn was mowed and the paths were swept"
        };
        let note = format!(
            "Note of day {day}: {topic}, it was {} degrees, and nobody came to visit.",
            10 + day % 15
        );
        let mut stream = session.stream_chat(note);
        while let Some(event) = stream.next().await {
            if let TurnEventKind::ContextCompacted(compacted) = event?.kind {
                println!(
                    "Day {day}, compacted by {}: {} messages with {} tokens before, {} with {} after",
                    compacted.strategy,
                    compacted.messages_before,
                    compacted.tokens_before,
                    compacted.messages_after,
                    compacted.tokens_after,
                );
            }
        }
    }

    println!("What the model still sees of what the user said:");
    for message in session.context().messages() {
        if *message.role() == Role::User {
            println!("  {}", message.text());
        }
    }
    println!(
        "The transcript has all {} messages",
        session.transcript().await?.len()
    );
    Ok(())
}
