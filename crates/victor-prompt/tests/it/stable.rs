//! The stable part of a prompt: it is built once, and its bytes are the same in each turn.

use std::sync::Arc;

use proptest::prelude::*;
use victor_core::Coordinator;
use victor_prompt::PromptCoordinator;
use victor_prompt_protocol::Stability::{self, Process, Session, Turn};
use victor_prompt_protocol::{BuiltPrompt, Contribution, PromptBuilder, PromptContext};

use crate::fakes::Told;

fn context(session: &str, fact: &str, message: &str) -> PromptContext {
    PromptContext::from_iter([("session_id", session), ("fact", fact)]).with_message(message)
}

/// A contributor of this class that says the facts it may depend on.
fn of_class(name: &'static str, stability: Stability) -> Arc<Told> {
    Told::new(name, 50, move |cx| {
        let fact = cx.get_str("fact").unwrap_or_default();
        let message = cx.message().unwrap_or_default();
        let text = match stability {
            Process => "always".to_owned(),
            Session => fact.to_owned(),
            Turn => format!("{fact} {message}"),
        };
        Contribution::from(text).with_stability(stability)
    })
}

#[tokio::test]
async fn a_contribution_is_asked_for_as_seldom_as_its_class_allows() {
    let all = [
        of_class("p", Process),
        of_class("s", Session),
        of_class("t", Turn),
    ];
    let prompt = PromptCoordinator::builder()
        .template("default", "Base.")
        .build();
    for told in &all {
        prompt.add_contributor(told.clone());
    }
    let check = async |context: PromptContext, expected: &str, asked: [usize; 3]| {
        let built = prompt.build_system_prompt(&context).await;
        assert_eq!(&*built.text, format!("Base.\n\nalways\n\n{expected}"));
        assert_eq!([&all[0], &all[1], &all[2]].map(|told| told.asked()), asked);
    };
    check(context("x", "rain", "1"), "rain\n\nrain 1", [1, 1, 1]).await;
    check(context("x", "rain", "1"), "rain\n\nrain 1", [1, 1, 2]).await;
    check(context("x", "rain", "2"), "rain\n\nrain 2", [1, 1, 3]).await;
    check(context("x", "sun", "2"), "sun\n\nsun 2", [1, 2, 4]).await;
    check(context("y", "sun", "2"), "sun\n\nsun 2", [1, 3, 5]).await;
    check(context("x", "sun", "3"), "sun\n\nsun 3", [1, 3, 6]).await;
    all[1].revise();
    check(context("x", "sun", "3"), "sun\n\nsun 3", [1, 4, 7]).await;
    all[0].revise();
    check(context("x", "sun", "3"), "sun\n\nsun 3", [2, 4, 8]).await;
    check(context("y", "sun", "3"), "sun\n\nsun 3", [2, 5, 9]).await;
}

#[tokio::test]
async fn with_nothing_changed_the_prompt_is_the_same_one() {
    let prompt = PromptCoordinator::builder()
        .contributor(of_class("p", Process))
        .contributor(of_class("s", Session))
        .build();
    let first = prompt.build_system_prompt(&context("x", "rain", "1")).await;
    let again = prompt.build_system_prompt(&context("x", "rain", "2")).await;
    assert!(Arc::ptr_eq(&first.text, &again.text));
    assert!(Arc::ptr_eq(&first.sections, &again.sections));
    prompt.reset(&"x".into());
    let anew = prompt.build_system_prompt(&context("x", "rain", "2")).await;
    assert_eq!(anew, first);
    // The text is shared between sessions, too.
    let other = prompt.build_system_prompt(&context("y", "rain", "2")).await;
    assert!(Arc::ptr_eq(&first.text, &other.text));
}

#[tokio::test]
async fn a_contributor_whose_revision_panics_is_asked_anew() {
    let told = of_class("p", Process);
    let prompt = PromptCoordinator::new([told.clone()]);
    told.revision_panics();
    for asked in 1..3 {
        let built = prompt.build_system_prompt(&context("x", "rain", "1")).await;
        assert!(built.text.ends_with("always"));
        assert_eq!(told.asked(), asked);
    }
}

/// The text before the first section that may change in a turn.
fn prefix(built: &BuiltPrompt) -> &str {
    let stable = built
        .sections
        .iter()
        .take_while(|section| section.stability < Turn);
    &built.text[..stable.last().map_or(0, |section| section.range.end)]
}

#[derive(Debug, Clone)]
struct Part {
    priority: i32,
    stability: Stability,
    /// The section that it extends.
    section: Option<&'static str>,
}

fn part() -> impl Strategy<Value = Part> {
    let stability = prop_oneof![Just(Process), Just(Session), Just(Turn)];
    let section = prop::option::of(prop_oneof![Just("one"), Just("two")]);
    (-3..3, stability, section).prop_map(|(priority, stability, section)| Part {
        priority,
        stability,
        section,
    })
}

proptest! {
    #[test]
    fn the_prefix_is_the_same_bytes_in_each_turn(
        parts in prop::collection::vec(part(), 0..12),
        turns in prop::collection::vec("[a-z\n ]{0,12}", 2..6),
    ) {
        let prompt = PromptCoordinator::new([]);
        for Part { priority, stability, section } in parts {
            prompt.add_contributor(Told::new("part", priority, move |cx| {
                let text = match stability {
                    Turn => cx.message().unwrap_or_default().to_owned(),
                    stability => format!("{stability} {priority}"),
                };
                let contribution = Contribution::from(text).with_stability(stability);
                match section {
                    Some(section) => contribution.extend_section(section),
                    None => contribution,
                }
            }));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let built: Vec<_> = turns
            .iter()
            .map(|turn| runtime.block_on(prompt.build_system_prompt(&context("x", "", turn))))
            .collect();
        for one in &built {
            let classes: Vec<_> = one.sections.iter().map(|section| section.stability).collect();
            prop_assert!(classes.is_sorted(), "{classes:?}");
            prop_assert_eq!(prefix(one), prefix(&built[0]));
        }
    }
}
