//! The strategy `budget_aware`.

use std::sync::Arc;

use async_trait::async_trait;
use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_core::Context;

use crate::Hybrid;

/// Keeps requests below a number of tokens, however large the model's window is: the strategy `budget_aware`.
///
/// Windows have become so large that a request which just fits may cost more than the answer is worth, and models find
/// less in long requests. What is left out is another strategy's choice.
///
/// ```
/// use std::sync::Arc;
/// use victor_context::{BudgetAware, Truncation};
///
/// let strategy = BudgetAware::new(16_000, Arc::new(Truncation));
/// ```
#[derive(Debug, Clone)]
pub struct BudgetAware {
    max_request_tokens: u64,
    strategy: Arc<dyn CompactionStrategy>,
}

impl BudgetAware {
    /// The strategy's name.
    pub const NAME: &str = "budget_aware";

    /// Keeps requests below `max_request_tokens`: system prompt, tools, messages and answer together. `strategy`
    /// chooses what is left out.
    #[must_use]
    pub fn new(max_request_tokens: u64, strategy: Arc<dyn CompactionStrategy>) -> Self {
        Self {
            max_request_tokens,
            strategy,
        }
    }
}

impl Default for BudgetAware {
    /// At most 32,000 tokens; [`Hybrid`] chooses what is left out.
    fn default() -> Self {
        Self::new(32_000, Arc::new(Hybrid::default()))
    }
}

#[async_trait]
impl CompactionStrategy for BudgetAware {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn max_request_tokens(&self) -> Option<u64> {
        let theirs = self.strategy.max_request_tokens();
        Some(theirs.map_or(self.max_request_tokens, |tokens| {
            tokens.min(self.max_request_tokens)
        }))
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let target = budget.target_tokens.min(self.max_request_tokens);
        let budget = CompactionBudget::new(target, budget.counter.clone());
        self.strategy.compact(context, &budget).await
    }
}
