//! Which sections a prompt has, and where.

use std::sync::Arc;

use tokio::time::{Duration, Instant};
use victor_core::Coordinator;
use victor_prompt::{DEFAULT_PROMPT, PromptCoordinator};
use victor_prompt_protocol::{PromptBuilder, PromptContext};

use crate::fakes::{Act, Fake, build, coordinator};

#[track_caller]
fn check(contributors: &[(i32, &'static str)], expected: &str) {
    let fakes: Vec<_> = contributors
        .iter()
        .map(|(priority, text)| Fake::new("fake", *priority, Act::Say(text)))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let prompt = coordinator(&fakes);
    let built = runtime.block_on(build(&prompt));
    assert_eq!(&*built.text, expected);
    assert_eq!(built.omissions, []);
    assert!(prompt.health().is_healthy());
}

#[test]
fn sections_stand_by_priority_then_by_age() {
    check(&[], "Base.");
    check(
        &[(1, "one"), (3, "three"), (2, "two")],
        "Base.\n\nthree\n\ntwo\n\none",
    );
    check(
        &[(1, "a"), (1, "b"), (2, "c"), (1, "d"), (2, "e")],
        "Base.\n\nc\n\ne\n\na\n\nb\n\nd",
    );
    check(
        &[(i32::MIN, "last"), (i32::MAX, "first")],
        "Base.\n\nfirst\n\nlast",
    );
}

#[test]
fn empty_sections_leave_no_gap() {
    check(&[(3, "a"), (2, ""), (1, " \n ")], "Base.\n\na");
    check(&[(3, ""), (1, "\n\nb\n\n")], "Base.\n\nb");
}

#[tokio::test(start_paused = true)]
async fn contributors_are_asked_side_by_side_and_keep_their_order() {
    let fakes = [
        Fake::new("a", 3, Act::SayAfter(3, "a")),
        Fake::new("b", 2, Act::SayAfter(1, "b")),
    ];
    let start = Instant::now();
    assert_eq!(&*build(&coordinator(&fakes)).await.text, "Base.\n\na\n\nb");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn a_contributor_may_be_added_later() {
    let prompt = PromptCoordinator::new([Fake::new("a", 1, Act::Say("a"))]);
    prompt.add_contributor(Fake::new("b", 2, Act::Say("b")));
    assert_eq!(
        &*build(&prompt).await.text,
        format!("{DEFAULT_PROMPT}\n\nb\n\na")
    );
}

#[tokio::test]
async fn the_context_reaches_the_contributors() {
    let prompt = coordinator(&[Fake::new("a", 1, Act::Repeat)]);
    let built = prompt
        .build_system_prompt(&PromptContext::from_iter([("fact", "It rains.")]))
        .await;
    assert_eq!(&*built.text, "Base.\n\nIt rains.");
}

#[tokio::test]
async fn the_context_chooses_the_base_prompt() {
    let prompt = PromptCoordinator::builder()
        .template("review", "\nReview.\n")
        .template("bare", "")
        .contributor(Fake::new("a", 1, Act::Say("a")))
        .build();
    assert_eq!(prompt.templates(), ["bare", "default", "review"]);
    let check = async |context: PromptContext, expected: &str| {
        let built = prompt.build_system_prompt(&context).await;
        assert_eq!((&*built.text, built.omissions), (expected, vec![]));
    };
    check(PromptContext::new(), &format!("{DEFAULT_PROMPT}\n\na")).await;
    check(
        PromptContext::new().with_template("default"),
        &format!("{DEFAULT_PROMPT}\n\na"),
    )
    .await;
    check(PromptContext::new().with_template("review"), "Review.\n\na").await;
    check(PromptContext::new().with_template("bare"), "a").await;
}

#[tokio::test]
async fn a_prompt_may_be_empty() {
    let prompt = PromptCoordinator::builder()
        .template("default", " ")
        .build();
    assert_eq!(&*build(&prompt).await.text, "");
}

#[test]
fn the_built_in_prompt_is_short_and_fits_every_provider() {
    assert!(DEFAULT_PROMPT.len() < 1_500 && DEFAULT_PROMPT.trim() == DEFAULT_PROMPT);
    for name in ["Victor", "Claude", "GPT", "OpenAI", "Anthropic"] {
        assert!(!DEFAULT_PROMPT.contains(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_may_build_and_add_at_once() {
    let prompt = Arc::new(coordinator(&[Fake::new("a", 1, Act::Repeat)]));
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let prompt = Arc::clone(&prompt);
            tokio::spawn(async move {
                prompt.add_contributor(Fake::new("more", 0, Act::Say("")));
                let fact = format!("fact {}", number % 5);
                let built = prompt
                    .build_system_prompt(&PromptContext::from_iter([("fact", &*fact)]))
                    .await;
                assert_eq!(&*built.text, format!("Base.\n\n{fact}"));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
