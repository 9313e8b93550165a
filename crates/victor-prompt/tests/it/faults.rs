//! What a fault leads to.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::Coordinator;
use victor_prompt::PromptCoordinator;
use victor_prompt_protocol::{
    Contribution, PromptBuilder, PromptContext, PromptContributor, PromptError,
};
use victor_testkit::{cancel_at_every_poll, drive};

use crate::fakes::{Act, Fake, build, coordinator, left_out};

#[tokio::test(start_paused = true)]
async fn who_fails_is_left_out_and_reported_until_it_works_again() {
    for (act, reason) in [
        (Act::Fail, "no rules: file not found"),
        (Act::Panic, "panicked: out of cheese"),
        (Act::Hang, "gave no answer within 5s"),
        (Act::SayAfter(6, "late"), "gave no answer within 5s"),
    ] {
        let bad = Fake::new("bad", 2, act);
        let prompt = coordinator(&[bad.clone(), Fake::new("good", 1, Act::SayAfter(1, "good"))]);
        let built = build(&prompt).await;
        assert_eq!(&*built.text, "Base.\n\ngood");
        assert_eq!(left_out(&prompt, &built), [format!("bad: {reason}")]);
        assert_eq!(bad.running(), 0);
        bad.becomes(Act::Say("better"));
        let built = build(&prompt).await;
        assert_eq!(&*built.text, "Base.\n\nbetter\n\ngood");
        assert!(left_out(&prompt, &built).is_empty());
    }
}

#[tokio::test]
async fn if_all_fail_the_base_prompt_is_left() {
    let prompt = coordinator(&[Fake::new("x", 1, Act::Fail), Fake::new("x", 1, Act::Panic)]);
    let built = build(&prompt).await;
    assert_eq!(&*built.text, "Base.");
    assert_eq!(
        left_out(&prompt, &built),
        [
            "x (2): panicked: out of cheese",
            "x: no rules: file not found"
        ]
    );
}

#[tokio::test]
async fn for_an_unknown_base_prompt_the_default_stands_in() {
    let prompt = coordinator(&[]);
    let unknown = PromptContext::new().with_template("reviews");
    let built = prompt.build_system_prompt(&unknown).await;
    assert_eq!(&*built.text, "Base.");
    assert_eq!(built.omissions[0].contributor, "template reviews");
    let reason = "`default` stands in: unknown template `reviews`; known are `default`";
    assert_eq!(built.omissions[0].reason, reason);
    assert_eq!(
        prompt.health().problems,
        [format!("system_prompt_template: {reason}")]
    );
    prompt
        .build_system_prompt(&PromptContext::new().with_template("default"))
        .await;
    assert!(prompt.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_build_drops_the_calls_of_the_contributors() {
    let fakes = [
        Fake::new("a", 2, Act::SayAfter(2, "a")),
        Fake::new("b", 1, Act::SayAfter(1, "b")),
    ];
    let prompt = coordinator(&fakes);
    let mut drops = 0;
    let built = cancel_at_every_poll(
        async || build(&prompt).await,
        async |_| {
            drops += 1;
            assert!(fakes.iter().all(|fake| fake.running() == 0));
            assert!(prompt.health().is_healthy(), "nobody failed");
        },
    );
    assert_eq!(&*built.await.text, "Base.\n\na\n\nb");
    assert!(drops > 0);
}

#[test]
fn without_a_runtime_contributors_are_asked_without_a_time_limit() {
    let prompt = coordinator(&[Fake::new("a", 1, Act::Say("a"))]);
    let built = drive(build(&prompt)).unwrap();
    assert_eq!(&*built.text, "Base.\n\na");
    assert!(built.omissions.is_empty());
    assert_eq!(&*drive(build(&coordinator(&[]))).unwrap().text, "Base.");
}

/// A contributor that cannot even say its name.
#[derive(Debug)]
struct Nameless;

#[async_trait]
impl PromptContributor for Nameless {
    fn name(&self) -> &str {
        panic!("out of cheese")
    }

    async fn get_contribution(&self, _cx: &PromptContext) -> Result<Contribution, PromptError> {
        Err(PromptError::new("nothing to say"))
    }
}

#[tokio::test]
async fn a_contributor_that_panics_over_its_name_goes_without_one() {
    let prompt = PromptCoordinator::new([Arc::new(Nameless), Arc::new(Nameless)]);
    let built = build(&prompt).await;
    assert_eq!(
        left_out(&prompt, &built),
        ["unnamed (2): nothing to say", "unnamed: nothing to say"]
    );
}
