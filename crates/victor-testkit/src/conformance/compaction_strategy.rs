//! The laws of compaction strategies.

use std::sync::Arc;

use victor_context_protocol::{CompactionBudget, CompactionStrategy, TokenCounterExt};
use victor_core::{Context, Message, MessageId, Messages};

use super::{calm, drop_at_polls};
use crate::{CharCounter, histories};

/// Checks a strategy with many conversations and budgets.
///
/// A strategy may fail for single ones. Messages that it makes itself may have new identifiers each time.
///
/// # Panics
///
/// A law is broken.
pub async fn compaction_strategy<S: CompactionStrategy + ?Sized>(strategy: &S) {
    let name = strategy.name().to_owned();
    law!(!name.is_empty(), "a strategy has a name");
    let mut worked = false;
    // The empty one comes last: what a dropped call leaves behind would not show in it.
    for messages in histories(1, 40).into_iter().rev() {
        let tokens = CharCounter.tokens_of(&messages);
        let context = Context::new(messages);
        for target in [tokens / 2, tokens / 10, 0, tokens, u64::MAX] {
            worked |= check(strategy, &context, tokens, target).await;
        }
    }
    law!(worked, "a strategy works for some conversation");
    law!(strategy.name() == name, "the name is always the same");
}

/// Checks one conversation with one budget, and says whether the strategy worked.
async fn check<S>(strategy: &S, context: &Context, before: u64, target: u64) -> bool
where
    S: CompactionStrategy + ?Sized,
{
    let budget = CompactionBudget::new(target, Arc::new(CharCounter));
    let compact = async |context: &Context| calm(strategy.compact(context, &budget)).await;
    let Ok(compacted) = compact(context).await else {
        return false;
    };
    let after = CharCounter.tokens_of(compacted.messages());
    law!(
        after <= before,
        "the result is never larger",
        "{after} after {before} tokens, target {target}"
    );

    let kept = positions(compacted.messages(), context.messages());
    law!(
        kept.is_sorted(),
        "messages that are kept keep their order",
        "they stood at {kept:?}"
    );

    let again = compact(context).await;
    law!(
        again.is_ok_and(|again| same(&again, &compacted)),
        "the same context is compacted in the same way",
        "target {target}"
    );
    if after <= target {
        let twice = compact(&compacted).await;
        law!(
            twice.is_ok_and(|twice| same(&twice, &compacted)),
            "a result that is within the target stays as it is",
            "{after} tokens, target {target}"
        );
    }
    drop_at_polls(
        async || compact(context).await,
        async |polls| {
            let next = compact(context).await;
            let same = next.is_ok_and(|next| same(&next, &compacted));
            law!(
                same,
                "a dropped call leaves nothing behind",
                "after {polls} polls"
            );
        },
    )
    .await;
    true
}

/// Returns the former positions of messages that were there before.
fn positions(after: &Messages, before: &Messages) -> Vec<usize> {
    let ids: Vec<MessageId> = before.iter().map(|message| message.id()).collect();
    after
        .iter()
        .filter_map(|message| ids.iter().position(|id| *id == message.id()))
        .collect()
}

/// Whether two contexts say the same.
fn same(one: &Context, other: &Context) -> bool {
    let says = |message: &Message| {
        (
            message.role().clone(),
            message.parts().to_vec(),
            message.is_pinned(),
        )
    };
    one.messages().len() == other.messages().len()
        && one
            .messages()
            .iter()
            .zip(other.messages())
            .all(|(one, other)| says(one) == says(other))
}
