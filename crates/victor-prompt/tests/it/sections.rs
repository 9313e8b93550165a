//! Sections: their order, and what contributions do to those of others.

use std::sync::Arc;

use victor_prompt::PromptCoordinator;
use victor_prompt_protocol::Stability::{Process, Session, Turn};
use victor_prompt_protocol::{Contribution, PromptBuilder};

use crate::fakes::{Told, build};

/// Checks the prompt from these contributions, of which the first has the highest priority. The contributors are named
/// a, b, c and so on.
#[track_caller]
fn check(contributions: &[Contribution], expected: &str) {
    let prompt = PromptCoordinator::builder()
        .template("default", "Base.")
        .build();
    for (name, contribution) in ["a", "b", "c", "d"].into_iter().zip(contributions) {
        prompt.add_contributor(Told::always(name, contribution.clone()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for _ in 0..2 {
        let built = runtime.block_on(build(&prompt));
        assert_eq!(&*built.text, expected);
        let texts: Vec<_> = built.section_texts().map(|(_, text)| text).collect();
        assert_eq!(texts.join("\n\n"), expected);
        assert_eq!(built.omissions, []);
    }
}

fn say(text: &str) -> Contribution {
    text.into()
}

#[test]
fn a_contribution_changes_the_section_of_a_higher_priority() {
    check(&[say("1"), say("2")], "Base.\n\n1\n\n2");
    check(
        &[say("1"), say("3"), say("2").extend_section("a")],
        "Base.\n\n1\n\n2\n\n3",
    );
    check(
        &[say("1"), say("3"), say("2").replace_section("a")],
        "Base.\n\n2\n\n3",
    );
    check(
        &[say("1"), say("3"), Contribution::drop_section("a")],
        "Base.\n\n3",
    );
    check(
        &[
            say("1"),
            Contribution::drop_section("a"),
            say("2").extend_section("a"),
        ],
        "Base.\n\n2",
    );
    check(
        &[say("1").extend_section("x"), say("2").replace_section("x")],
        "Base.\n\n2",
    );
    check(&[say("Own.").replace_section("base")], "Own.");
    check(&[Contribution::drop_section("base"), say("1")], "1");
    check(&[say("1"), say("").replace_section("a")], "Base.");
}

#[test]
fn it_does_not_change_the_section_of_a_lower_priority() {
    check(
        &[say("2").replace_section("b"), say("1")],
        "Base.\n\n2\n\n1",
    );
    check(&[Contribution::drop_section("b"), say("1")], "Base.\n\n1");
    check(
        &[Contribution::drop_section("nobody"), say("1")],
        "Base.\n\n1",
    );
}

#[test]
fn what_holds_longer_comes_first() {
    let say = |text: &str, stability| say(text).with_stability(stability);
    check(
        &[
            say("t", Turn),
            say("s", Session),
            say("p", Process),
            say("q", Process),
        ],
        "Base.\n\np\n\nq\n\ns\n\nt",
    );
    // A section is as stable as its least stable part.
    check(
        &[
            say("p", Process),
            say("t", Turn).extend_section("a"),
            say("s", Session),
        ],
        "Base.\n\ns\n\np\n\nt",
    );
    check(
        &[
            say("t", Turn),
            say("p", Process).replace_section("a"),
            say("s", Session),
        ],
        "Base.\n\np\n\ns",
    );
    check(
        &[say("s", Session).extend_section("base"), say("p", Process)],
        "Base.\n\ns\n\np",
    );
    check(
        &[say("t", Turn).extend_section("base"), say("p", Process)],
        "p\n\nBase.\n\nt",
    );
}

#[tokio::test]
async fn a_built_prompt_tells_where_its_sections_come_from() {
    let prompt = PromptCoordinator::builder()
        .template("default", "Base.")
        .contributor(Told::always(
            "rules",
            say("Be kind.").with_stability(Process),
        ))
        .contributor(Told::always(
            "more",
            say("Be brief.").extend_section("rules"),
        ))
        .build();
    let built = build(&prompt).await;
    let told: Vec<_> = built
        .section_texts()
        .map(|(section, text)| {
            let contributors: Vec<&str> = section.contributors.iter().map(|name| &**name).collect();
            (&*section.name, section.stability, contributors, text)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("base", Process, vec![], "Base."),
            (
                "rules",
                Turn,
                vec!["rules", "more"],
                "Be kind.\n\nBe brief."
            ),
        ]
    );
}

#[tokio::test]
async fn a_contributor_may_be_removed() {
    let prompt = PromptCoordinator::builder()
        .template("default", "Base.")
        .build();
    let told = Told::always("a", say("1").with_stability(Process));
    prompt.add_contributor(told.clone());
    prompt.add_contributor(told.clone());
    assert_eq!(&*build(&prompt).await.text, "Base.\n\n1\n\n1");
    assert!(prompt.remove_contributor("a (2)"));
    assert!(!prompt.remove_contributor("a (2)"));
    assert_eq!(&*build(&prompt).await.text, "Base.\n\n1");
    assert!(prompt.remove_contributor("a"));
    assert_eq!(&*build(&prompt).await.text, "Base.");
    // Nothing is left of one that is gone.
    prompt.add_contributor(Told::always("a", say("2")));
    assert_eq!(&*build(&prompt).await.text, "Base.\n\n2");
    assert_eq!(Arc::strong_count(&told), 1);
}
