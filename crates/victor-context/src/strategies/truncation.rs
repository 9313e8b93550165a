//! The strategy `truncation`.

use async_trait::async_trait;
use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, TokenCounter, TokenCounterExt,
};
use victor_core::{Context, Messages};

use crate::groups::{GroupKind, groups, keep};

/// Leaves out the oldest groups until the rest is within the budget: the strategy `truncation`, which the coordinator
/// falls back to.
///
/// Of a turn, the steps go first, and with the last of them the request, so that what is left never begins with an
/// answer to nothing. What is [protected](crate::Group::protected) stays, even if it is over the budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Truncation;

impl Truncation {
    /// The strategy's name.
    pub const NAME: &str = "truncation";
}

#[async_trait]
impl CompactionStrategy for Truncation {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        Ok(context.with_messages(truncate(
            context.messages(),
            budget.target_tokens,
            &*budget.counter,
        )))
    }
}

/// Leaves out the oldest groups of a valid history until it has at most `target` tokens.
pub(crate) fn truncate(history: &Messages, target: u64, counter: &dyn TokenCounter) -> Messages {
    let mut tokens = counter.tokens_of(history);
    if tokens <= target {
        return history.clone();
    }
    let groups = groups(history);
    let mut dropped = vec![false; groups.len()];
    let mut request = None;
    for (index, group) in groups.iter().enumerate() {
        let step = match group.kind {
            GroupKind::System | GroupKind::Note => continue,
            GroupKind::Request => {
                request = Some(index);
                None
            }
            GroupKind::Step => Some(index),
        };
        // With the last step of a turn goes its request: without an answer it would seem to want one.
        let ends_turn = groups[index + 1..]
            .iter()
            .find(|next| !matches!(next.kind, GroupKind::System | GroupKind::Note));
        let request = request.filter(|_| ends_turn.is_none_or(|next| next.turn != group.turn));
        for candidate in step.into_iter().chain(request) {
            if !groups[candidate].protected {
                dropped[candidate] = true;
                tokens = tokens.saturating_sub(groups[candidate].tokens(history, counter));
            }
        }
        if tokens <= target {
            break;
        }
    }
    // Notes stand for many messages in few words, so they go last.
    for (index, group) in groups.iter().enumerate() {
        if tokens > target && group.kind == GroupKind::Note && !group.protected {
            dropped[index] = true;
            tokens = tokens.saturating_sub(group.tokens(history, counter));
        }
    }
    keep(history, &groups, |index, _| !dropped[index])
}
