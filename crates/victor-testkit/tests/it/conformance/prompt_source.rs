use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use victor_prompt_protocol::{
    LATEST, PRODUCTION, PromptError, PromptReference, PromptSelector, PromptSource, PromptVersion,
    StoredPrompt,
};
use victor_testkit::conformance::{self, PromptShelf};

use super::{Bug, breaks};

#[derive(Debug, Default)]
struct Prompt {
    texts: Vec<String>,
    labels: BTreeMap<String, String>,
}

/// Keeps prompts in memory; a version is its number.
#[derive(Debug)]
struct Shelf {
    bug: Bug,
    prompts: Mutex<BTreeMap<String, Prompt>>,
}

impl Shelf {
    fn new(bug: &'static str) -> Self {
        Self {
            bug: Bug::new(bug),
            prompts: Mutex::default(),
        }
    }

    fn find(&self, reference: &PromptReference) -> Option<StoredPrompt> {
        let is = |bug| self.bug.is(bug);
        let prompts = self.prompts.lock().unwrap();
        let prompt = prompts.get(reference.name())?;
        let newest = match is("latest is the oldest") {
            true => "1".to_owned(),
            false if is("letters") => {
                let numbers = (1..=prompt.texts.len()).map(|number| number.to_string());
                numbers.max()?
            }
            false => prompt.texts.len().to_string(),
        };
        let labelled = |label: &str| match label {
            LATEST => Some(newest.clone()),
            label if is("labels are common") => prompts
                .values()
                .find_map(|prompt| prompt.labels.get(label))
                .cloned(),
            label => prompt.labels.get(label).cloned(),
        };
        let (version, label) = match reference.selector() {
            PromptSelector::Version(version) => (version.to_string(), None),
            PromptSelector::Label(label) => (labelled(label)?, Some(label.clone())),
            _ if is("knows no production") => (newest, None),
            _ => match labelled(PRODUCTION) {
                Some(version) => (version, Some(PRODUCTION.into())),
                None => (newest, None),
            },
        };
        let number: usize = version.parse().ok()?;
        let text = prompt.texts.get(number.checked_sub(1)?)?;
        let text = match is("trims") {
            true => text.trim(),
            false => text,
        };
        let version = match is("hides versions") {
            true => "?".to_owned(),
            false => version,
        };
        let mut version = PromptVersion::new(reference.name(), version);
        if !is("hides labels") {
            version.label = label;
        }
        Some(StoredPrompt::new(version, text))
    }
}

#[async_trait]
impl PromptSource for Shelf {
    fn name(&self) -> &str {
        if self.bug.is("nameless") {
            ""
        } else {
            self.bug.changes("fickle name", ["shelf", "drawer"])
        }
    }

    async fn get_prompt(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        let wrong = self.bug.shows().await;
        let found = match wrong {
            true => Some(StoredPrompt::new(PromptVersion::new("x", "1"), "wrong")),
            false => self.find(reference),
        };
        match found {
            None if self.bug.is("absence is an error") => Err(PromptError::new("not there")),
            None if self.bug.is("invents") => Ok(Some(StoredPrompt::new(
                PromptVersion::new(reference.name(), "1"),
                "",
            ))),
            found => Ok(found),
        }
    }

    async fn list_prompts(&self) -> Result<Vec<String>, PromptError> {
        let mut names: Vec<_> = self.prompts.lock().unwrap().keys().cloned().collect();
        if self.bug.is("lists backwards") {
            names.reverse();
        }
        if self.bug.is("lists more") {
            names.push("more".to_owned());
        }
        Ok(names)
    }
}

#[async_trait]
impl PromptShelf for Shelf {
    fn source(&self) -> &dyn PromptSource {
        self
    }

    async fn publish(&self, name: &str, text: &str) -> String {
        let mut prompts = self.prompts.lock().unwrap();
        let prompt = prompts.entry(name.to_owned()).or_default();
        if self.bug.is("overwrites") && !prompt.texts.is_empty() {
            prompt.texts[0] = text.to_owned();
        }
        prompt.texts.push(text.to_owned());
        prompt.texts.len().to_string()
    }

    async fn label(&self, name: &str, label: &str, version: &str) {
        let mut prompts = self.prompts.lock().unwrap();
        let prompt = prompts.get_mut(name).unwrap();
        if self.bug.is("labels stick") {
            prompt
                .labels
                .entry(label.to_owned())
                .or_insert(version.to_owned());
        } else {
            prompt.labels.insert(label.to_owned(), version.to_owned());
        }
    }
}

#[tokio::test]
async fn a_right_source_passes() {
    conformance::prompt_source(&Shelf::new("none")).await;
    // Behind a pointer, too.
    let shared: Arc<dyn PromptSource> = Arc::new(Shelf::new("none"));
    assert_eq!(shared.name(), "shelf");
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a source has a name"),
        ("fickle name", "the name is always the same"),
        ("panics", "no call panics"),
        ("absence is an error", "a valid call succeeds"),
        ("invents", "what there is not is not found, and is no error"),
        ("lists more", "only what was published is listed"),
        ("lists backwards", "the names are listed once each, sorted"),
        (
            "latest is the oldest",
            "the newest version is used where none has the label `production`",
        ),
        (
            "letters",
            "the newest version is used where none has the label `production`",
        ),
        ("overwrites", "a version never changes"),
        (
            "hides versions",
            "the newest version is used where none has the label `production`",
        ),
        (
            "labels stick",
            "a label leads to the version that it points to, at once",
        ),
        ("hides labels", "a prompt tells the label that led to it"),
        (
            "knows no production",
            "the version with the label `production` is used where none is asked for",
        ),
        ("labels are common", "labels belong to one prompt"),
        ("trims", "a text comes back as it is"),
        ("side by side", "calls side by side are independent"),
        ("after a drop", "a dropped call leaves nothing behind"),
    ] {
        breaks(law, conformance::prompt_source(&Shelf::new(bug))).await;
    }
}
