use async_trait::async_trait;
use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, TokenCounterExt,
};
use victor_core::{Context, Message, Messages};
use victor_testkit::conformance;

use super::{Bug, breaks};

/// Leaves out the oldest messages.
#[derive(Debug)]
struct Newest(Bug);

#[async_trait]
impl CompactionStrategy for Newest {
    fn name(&self) -> &str {
        if self.0.is("nameless") {
            ""
        } else {
            self.0.changes("fickle name", ["newest", "oldest"])
        }
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let wrong = self.0.shows().await;
        if self.0.is("fails") {
            return Err(CompactionError::new("bug"));
        }
        let mut kept: Vec<_> = context.messages().iter().cloned().collect();
        let tokens = |kept: &[_]| {
            budget
                .counter
                .tokens_of(&kept.iter().cloned().collect::<Messages>())
        };
        let fits = (0..=kept.len()).find(|&from| tokens(&kept[from..]) <= budget.target_tokens);
        kept.drain(..fits.unwrap_or(kept.len()));
        match self.0.name {
            "grows" => {
                kept = context.messages().iter().cloned().collect();
                kept.push(Message::system("The conversation was not compacted").into());
            }
            "reorders" => kept.reverse(),
            "never rests" => drop(kept.pop()),
            _ if wrong => kept.clear(),
            _ => {}
        }
        Ok(context.with_messages(kept.into_iter().collect()))
    }
}

#[tokio::test]
async fn a_right_strategy_passes() {
    conformance::compaction_strategy(&Newest(Bug::new("none"))).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a strategy has a name"),
        ("fails", "a strategy works for some conversation"),
        ("panics", "no call panics"),
        ("grows", "the result is never larger"),
        ("reorders", "messages that are kept keep their order"),
        (
            "every other call",
            "the same context is compacted in the same way",
        ),
        (
            "never rests",
            "a result that is within the target stays as it is",
        ),
        ("after a drop", "a dropped call leaves nothing behind"),
        ("fickle name", "the name is always the same"),
    ] {
        breaks(
            law,
            conformance::compaction_strategy(&Newest(Bug::new(bug))),
        )
        .await;
    }
}
