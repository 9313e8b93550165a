//! The extension point for prompts.

use std::fmt;

use async_trait::async_trait;

use crate::{Contribution, PromptContext, PromptError};

/// Adds a section to the system prompt, or changes the section of another contributor.
///
/// Implemented by whoever has something to tell the model; called by the [`PromptBuilder`](crate::PromptBuilder)
/// before a turn, from many tasks at once. One that fails, panics or takes too long is left out of the prompt and
/// reported; the others are unaffected.
///
/// The prompt is the first thing a provider caches: what changes from turn to turn (times, counters) costs the cache
/// of everything behind it. [`Contribution::with_stability`] tells how long a contribution holds; the builder puts what
/// holds longest first and does not ask for it again until [`revision`](Self::revision) changes.
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

    /// Returns the place of its contribution: higher comes first, and of two alike the one that was added first.
    /// Contributions apply in this order, so one of a lower priority can replace or drop the section of one of a higher
    /// priority. Defaults to 50.
    fn priority(&self) -> i32 {
        50
    }

    /// Returns a number that is different as soon as a contribution that was called stable holds no longer, because a
    /// file or a setting has changed, for example. Read before each prompt, so it must be cheap and must not block.
    /// Defaults to 0: what was called stable holds for good.
    fn revision(&self) -> u64 {
        0
    }

    /// Returns its contribution to the prompt of this request.
    ///
    /// # Errors
    ///
    /// It has nothing to say for this reason. The prompt is built without it.
    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: PromptContributor + ?Sized> PromptContributor for std::sync::Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn priority(&self) -> i32;
        fn revision(&self) -> u64;
        async fn get_contribution<'a>(
            &self,
            cx: &'a PromptContext,
        ) -> Result<Contribution, PromptError>;
    }
}
