use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde_json::json;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};
use victor_testkit::conformance;

use super::{Bug, breaks};

#[derive(Debug)]
struct Hint(Bug);

#[async_trait]
impl PromptContributor for Hint {
    fn name(&self) -> &str {
        if self.0.is("nameless") {
            ""
        } else {
            self.0.changes("fickle name", ["hint", "tip"])
        }
    }

    fn priority(&self) -> i32 {
        if self.0.is("fickle priority") {
            self.0.calls.load(Ordering::Relaxed).cast_signed()
        } else {
            50
        }
    }

    fn revision(&self) -> u64 {
        match self.0.is("fickle revision") {
            true => self.0.calls.load(Ordering::Relaxed).into(),
            false => 0,
        }
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let wrong = self.0.shows().await;
        if self.0.is("fails") || self.0.is("needs a task") && cx.get("task").is_none() {
            return Err(PromptError::new("bug"));
        }
        let task = cx.get_str("task").unwrap_or("nothing");
        let message = match self.0.is("hears the message") {
            true => cx.message().unwrap_or_default(),
            false => "",
        };
        let stability = match self.0.is("holds too long") {
            true => Stability::Process,
            false => Stability::Session,
        };
        Ok(if wrong {
            "wrong".into()
        } else {
            Contribution::from(format!("The task is {task}{message}")).with_stability(stability)
        })
    }
}

async fn suite(bug: &'static str) {
    let contexts = [PromptContext::from_iter([("task", json!("review"))])];
    conformance::prompt_contributor(&Hint(Bug::new(bug)), &contexts).await;
}

#[tokio::test]
async fn a_right_contributor_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a contributor has a name"),
        ("fails", "a valid call succeeds"),
        ("needs a task", "a valid call succeeds"),
        ("panics", "no call panics"),
        ("second call", "the same context gets the same contribution"),
        (
            "side by side",
            "the same context gets the same contribution",
        ),
        ("after a drop", "a dropped call leaves nothing behind"),
        (
            "hears the message",
            "what holds for the session does not depend on the message",
        ),
        (
            "holds too long",
            "what holds for the process does not depend on the context",
        ),
        (
            "fickle revision",
            "the revision stays while nothing changes",
        ),
        ("fickle name", "the name is always the same"),
        ("fickle priority", "the priority is always the same"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
