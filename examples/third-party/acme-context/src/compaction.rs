//! Compaction: the strategy of this crate, and the check of those of others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, TokenCounterExt,
};
use victor_core::{Context, MessageId, Messages, contain};

use crate::history::{must_stay, units};

/// The time that a strategy may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Forgets the oldest exchanges until the rest fits.
#[derive(Debug)]
pub(crate) struct Oldest;

impl Oldest {
    pub(crate) const NAME: &str = "oldest";

    pub(crate) fn shorten(messages: &Messages, budget: &CompactionBudget) -> Messages {
        let tokens = |message: &_| u64::from(budget.counter.tokens(message));
        let mut left: u64 = messages.iter().map(|message| tokens(message)).sum();
        let stays = must_stay(messages);
        let mut keeps = vec![true; messages.len()];
        for unit in units(messages) {
            if left <= budget.target_tokens {
                break;
            }
            if !stays[unit.clone()].contains(&true) {
                let gone = messages.iter().skip(unit.start).take(unit.len());
                left -= gone.map(|message| tokens(message)).sum::<u64>();
                keeps[unit].fill(false);
            }
        }
        let kept = messages.iter().zip(keeps).filter(|(_, keeps)| *keeps);
        kept.map(|(message, _)| message.clone()).collect()
    }
}

#[async_trait]
impl CompactionStrategy for Oldest {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        Ok(context.with_messages(Self::shorten(context.messages(), budget)))
    }
}

/// Runs a strategy of whatever origin, and returns its result if that keeps to the rules, or the reason why not.
pub(crate) async fn run(
    strategy: &Arc<dyn CompactionStrategy>,
    context: &Context,
    budget: &CompactionBudget,
) -> Result<Messages, String> {
    let result = tokio::time::timeout(TIMEOUT, contain(strategy.compact(context, budget))).await;
    let result = result.map_err(|_| format!("gave no answer within {TIMEOUT:?}"))?;
    let compacted = result
        .map_err(|panicked| panicked.to_string())?
        .map_err(|error| error.to_string())?;
    let (before, after) = (context.messages(), compacted.messages());
    after
        .validate()
        .map_err(|broken| format!("returned a history that is not valid: {broken}"))?;
    let has = |id: MessageId| after.iter().any(|message| message.id() == id);
    let mut gone = before
        .iter()
        .zip(must_stay(before))
        .filter(|(message, stays)| *stays && !has(message.id()));
    if let Some((message, _)) = gone.next() {
        return Err(format!(
            "left out message {}, which must stay",
            message.id()
        ));
    }
    if budget.counter.tokens_of(after) > budget.counter.tokens_of(before) {
        return Err("made the context larger".to_owned());
    }
    Ok(after.clone())
}
