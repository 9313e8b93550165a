//! The role of the prompt coordinator.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::Coordinator;

use crate::{PromptContext, PromptContributor, PromptVersion, Stability};

/// The section of the base prompt.
pub const BASE_SECTION: &str = "base";

/// The role of the coordinator that builds the system prompt. Called by the orchestrator, from many tasks at once.
///
/// A contributor that is left out because it fails, panics or takes too long is shown in health until it works again.
#[async_trait]
pub trait PromptBuilder: Coordinator {
    /// Builds the prompt: the base prompt, which is the section `base`, then the other sections. It cannot fail: what
    /// cannot be had is left out and named.
    ///
    /// The base prompt is the one that the context names, or the builder's own, which also stands in for one that there
    /// is not. Contributions apply in order of priority. Sections stand by stability, the most stable first, and within
    /// a class in the order in which they were first named; a section is as stable as its least stable contribution.
    /// The same answers of the contributors make the same bytes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call drops the calls of the contributors.
    async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt;

    /// Adds a contributor from now on. One whose name is taken is added under `name (2)`, `name (3)` and so on.
    fn add_contributor(&self, contributor: Arc<dyn PromptContributor>);

    /// Removes the contributor that was added under this name, from now on, and returns whether there was one.
    fn remove_contributor(&self, name: &str) -> bool;

    /// The names of the base prompts that can be asked for.
    fn templates(&self) -> Vec<String>;
}

/// A system prompt.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct BuiltPrompt {
    /// The text. Equal prompts of one builder share it.
    pub text: Arc<str>,
    /// The sections as they stand in the text. Empty where a builder does not tell.
    pub sections: Arc<[PromptSection]>,
    /// Contributions that were left out.
    pub omissions: Vec<Omission>,
}

impl BuiltPrompt {
    /// A prompt of this text, from which `omissions` were left out.
    pub fn new(text: impl Into<Arc<str>>, omissions: Vec<Omission>) -> Self {
        Self {
            text: text.into(),
            sections: Arc::default(),
            omissions,
        }
    }

    /// Sets the sections of the text.
    #[must_use]
    pub fn with_sections(mut self, sections: impl Into<Arc<[PromptSection]>>) -> Self {
        self.sections = sections.into();
        self
    }

    /// Returns the sections with their texts, in order.
    pub fn section_texts(&self) -> impl Iterator<Item = (&PromptSection, &str)> {
        (self.sections.iter()).map(|section| {
            let text = self.text.get(section.range.clone());
            (section, text.unwrap_or_default())
        })
    }
}

/// A section of a built prompt.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PromptSection {
    /// The name.
    pub name: Arc<str>,
    /// The class of its least stable contribution.
    pub stability: Stability,
    /// Place of its text in the text of the prompt, in bytes.
    pub range: Range<usize>,
    /// The contributors whose text stands in it, in order. Empty for the base prompt.
    pub contributors: Vec<Arc<str>>,
    /// The versions of the prompts that were used in it.
    pub versions: Vec<PromptVersion>,
}

impl PromptSection {
    /// Returns a section at this place, of which nobody has told where it comes from.
    pub fn new(name: impl Into<Arc<str>>, stability: Stability, range: Range<usize>) -> Self {
        Self {
            name: name.into(),
            stability,
            range,
            contributors: Vec::new(),
            versions: Vec::new(),
        }
    }
}

/// A contribution that was left out of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omission {
    /// The contributor.
    pub contributor: String,
    /// Reason that there is nothing of it.
    pub reason: String,
}

impl Omission {
    /// Nothing of `contributor`, for this reason.
    pub fn new(contributor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            contributor: contributor.into(),
            reason: reason.into(),
        }
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`PromptBuilder`], made by mockall.
    #[derive(Debug)]
    pub PromptBuilder {}

    #[async_trait]
    impl Coordinator for PromptBuilder {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl PromptBuilder for PromptBuilder {
        async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt;
        fn add_contributor(&self, contributor: Arc<dyn PromptContributor>);
        fn remove_contributor(&self, name: &str) -> bool;
        fn templates(&self) -> Vec<String>;
    }
}
