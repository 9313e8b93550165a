//! The strategy `recent`.

use async_trait::async_trait;
use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_core::Context;

use crate::groups::{groups, keep};

/// Keeps the last messages, whatever their size: the strategy `recent`.
///
/// A tool call is never separated from its result, and what is protected stays beside them, so that there may be a
/// few more: see [`Group::protected`](crate::Group::protected). It takes no heed of the budget; a coordinator goes on
/// with [`Truncation`](crate::Truncation) where the result is still too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "RecentMessagesCompactionStrategy")]
pub struct RecentMessages {
    /// The number of messages that are kept. Defaults to 20.
    pub keep_last: usize,
}

impl RecentMessages {
    /// The strategy's name.
    pub const NAME: &str = "recent";

    /// Keeps the last `keep_last` messages.
    #[must_use]
    pub fn new(keep_last: usize) -> Self {
        Self { keep_last }
    }
}

impl Default for RecentMessages {
    fn default() -> Self {
        Self::new(20)
    }
}

#[async_trait]
impl CompactionStrategy for RecentMessages {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let history = context.messages();
        let old = history.len().saturating_sub(self.keep_last);
        if old == 0 {
            return Ok(context.clone());
        }
        Ok(
            context.with_messages(keep(history, &groups(history), |_, group| {
                group.range.end > old
            })),
        )
    }
}
