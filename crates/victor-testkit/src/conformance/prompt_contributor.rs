//! The laws of prompt contributors.

use futures_util::future::join_all;
use victor_prompt_protocol::{PromptContext, PromptContributor};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Checks a contributor with these contexts, and with an empty one.
///
/// # Panics
///
/// A law is broken.
pub async fn prompt_contributor<C>(contributor: &C, contexts: &[PromptContext])
where
    C: PromptContributor + ?Sized,
{
    let (name, priority) = (contributor.name().to_owned(), contributor.priority());
    law!(!name.is_empty(), "a contributor has a name");
    for context in contexts.iter().chain([&PromptContext::new()]) {
        let contribution = async || succeed(calm(contributor.get_contribution(context)).await);
        let first = contribution().await;
        for other in join_all((0..SIDE_BY_SIDE).map(|_| contribution())).await {
            law!(
                other == first,
                "the same context gets the same contribution",
                "{other:?} and {first:?}"
            );
        }
        drop_at_polls(
            async || contribution().await,
            async |polls| {
                let next = contribution().await;
                law!(
                    next == first,
                    "a dropped call leaves nothing behind",
                    "after {polls} polls"
                );
            },
        )
        .await;
    }
    law!(contributor.name() == name, "the name is always the same");
    law!(
        contributor.priority() == priority,
        "the priority is always the same"
    );
}
