//! The laws of prompt builders.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use victor_core::Lock;
use victor_prompt_protocol::{
    BuiltPrompt, Contribution, PromptBuilder, PromptContext, PromptContributor, PromptError,
    Stability,
};

use super::puppet::{Act, ends, perform};
use super::{SIDE_BY_SIDE, drop_at_polls, guarded, life};
use crate::Puppet;

/// Checks a builder. `make` makes a new one that has no contributors and is the same each time.
///
/// The laws: the base prompt comes first, then the sections by stability and by priority; a contribution extends,
/// replaces or drops what a higher priority has put into its section; what is stable is asked for again only where its
/// revision or its context has changed; the prompt tells its sections; a contributor that was removed is gone; a base
/// prompt that is asked for is used, and one that there is not is named and replaced by the builder's own; the same
/// request is built with the same bytes, and equal prompts share them; a contributor that fails, panics or hangs is
/// left out, named and shown in health, and the others are unaffected; requests do not mix, and a dropped call ends the
/// calls of the contributors and leaves nothing behind.
///
/// Some of the suite's contributors never answer, so the clock of tokio should be paused.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime with a clock.
pub async fn prompt_builder<B: PromptBuilder>(make: impl Fn() -> B) {
    check_templates(&make()).await;
    check_order(&make()).await;
    check_sections(&make()).await;
    check_stability(&make()).await;
    check_faults(&make()).await;
    check_requests(&make()).await;
    check_life(&make()).await;
}

async fn build<B: PromptBuilder>(builder: &B, context: &PromptContext) -> BuiltPrompt {
    ends(builder.build_system_prompt(context)).await
}

/// Builds a prompt of which nothing is left out.
async fn whole<B: PromptBuilder>(builder: &B, context: &PromptContext) -> Arc<str> {
    let built = build(builder, context).await;
    law!(
        built.omissions.is_empty(),
        "nothing is left out where everything works",
        "{built:?}"
    );
    built.text
}

async fn check_templates<B: PromptBuilder>(builder: &B) {
    let own = whole(builder, &PromptContext::new()).await;
    let names = guarded(|| builder.templates());
    for name in &names {
        let context = PromptContext::new().with_template(name);
        whole(builder, &context).await;
    }
    let unknown = "suite: there is no such template";
    let built = build(builder, &PromptContext::new().with_template(unknown)).await;
    law!(
        built.text == own,
        "the builder's own base prompt stands in for one that there is not",
        "{built:?}"
    );
    law!(
        built
            .omissions
            .iter()
            .any(|omission| omission.contributor.contains(unknown) && !omission.reason.is_empty()),
        "what is left out is named, with a reason",
        "{built:?}"
    );
    for name in names.iter().take(1) {
        let context = PromptContext::new().with_template(name);
        let once = whole(builder, &context).await;
        law!(
            whole(builder, &context).await == once,
            "the same request is built with the same bytes"
        );
    }
}

async fn check_order<B: PromptBuilder>(builder: &B) {
    let base = whole(builder, &PromptContext::new()).await;
    let mut expected: Vec<(&'static str, i32)> = vec![
        ("suite-b", 50),
        ("suite-a", 50),
        ("suite-low", -7),
        ("suite-high", 1_000),
        ("suite-c", 50),
    ];
    for (name, priority) in &expected {
        Section::add(builder, name, *priority);
    }
    // A stable sort: of two alike, the one that was added first comes first.
    expected.sort_by_key(|(_, priority)| -priority);
    let silent = Section::add(builder, "suite-silent", 60);
    silent.puppet.becomes(Act::Silent);

    let text = whole(builder, &PromptContext::new()).await;
    law!(
        text.starts_with(&*base),
        "the base prompt comes first",
        "{text}"
    );
    let sections: Vec<&str> = sections(&text);
    law!(
        sections
            .iter()
            .copied()
            .eq(expected.iter().map(|(name, _)| *name)),
        "sections stand in order of priority, and of two alike in the order in which they were added",
        "{sections:?}"
    );
    law!(
        !text.contains("\n\n\n") && text.trim() == &*text,
        "a contributor that has nothing to say leaves no gap",
        "{text:?}"
    );
    let again = whole(builder, &PromptContext::new()).await;
    law!(
        again == text,
        "the same request is built with the same bytes",
        "{again} after {text}"
    );
    law!(Arc::ptr_eq(&again, &text), "equal prompts share their text");
}

async fn check_sections<B: PromptBuilder>(builder: &B) {
    let first = Speaker::add(builder, "suite-first", Contribution::default());
    let second = Speaker::add(builder, "suite-second", Contribution::default());
    let say = |name: &str| Contribution::from(format!("suite section {name}"));
    for (one, other, expected) in [
        (
            say("a"),
            say("b").extend_section("suite-first"),
            &["a", "b"][..],
        ),
        (say("a"), say("b").replace_section("suite-first"), &["b"]),
        (say("a"), Contribution::drop_section("suite-first"), &[]),
        (say("a"), say("").replace_section("suite-first"), &[]),
        (
            say("a").extend_section("suite-x"),
            say("b").replace_section("suite-x"),
            &["b"],
        ),
        (
            say("a").replace_section("suite-second"),
            say("b"),
            &["a", "b"],
        ),
        (Contribution::drop_section("suite-second"), say("b"), &["b"]),
        (
            say("a").with_stability(Stability::Session),
            say("b").with_stability(Stability::Process),
            &["b", "a"],
        ),
    ] {
        first.says(one.clone());
        second.says(other.clone());
        let built = build(builder, &PromptContext::new()).await;
        law!(
            sections(&built.text) == expected,
            "a contribution changes its section as its action says, and the most stable section comes first",
            "{one:?}, {other:?}: {built:?}"
        );
        let told: Vec<_> = built.section_texts().map(|(_, text)| text).collect();
        law!(
            told.join("\n\n") == *built.text,
            "a prompt tells its sections",
            "{built:?}"
        );
    }
    first.says(say("a").with_stability(Stability::Turn));
    let removed = guarded(|| builder.remove_contributor("suite-first"));
    let again = guarded(|| builder.remove_contributor("suite-first"));
    let text = whole(builder, &PromptContext::new()).await;
    law!(
        removed && !again && sections(&text) == ["b"],
        "a contributor that was removed is gone",
        "{removed} {again} {text}"
    );
}

async fn check_stability<B: PromptBuilder>(builder: &B) {
    let classes = Stability::ALL.map(|class| {
        let contribution = Contribution::from(format!("suite section {class}"));
        Speaker::add(builder, "suite-speaker", contribution.with_stability(class))
    });
    let context = |fact: &str| PromptContext::from_iter([("session_id", "suite"), ("fact", fact)]);
    let mut expected = [0, 0, 0];
    for (fact, revised, asked) in [
        ("rain", None, [1, 1, 1]),
        ("rain", None, [0, 0, 1]),
        ("sun", None, [0, 1, 1]),
        ("sun", Some(0), [1, 0, 1]),
        ("sun", Some(1), [0, 1, 1]),
        ("sun", None, [0, 0, 1]),
    ] {
        if let Some(revised) = revised {
            classes[revised].revision.fetch_add(1, Ordering::Relaxed);
        }
        let text = whole(builder, &context(fact)).await;
        law!(
            sections(&text) == ["process", "session", "turn"],
            "what holds longer comes first",
            "{text}"
        );
        for (expected, asked) in expected.iter_mut().zip(asked) {
            *expected += asked;
        }
        let asked = [&classes[0], &classes[1], &classes[2]]
            .map(|speaker| speaker.asked.load(Ordering::Relaxed));
        law!(
            asked == expected,
            "what is stable is asked for again only where its revision or its context has changed",
            "{asked:?} instead of {expected:?}"
        );
    }
}

async fn check_faults<B: PromptBuilder>(builder: &B) {
    let names = ["suite-first", "suite-middle", "suite-last"];
    let added = [(names[0], 90), (names[1], 60), (names[2], 30)]
        .map(|(name, priority)| Section::add(builder, name, priority));
    let text = whole(builder, &PromptContext::new()).await;
    for fault in [Act::Fails, Act::Panics, Act::Hangs] {
        for broken in 0..added.len() {
            added[broken].puppet.becomes(fault);
            let built = build(builder, &PromptContext::new()).await;
            let mut others = names.to_vec();
            others.remove(broken);
            law!(
                sections(&built.text) == others,
                "a contributor that does not work is left out, and the others are unaffected",
                "{fault:?}: {built:?}"
            );
            law!(
                built.omissions.len() == 1
                    && built.omissions[0].contributor == names[broken]
                    && !built.omissions[0].reason.is_empty(),
                "what is left out is named, with a reason",
                "{fault:?}: {built:?}"
            );
            life::shows_problem(builder, names[broken], &format!("{fault:?}"));
            life::counts_faults(builder, names[broken], &format!("{fault:?}"));
            added[broken].puppet.becomes(Act::Works);
            let again = whole(builder, &PromptContext::new()).await;
            law!(
                again == text,
                "a contributor that works again is heard again",
                "{again}"
            );
            life::is_well(builder);
        }
    }
    for section in &added {
        section.puppet.becomes(Act::Hangs);
    }
    let built = build(builder, &PromptContext::new()).await;
    law!(
        built.omissions.len() == added.len() && sections(&built.text).is_empty(),
        "a prompt can always be built",
        "{built:?}"
    );
    law!(
        added.iter().all(|section| section.puppet.running() == 0),
        "a contributor that takes too long is dropped"
    );
}

async fn check_requests<B: PromptBuilder>(builder: &B) {
    let section = Section::add(builder, "suite-echo", 50);
    let contexts: Vec<PromptContext> = (0..SIDE_BY_SIDE)
        .map(|n| PromptContext::from_iter([("suite_fact", format!("fact {n}"))]))
        .collect();
    let builds = contexts.iter().map(|context| whole(builder, context));
    for (context, text) in contexts.iter().zip(join_all(builds).await) {
        let fact = context.get_str("suite_fact").unwrap_or_default();
        law!(
            text.matches("fact ").count() == 1 && text.contains(fact),
            "requests side by side are independent",
            "{fact}: {text}"
        );
    }
    let first = whole(builder, &contexts[0]).await;
    drop_at_polls(
        async || whole(builder, &contexts[1]).await,
        async |polls| {
            law!(
                section.puppet.running() == 0,
                "dropping a call drops the calls of the contributors",
                "after {polls} polls"
            );
            let next = whole(builder, &contexts[0]).await;
            law!(
                next == first,
                "a dropped call leaves nothing behind",
                "after {polls} polls: {next}"
            );
            life::is_well(builder);
        },
    )
    .await;
}

async fn check_life<B: PromptBuilder>(builder: &B) {
    life::begins(builder).await;
    guarded(|| builder.add_contributor(Arc::new(Nameless)));
    Section::add(builder, "suite-named", 50);
    let built = build(builder, &PromptContext::new()).await;
    law!(
        sections(&built.text) == ["suite-named"],
        "a contributor that does not work is left out, and the others are unaffected",
        "it has no name: {built:?}"
    );
    life::ends(builder).await;
    guarded(|| builder.templates());
    build(builder, &PromptContext::new()).await;
}

/// The names of the suite's sections in a prompt, as they stand.
fn sections(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("suite section ")?.split(' ').next())
        .collect()
}

/// Says its name and what it is told.
#[derive(Debug)]
struct Section {
    name: &'static str,
    priority: i32,
    puppet: Puppet<Act>,
}

impl Section {
    fn add<B: PromptBuilder>(builder: &B, name: &'static str, priority: i32) -> Arc<Self> {
        let section = Arc::new(Self {
            name,
            priority,
            puppet: Puppet::new(Act::Works),
        });
        guarded(|| builder.add_contributor(section.clone()));
        section
    }
}

#[async_trait]
impl PromptContributor for Section {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        match perform(&self.puppet).await {
            Act::Fails => Err(PromptError::new("it is broken")),
            Act::Silent => Ok(" \n".into()),
            _ => {
                let fact = cx.get_str("suite_fact").unwrap_or_default();
                Ok(format!("\n\nsuite section {} {fact}\n\n", self.name).into())
            }
        }
    }
}

/// Says what it is told to say, and counts how often.
#[derive(Debug)]
struct Speaker {
    name: &'static str,
    contribution: Lock<Contribution>,
    revision: AtomicU64,
    asked: AtomicU64,
}

impl Speaker {
    fn add<B: PromptBuilder>(
        builder: &B,
        name: &'static str,
        contribution: Contribution,
    ) -> Arc<Self> {
        let speaker = Arc::new(Self {
            name,
            contribution: Lock::new(contribution),
            revision: AtomicU64::default(),
            asked: AtomicU64::default(),
        });
        guarded(|| builder.add_contributor(speaker.clone()));
        speaker
    }

    fn says(&self, contribution: Contribution) {
        self.revision.fetch_add(1, Ordering::Relaxed);
        *self.contribution.lock() = contribution;
    }
}

#[async_trait]
impl PromptContributor for Speaker {
    fn name(&self) -> &str {
        self.name
    }

    fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.contribution.lock().clone())
    }
}

#[derive(Debug)]
struct Nameless;

#[async_trait]
impl PromptContributor for Nameless {
    fn name(&self) -> &str {
        panic!("a contributor of the suite has no name")
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        Ok(Contribution::nothing())
    }
}
