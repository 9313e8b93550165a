use std::sync::atomic::Ordering;

use victor_context_protocol::TokenCounter;
use victor_core::Message;
use victor_testkit::{CharCounter, conformance};

use super::{Bug, breaks};

#[derive(Debug)]
struct Counter(Bug);

impl TokenCounter for Counter {
    fn name(&self) -> &str {
        if self.0.is("nameless") { "" } else { "counter" }
    }

    fn count_text(&self, text: &str) -> u32 {
        assert!(!self.0.is("panics") || text.is_ascii(), "bug");
        match self.0.name {
            "something for nothing" if text.is_empty() => 1,
            "nothing for something" => 0,
            "shrinks" if text.ends_with("one line more") => 0,
            "fickle" => {
                CharCounter.count_text(text) + 2 * self.0.calls.fetch_add(1, Ordering::Relaxed)
            }
            _ => CharCounter.count_text(text),
        }
    }

    fn count_message(&self, message: &Message) -> u32 {
        let tokens = CharCounter.count_message(message);
        let calls = self.0.calls.fetch_add(1, Ordering::Relaxed);
        match self.0.name {
            "small messages" => 1,
            "fickle at last" if calls % 3 == 2 => tokens + 1,
            _ => tokens,
        }
    }
}

#[test]
fn a_right_counter_passes() {
    conformance::token_counter(&CharCounter);
    conformance::token_counter(&Counter(Bug::new("none")));
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a counter has a name"),
        ("something for nothing", "no text has no tokens"),
        ("nothing for something", "a word has tokens"),
        ("panics", "no call panics"),
        (
            "small messages",
            "a message has at least the tokens of its text",
        ),
        ("fickle at last", "what is remembered is what is counted"),
        ("shrinks", "more text has no fewer tokens"),
        ("fickle", "the same is counted the same"),
    ] {
        breaks(law, async {
            conformance::token_counter(&Counter(Bug::new(bug)));
        })
        .await;
    }
}
