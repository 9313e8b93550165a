//! `cargo xtask eval compaction`: how much of what later questions need survives compaction.

mod conversation;
mod naive;
mod score;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Runtime};
use victor_context::protocol::{CompactionBudget, CompactionStrategy, TokenCounterExt};
use victor_context::{
    Hybrid, RecentMessages, Semantic, TaskAware, ToolResults, Truncation, repair,
};
use victor_core::{Context, Message};

use conversation::{Characters, Conversation};
use naive::{KeepLast, Random};
use score::Score;

/// The shares of the tokens that are left.
const SHARES: [f64; 3] = [0.5, 0.25, 0.1];

/// The knowledge that a strategy has of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    /// Nothing: it is asked later.
    None,
    /// It is the last request.
    Asked,
    /// It is the `current_task` of the metadata.
    Stated,
}

/// Prints for each strategy how much of what questions need it keeps, by what it knows of the question.
pub(crate) fn compaction(data: &Path) -> Result<()> {
    let path = data.join("compaction.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let conversations = Conversation::parse_all(&text)?;
    let runtime = Builder::new_current_thread().enable_time().build()?;
    for (knowledge, title) in [
        (Knowledge::None, "question unknown"),
        (Knowledge::Asked, "question is the last request"),
        (Knowledge::Stated, "question stated as the task"),
    ] {
        println!("{title}; at 50 / 25 / 10 % of the tokens");
        println!("{}", Score::header());
        for (name, strategy) in strategies() {
            let mut score = Score::default();
            for conversation in &conversations {
                measure(&runtime, &*strategy, conversation, knowledge, &mut score)?;
            }
            println!("{name:14} {score}");
        }
        println!();
    }
    Ok(())
}

/// Lists the strategies that are measured, with their names. Those that ignore the budget are followed by truncation,
/// as in a coordinator.
fn strategies() -> Vec<(&'static str, Box<dyn CompactionStrategy>)> {
    let to_budget = |strategy: Arc<dyn CompactionStrategy>| {
        Box::new(Hybrid::new([strategy, Arc::new(Truncation)])) as Box<dyn CompactionStrategy>
    };
    vec![
        ("random", Box::new(Random)),
        ("keep last", Box::new(KeepLast)),
        ("recent", to_budget(Arc::new(RecentMessages::default()))),
        ("truncation", Box::new(Truncation)),
        ("tool_results", to_budget(Arc::new(ToolResults::default()))),
        ("task_aware", Box::new(TaskAware)),
        ("semantic", Box::new(Semantic::default())),
        ("hybrid", Box::new(Hybrid::default())),
    ]
}

/// Compacts a conversation for each of its questions, and adds what is left to the score.
fn measure(
    runtime: &Runtime,
    strategy: &dyn CompactionStrategy,
    conversation: &Conversation,
    knowledge: Knowledge,
    score: &mut Score,
) -> Result<()> {
    let counter = Arc::new(Characters);
    // Compacted once for all questions at the same place that are not known.
    let mut before: Option<(usize, Vec<Context>)> = None;
    for question in &conversation.questions {
        let is_same = before.as_ref().is_some_and(|(at, _)| *at == question.at);
        if knowledge != Knowledge::None || !is_same {
            let messages = conversation.messages[..question.at].iter().cloned();
            // One of them begins with an answer.
            let mut context = repair(&messages.collect());
            let tokens = counter.tokens_of(context.messages());
            match knowledge {
                Knowledge::None => {}
                Knowledge::Asked => context.push(Message::user(&*question.text)),
                Knowledge::Stated => context.set_metadata("current_task", &*question.text),
            }
            let all = counter.tokens_of(context.messages());
            let mut compacted = Vec::new();
            for share in SHARES {
                let target = (tokens as f64 * share) as u64 + all - tokens;
                let budget = CompactionBudget::new(target, counter.clone());
                let start = Instant::now();
                let result = runtime.block_on(strategy.compact(&context, &budget))?;
                score.add_time(start.elapsed(), counter.tokens_of(result.messages()), all);
                compacted.push(result);
            }
            before = Some((question.at, compacted));
        }
        for (place, context) in before
            .iter()
            .flat_map(|(_, compacted)| compacted)
            .enumerate()
        {
            score.add(place, conversation, question, context.messages());
        }
    }
    Ok(())
}
