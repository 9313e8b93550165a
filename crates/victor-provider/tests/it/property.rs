//! What holds for every script.

use proptest::collection::vec;
use proptest::prelude::*;
use victor_provider_protocol::ProviderErrorKind as Kind;

use crate::fake::{Scripted, Step, tell};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Text("a")),
        Just(Step::Text("")),
        Just(Step::Thinking("b")),
        Just(Step::Working),
        Just(Step::Pause(50)),
        Just(Step::Fail(Kind::Server)),
        Just(Step::Fail(Kind::Quota)),
        Just(Step::Panic),
        Just(Step::Hang),
        Just(Step::Finish),
        Just(Step::Refuse(Kind::Overloaded)),
        Just(Step::RefuseFor(Kind::RateLimit, 200)),
        Just(Step::OpenAfter(130)),
        Just(Step::PanicAtOnce),
    ]
}

proptest! {
    #[test]
    fn what_was_shown_is_withdrawn_before_another_attempt(scripts in vec(vec(step(), 0..5), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let provider = Scripted::new("p", scripts);
        let (story, _) = runtime.block_on(tell(&provider));
        let items: Vec<&str> = story.split(", ").collect();
        let mut shown = false;
        for (index, item) in items.iter().enumerate() {
            let withdrawn = *item == "withdrawn";
            if withdrawn {
                prop_assert!(shown && items[index + 1].starts_with("retry"), "{story}");
            }
            prop_assert!(!item.starts_with("retry") || !shown, "{story}");
            shown = !withdrawn && (shown || item.starts_with("text") || item.starts_with("thinking"));
        }
        let retries = items.iter().filter(|item| item.starts_with("retry")).count();
        prop_assert_eq!(provider.attempts(), retries + 1, "every attempt but the last is told: {}", story);
        prop_assert!(retries < 3);
        let last = items.last().copied().unwrap_or_default();
        prop_assert!(last.starts_with("done") || last.starts_with("error"), "{story}");
        let ends = items.iter().filter(|item| item.starts_with("done") || item.starts_with("error")).count();
        prop_assert_eq!(ends, 1);
    }
}
