//! The extension point for prompts.

use std::fmt;

use async_trait::async_trait;
use victor_core::BoxError;

use crate::PromptContext;

/// Adds a section to the system prompt.
///
/// Implemented by whoever has something to tell the model; called by the [`PromptBuilder`](crate::PromptBuilder)
/// before a turn, from many tasks at once. One that fails, panics or takes too long is left out of the prompt and
/// reported; the others are unaffected.
///
/// The prompt is the first thing a provider caches: what changes from turn to turn (times, counters) costs the cache
/// of everything behind it, and belongs in a message instead.
#[cfg_attr(
    not(feature = "mock"),
    doc(alias = "IPromptContributor"),
    doc(alias = "BasePromptContributor")
)]
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PromptContributor: fmt::Debug + Send + Sync + 'static {
    /// Returns the contributor's name, as reports show it.
    fn name(&self) -> &str;

    /// Returns the place of its section: higher comes first, and of two alike the one that was added first. Defaults
    /// to 50.
    fn priority(&self) -> i32 {
        50
    }

    /// Returns its section for this request.
    ///
    /// # Errors
    ///
    /// It cannot say. The prompt is built without it.
    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: PromptContributor + ?Sized> PromptContributor for std::sync::Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn priority(&self) -> i32;
        async fn get_contribution<'a>(
            &self,
            cx: &'a PromptContext,
        ) -> Result<Contribution, PromptError>;
    }
}

/// A section of the system prompt, possibly empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contribution(String);

impl Contribution {
    /// Nothing to say.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The text, without white space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.trim()
    }
}

impl From<&str> for Contribution {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Contribution {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Why a contributor has no section.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct PromptError {
    /// Reason that it has nothing to say.
    pub message: String,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl PromptError {
    /// Returns the error of a contributor that has nothing to say, for this reason.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Adds the error beneath.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }
}
