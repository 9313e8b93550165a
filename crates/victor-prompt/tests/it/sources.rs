//! Base prompts of sources: what is kept of them, and what happens when a source fails.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, advance};
use victor_core::Coordinator;
use victor_prompt::{CachedPromptSource, PromptCoordinator, PromptOptions};
use victor_prompt_protocol::{
    PromptBuilder, PromptContext, PromptError, PromptReference, PromptSource, PromptVersion,
    StoredPrompt,
};
use victor_testkit::Puppet;

/// Answer of a store.
#[derive(Debug, Clone, Copy)]
enum Act {
    Version(&'static str, &'static str),
    Of(&'static str),
    Nothing,
    Fail,
    Panic,
    Hang,
}

#[derive(Debug)]
struct Store {
    puppet: Puppet<Act>,
}

impl Store {
    fn new(act: Act) -> Arc<Self> {
        Arc::new(Self {
            puppet: Puppet::new(act),
        })
    }
}

#[async_trait]
impl PromptSource for Store {
    fn name(&self) -> &str {
        "store"
    }

    async fn get_prompt(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        let call = self.puppet.begin();
        match call.act {
            Act::Version(version, text) => Ok(Some(StoredPrompt::new(
                PromptVersion::new(reference.name(), version),
                text,
            ))),
            Act::Of(name) => Ok(Some(StoredPrompt::new(
                PromptVersion::new(name, "1"),
                "other",
            ))),
            Act::Nothing => Ok(None),
            Act::Fail => Err(PromptError::new("no connection")),
            Act::Panic => panic!("out of cheese"),
            Act::Hang => std::future::pending().await,
        }
    }

    async fn list_prompts(&self) -> Result<Vec<String>, PromptError> {
        Ok(Vec::new())
    }
}

fn coordinator(store: &Arc<Store>) -> PromptCoordinator {
    PromptCoordinator::builder()
        .template("default", "Default.")
        .template("spare", "Spare.")
        .source(store.clone())
        .build()
}

/// Builds with a template, and returns the text with the version that was used.
async fn build(prompt: &PromptCoordinator, template: &str) -> String {
    let context = PromptContext::new().with_template(template);
    let built = prompt.build_system_prompt(&context).await;
    let versions = built.sections.iter().flat_map(|section| &section.versions);
    let versions: String = versions.map(|version| format!(" [{version}]")).collect();
    format!("{}{versions}", built.text)
}

/// Lets the tasks in the background run.
async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_is_used_while_it_is_fresh_and_then_renewed_in_the_background() {
    let store = Store::new(Act::Version("1", "One."));
    let prompt = coordinator(&store);
    assert_eq!(build(&prompt, "review").await, "One. [review@1]");
    store.puppet.becomes(Act::Version("2", "Two."));
    advance(Duration::from_secs(59)).await;
    assert_eq!(build(&prompt, "review").await, "One. [review@1]");
    assert_eq!(store.puppet.calls(), 1);
    advance(Duration::from_secs(2)).await;
    assert_eq!(build(&prompt, "review").await, "One. [review@1]");
    settle().await;
    assert_eq!(build(&prompt, "review").await, "Two. [review@2]");
    assert_eq!(store.puppet.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_version_outlives_a_failing_source() {
    let store = Store::new(Act::Version("1", "One."));
    let prompt = coordinator(&store);
    build(&prompt, "review").await;
    for (act, reason) in [
        (Act::Fail, "no connection"),
        (Act::Panic, "panicked: out of cheese"),
        (Act::Hang, "gave no answer within 5s"),
        (
            Act::Of("payroll"),
            "it was asked for `review` and answered with `payroll@1`",
        ),
    ] {
        store.puppet.becomes(act);
        let asked = store.puppet.calls();
        advance(Duration::from_secs(61)).await;
        let start = Instant::now();
        assert_eq!(build(&prompt, "review").await, "One. [review@1]");
        assert_eq!(start.elapsed(), Duration::ZERO, "nobody waits for {act:?}");
        settle().await;
        advance(Duration::from_secs(5)).await;
        settle().await;
        assert_eq!(
            prompt.health().problems,
            [format!("review: source `store`: {reason}")]
        );
        // It is asked again, but not for every prompt.
        assert_eq!(store.puppet.calls(), asked + 1);
        store.puppet.becomes(Act::Version("1", "One."));
        advance(Duration::from_secs(5)).await;
        build(&prompt, "review").await;
        build(&prompt, "review").await;
        settle().await;
        assert_eq!(store.puppet.calls(), asked + 2);
        assert!(prompt.health().is_healthy());
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_source_cannot_be_had_a_template_stands_in() {
    let store = Store::new(Act::Hang);
    let prompt = coordinator(&store);
    let start = Instant::now();
    assert_eq!(build(&prompt, "spare").await, "Spare.");
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    // A source that hangs holds up one prompt, not each of them.
    assert_eq!(build(&prompt, "spare").await, "Spare.");
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    store.puppet.becomes(Act::Fail);
    let built = prompt
        .build_system_prompt(&PromptContext::new().with_template("review"))
        .await;
    assert_eq!(&*built.text, "Default.");
    assert_eq!(built.omissions[0].contributor, "template review");
    assert_eq!(
        built.omissions[0].reason,
        "`default` stands in: source `store`: no connection"
    );
    store.puppet.becomes(Act::Version("1", "One."));
    advance(Duration::from_secs(6)).await;
    assert_eq!(build(&prompt, "review").await, "One. [review@1]");
    assert_eq!(build(&prompt, "spare").await, "One. [spare@1]");
}

#[tokio::test(start_paused = true)]
async fn the_first_source_that_has_a_prompt_is_used() {
    let (first, second) = (
        Store::new(Act::Nothing),
        Store::new(Act::Version("7", "Seven.")),
    );
    let prompt = PromptCoordinator::builder()
        .source(first.clone())
        .source(second)
        .build();
    assert_eq!(build(&prompt, "review").await, "Seven. [review@7]");
    first.puppet.becomes(Act::Version("1", "One."));
    advance(Duration::from_secs(61)).await;
    build(&prompt, "review").await;
    settle().await;
    assert_eq!(build(&prompt, "review").await, "One. [review@1]");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_asked_for_by_name_is_kept_for_good() {
    let store = Store::new(Act::Version("3", "Three."));
    let prompt = coordinator(&store);
    assert_eq!(build(&prompt, "review@3").await, "Three. [review@3]");
    store.puppet.becomes(Act::Fail);
    advance(Duration::from_secs(86_400)).await;
    assert_eq!(build(&prompt, "review@3").await, "Three. [review@3]");
    settle().await;
    assert_eq!(store.puppet.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_was_taken_away_is_gone() {
    let store = Store::new(Act::Version("1", "One."));
    let options = PromptOptions::default().with_source_ttl(Duration::from_secs(1));
    let source = CachedPromptSource::new(store.clone(), &options);
    let reference = PromptReference::new("review");
    assert!(source.get_prompt(&reference).await.unwrap().is_some());
    store.puppet.becomes(Act::Nothing);
    advance(Duration::from_secs(2)).await;
    assert!(source.get_prompt(&reference).await.unwrap().is_some());
    settle().await;
    assert!(source.get_prompt(&reference).await.unwrap().is_none());
    assert!(source.health().is_healthy());
}

#[test]
fn without_a_runtime_the_call_renews_the_prompt() {
    let store = Store::new(Act::Version("1", "One."));
    let options = PromptOptions::default().with_source_ttl(Duration::ZERO);
    let source = CachedPromptSource::new(store.clone(), &options);
    let reference = PromptReference::new("review");
    for version in ["1", "2", "3"] {
        store.puppet.becomes(Act::Version(version, "Text."));
        let answer = victor_testkit::drive(source.get_prompt(&reference)).unwrap();
        let found = answer.unwrap().unwrap();
        assert_eq!(&*found.version.version, version);
    }
}
