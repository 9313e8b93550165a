//! Baselines for strategies: choices of single messages, which break pairs.

use async_trait::async_trait;
use victor_context::protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, TokenCounterExt,
};
use victor_core::{Context, Role};

/// The last messages that fit.
#[derive(Debug)]
pub(crate) struct KeepLast;

/// Messages at random, as long as they fit; always the same for the same conversation.
#[derive(Debug)]
pub(crate) struct Random;

#[async_trait]
impl CompactionStrategy for KeepLast {
    fn name(&self) -> &str {
        "keep last"
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let order = (0..context.messages().len()).rev();
        Ok(fill(context, budget, order, false))
    }
}

#[async_trait]
impl CompactionStrategy for Random {
    fn name(&self) -> &str {
        "random"
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let mut order: Vec<usize> = (0..context.messages().len()).collect();
        let mut state = budget.target_tokens;
        order.sort_by_cached_key(|_| {
            // The sequence SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^ (mixed >> 27)
        });
        Ok(fill(context, budget, order.into_iter(), true))
    }
}

/// Takes the system's messages, and others in this order while they fit; one that does not fit is passed over or the
/// last.
fn fill(
    context: &Context,
    budget: &CompactionBudget,
    order: impl Iterator<Item = usize>,
    passes_over: bool,
) -> Context {
    let messages = context.messages();
    let is_system = |index: usize| {
        messages
            .get(index)
            .is_some_and(|message| *message.role() == Role::System)
    };
    let mut kept: Vec<bool> = (0..messages.len()).map(is_system).collect();
    let mut left = budget.target_tokens;
    for index in order.filter(|index| !is_system(*index)) {
        let Some(message) = messages.get(index) else {
            continue;
        };
        let tokens = u64::from(budget.counter.tokens(message));
        if tokens <= left {
            left -= tokens;
            kept[index] = true;
        } else if !passes_over {
            break;
        }
    }
    let kept = messages.iter().zip(kept).filter(|(_, kept)| *kept);
    context.with_messages(kept.map(|(message, _)| message.clone()).collect())
}
