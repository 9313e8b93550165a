//! The extension point for compaction.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{BoxError, Context};

use crate::TokenCounter;

/// Makes a context smaller.
///
/// Implemented by whoever knows what can be left out; called by the [`ContextManager`](crate::ContextManager) when a
/// context has grown beyond its threshold, from many tasks at once for different sessions.
///
/// A strategy may leave messages out and put others in their place. What it returns is checked: where it breaks a
/// rule (a tool call without its result, a pinned message or the user's last request gone, larger than before), the
/// manager mends it or falls back to truncation, and says so in its health. The messages that it leaves out are not
/// lost: the session's transcript has them.
///
/// The same context and budget have the same result, apart from the identifiers of messages that the strategy makes
/// itself, and a result that is within the target is returned as it is when it is compacted again for that target. So
/// a prompt cache stays valid, and a call that was dropped can be repeated. A strategy that asks a model is as steady
/// as that model.
///
/// # Cancel safety
///
/// A call may be dropped at any await point; the context is then as it was.
#[cfg_attr(not(feature = "mock"), doc(alias = "BaseCompactionStrategy"))]
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait CompactionStrategy: fmt::Debug + Send + Sync + 'static {
    /// The strategy's name, by which settings choose it.
    fn name(&self) -> &str;

    /// The most tokens that a request may have where this strategy is chosen, all of it together: system prompt, tools,
    /// messages and answer. The manager takes it for the window if the model's is larger. None by default: only the
    /// model's window counts.
    fn max_request_tokens(&self) -> Option<u64> {
        None
    }

    /// Returns a smaller context: at most `budget.target_tokens`, if it can.
    ///
    /// # Errors
    ///
    /// It cannot work now. The manager falls back to truncation.
    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: CompactionStrategy + ?Sized> CompactionStrategy for Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn max_request_tokens(&self) -> Option<u64>;
        async fn compact<'a, 'b>(
            &self,
            context: &'a Context,
            budget: &'b CompactionBudget,
        ) -> Result<Context, CompactionError>;
    }
}

/// The size that a context should be reduced to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompactionBudget {
    /// The maximum number of tokens that it should have.
    pub target_tokens: u64,
    /// The counter of tokens.
    pub counter: Arc<dyn TokenCounter>,
}

impl CompactionBudget {
    /// At most `target_tokens`, by the count of `counter`.
    pub fn new(target_tokens: u64, counter: Arc<dyn TokenCounter>) -> Self {
        Self {
            target_tokens,
            counter,
        }
    }
}

/// The reason why a strategy cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct CompactionError {
    /// The reason.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<BoxError>,
}

impl CompactionError {
    /// Creates an error with a reason and no cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }
}
