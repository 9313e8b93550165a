//! The laws of prompt contributors.

use futures_util::future::join_all;
use victor_prompt_protocol::{Contribution, PromptContext, PromptContributor, Stability};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, guarded, succeed};

/// Checks a contributor with these contexts, and with an empty one, while nothing that it looks at changes.
///
/// The laws: it has a name; name, priority and revision stay; the same context gets the same contribution; one of the
/// class `session` does not depend on the message of the turn, and one of the class `process` does not depend on the
/// context at all; calls side by side are independent, and a dropped call leaves nothing behind.
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
    let revision = guarded(|| contributor.revision());
    let mut all: Vec<Contribution> = Vec::new();
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
        let other_turn = context.clone().with_message("suite: another message");
        let next = succeed(calm(contributor.get_contribution(&other_turn)).await);
        law!(
            next.stability() == Stability::Turn && first.stability() == Stability::Turn
                || next == first,
            "what holds for the session does not depend on the message",
            "{next:?} and {first:?}"
        );
        all.push(first);
    }
    let for_process = all.iter().find(|one| one.stability() == Stability::Process);
    law!(
        for_process.is_none_or(|first| all.iter().all(|other| other == first)),
        "what holds for the process does not depend on the context",
        "{all:?}"
    );
    law!(
        guarded(|| contributor.revision()) == revision,
        "the revision stays while nothing changes"
    );
    law!(contributor.name() == name, "the name is always the same");
    law!(
        contributor.priority() == priority,
        "the priority is always the same"
    );
}
