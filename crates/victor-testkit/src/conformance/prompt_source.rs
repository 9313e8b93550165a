//! The laws of sources of prompts.

use async_trait::async_trait;
use futures_util::future::join_all;
use victor_prompt_protocol::{
    LATEST, PRODUCTION, PromptError, PromptReference, PromptSource, StoredPrompt,
};

use super::{NAMES, SIDE_BY_SIDE, calm, drop_at_polls, guarded, succeed};

/// A place that a source reads from, and how prompts come there.
#[async_trait]
pub trait PromptShelf: Send + Sync {
    /// Returns the source.
    fn source(&self) -> &dyn PromptSource;

    /// Adds a version of a prompt, newer than all others of it, and returns the version's name.
    async fn publish(&self, name: &str, text: &str) -> String;

    /// Has a label of a prompt point to a version.
    async fn label(&self, name: &str, label: &str, version: &str);
}

/// Checks a source that is empty, with prompts that the suite puts there.
///
/// The laws: a prompt, version or label that there is not is no error; without version and label it is the version
/// labelled `production`, or else the newest; `latest` is the newest; a label that is moved leads to its new version at
/// once; a version never changes and stays; a prompt tells its name, its version and the label that led there; texts
/// come back as they are; the names are listed once each, sorted; calls side by side are independent, and a dropped
/// call leaves nothing behind.
///
/// # Panics
///
/// A law is broken, or the shelf fails.
pub async fn prompt_source<S: PromptShelf + ?Sized>(shelf: &S) {
    let source = shelf.source();
    let name = guarded(|| source.name().to_owned());
    law!(!name.is_empty(), "a source has a name");
    check_absent(source).await;
    check_versions(shelf).await;
    check_labels(shelf).await;
    check_texts(shelf).await;
    check_list(source).await;
    check_calls(source).await;
    law!(source.name() == name, "the name is always the same");
}

async fn ask<S: PromptSource + ?Sized>(
    source: &S,
    reference: &str,
) -> Result<Option<StoredPrompt>, PromptError> {
    match reference.parse() {
        Ok(reference) => calm(source.get_prompt(&reference)).await,
        Err(error) => panic!("the suite asks for `{reference}`: {error}"),
    }
}

/// Gets a prompt that there is.
async fn get<S: PromptSource + ?Sized>(source: &S, reference: &str) -> StoredPrompt {
    let prompt = succeed(ask(source, reference).await);
    let Some(prompt) = prompt else {
        panic!("law broken: what was published is found: `{reference}` is not there")
    };
    prompt
}

async fn check_absent<S: PromptSource + ?Sized>(source: &S) {
    for reference in ["suite-absent", "suite-absent:latest", "suite-absent@1"] {
        let found = succeed(ask(source, reference).await);
        law!(
            found.is_none(),
            "what there is not is not found, and is no error",
            "{reference}: {found:?}"
        );
    }
    for name in NAMES {
        let found = calm(source.get_prompt(&PromptReference::new(name))).await;
        law!(
            !matches!(found, Ok(Some(_))),
            "what there is not is not found, and is no error",
            "{name:?}: {found:?}"
        );
    }
    let listed = succeed(calm(source.list_prompts()).await);
    law!(
        listed.is_empty(),
        "only what was published is listed",
        "{listed:?}"
    );
}

async fn check_versions<S: PromptShelf + ?Sized>(shelf: &S) {
    let source = shelf.source();
    let mut published = Vec::new();
    // More than nine, so that versions that are numbers do not stand in order of their letters.
    for number in 1..=11 {
        let text = format!("suite text {number}");
        published.push((shelf.publish("suite-review", &text).await, text));
        for reference in ["suite-review", "suite-review:latest"] {
            let newest = get(source, reference).await;
            law!(
                Some((&*newest.version.version, &*newest.text))
                    == published
                        .last()
                        .map(|(version, text)| (&**version, &**text)),
                "the newest version is used where none has the label `production`",
                "{reference}: {newest:?}"
            );
        }
    }
    for (version, text) in &published {
        let found = get(source, &format!("suite-review@{version}")).await;
        law!(
            found.text.as_ref() == text,
            "a version never changes",
            "{found:?}"
        );
        law!(
            *found.version.name == *"suite-review" && *found.version.version == **version,
            "a prompt tells its name and its version",
            "{found:?}"
        );
    }
    for reference in ["suite-review@suite-absent", "suite-review:suite-absent"] {
        let found = succeed(ask(source, reference).await);
        law!(
            found.is_none(),
            "what there is not is not found, and is no error",
            "{reference}: {found:?}"
        );
    }
}

async fn check_labels<S: PromptShelf + ?Sized>(shelf: &S) {
    let source = shelf.source();
    let one = shelf.publish("suite-labelled", "one").await;
    let two = shelf.publish("suite-labelled", "two").await;
    for (label, version, text) in [
        (PRODUCTION, &one, "one"),
        ("suite-staging", &two, "two"),
        (PRODUCTION, &two, "two"),
        ("suite-staging", &one, "one"),
        (PRODUCTION, &one, "one"),
    ] {
        shelf.label("suite-labelled", label, version).await;
        let found = get(source, &format!("suite-labelled:{label}")).await;
        law!(
            *found.text == *text && *found.version.version == **version,
            "a label leads to the version that it points to, at once",
            "{label}: {found:?}"
        );
        law!(
            found.version.label.as_deref() == Some(label),
            "a prompt tells the label that led to it",
            "{label}: {found:?}"
        );
    }
    let three = shelf.publish("suite-labelled", "three").await;
    let found = get(source, "suite-labelled").await;
    law!(
        *found.text == *"one",
        "the version with the label `production` is used where none is asked for",
        "{found:?}"
    );
    let latest = get(source, &format!("suite-labelled:{LATEST}")).await;
    law!(
        *latest.text == *"three" && *latest.version.version == *three,
        "`latest` is the newest version",
        "{latest:?}"
    );
    let other = succeed(ask(source, "suite-review:suite-staging").await);
    law!(other.is_none(), "labels belong to one prompt", "{other:?}");
}

async fn check_texts<S: PromptShelf + ?Sized>(shelf: &S) {
    let long = "All work and no play. ".repeat(5_000);
    for text in [
        "",
        " \n",
        "日本語 👩‍👩‍👧‍👦 \"quoted\" \\ {{ x }} '; drop table prompts; --",
        &long,
    ] {
        let version = shelf.publish("suite-texts", text).await;
        let found = get(shelf.source(), &format!("suite-texts@{version}")).await;
        law!(
            *found.text == *text,
            "a text comes back as it is",
            "{found:?}"
        );
    }
}

async fn check_list<S: PromptSource + ?Sized>(source: &S) {
    let listed = succeed(calm(source.list_prompts()).await);
    law!(
        listed == ["suite-labelled", "suite-review", "suite-texts"],
        "the names are listed once each, sorted",
        "{listed:?}"
    );
}

async fn check_calls<S: PromptSource + ?Sized>(source: &S) {
    let asked = ["suite-review", "suite-labelled:suite-staging"];
    let expected = [get(source, asked[0]).await, get(source, asked[1]).await];
    let calls = (0..SIDE_BY_SIDE).map(|number| get(source, asked[number % 2]));
    for (number, found) in join_all(calls).await.into_iter().enumerate() {
        law!(
            found == expected[number % 2],
            "calls side by side are independent",
            "{found:?}"
        );
    }
    drop_at_polls(
        async || get(source, asked[0]).await,
        async |polls| {
            let found = get(source, asked[0]).await;
            law!(
                found == expected[0],
                "a dropped call leaves nothing behind",
                "after {polls} polls: {found:?}"
            );
        },
    )
    .await;
}
