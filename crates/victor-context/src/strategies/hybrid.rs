//! The strategy `hybrid`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;
use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, TokenCounterExt,
};
use victor_core::{Context, with_causes};
use victor_guard::call;

use crate::{TaskAware, ToolResults, repair};

/// Several strategies one after the other, until the context is small enough: the strategy `hybrid`.
///
/// What costs nothing comes first and a model last. By default [`ToolResults`] shortens what is long and
/// [`TaskAware`] leaves out what is still too much; with a model, [`Summarization`](crate::Summarization) stands
/// between the two:
///
/// ```
/// use std::sync::Arc;
/// use victor_context::{Hybrid, TaskAware, ToolResults};
/// use victor_context::protocol::CompactionStrategy;
///
/// fn with(summarization: Arc<dyn CompactionStrategy>) -> Hybrid {
///     let first: Arc<dyn CompactionStrategy> = Arc::new(ToolResults::default());
///     Hybrid::new([first, summarization, Arc::new(TaskAware)])
/// }
/// ```
///
/// A stage that fails, panics, takes too long or makes the context larger is passed over, with a warning in the log;
/// if all did, the strategy fails.
#[derive(Debug, Clone)]
pub struct Hybrid {
    stages: Vec<Arc<dyn CompactionStrategy>>,
    stage_limit: Duration,
}

impl Hybrid {
    /// The strategy's name.
    pub const NAME: &str = "hybrid";

    /// These strategies, in this order. Each may take 20 seconds; see [`stage_limit`](Self::stage_limit).
    pub fn new(stages: impl IntoIterator<Item = Arc<dyn CompactionStrategy>>) -> Self {
        Self {
            stages: stages.into_iter().collect(),
            stage_limit: Duration::from_secs(20),
        }
    }

    /// Sets the time limit of each stage. It should be shorter than the coordinator's limit for the whole, so that the
    /// stages after a slow one have their turn. Without a tokio runtime with timers, there is no limit.
    #[must_use]
    pub fn stage_limit(mut self, limit: Duration) -> Self {
        self.stage_limit = limit;
        self
    }

    async fn run_stage(
        &self,
        stage: &dyn CompactionStrategy,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, String> {
        let result = call(self.stage_limit, || stage.compact(context, budget))
            .await
            .map_err(|fault| fault.to_string())?
            .map_err(|error| with_causes(&error))?;
        let result = repair(&result);
        let counter = &budget.counter;
        let (before, after) = (
            counter.tokens_of(context.messages()),
            counter.tokens_of(result.messages()),
        );
        if after > before {
            return Err(format!("it made {after} tokens of {before}"));
        }
        Ok(result)
    }
}

impl Default for Hybrid {
    fn default() -> Self {
        Self::new([
            Arc::new(ToolResults::default()) as Arc<dyn CompactionStrategy>,
            Arc::new(TaskAware),
        ])
    }
}

#[async_trait]
impl CompactionStrategy for Hybrid {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn max_request_tokens(&self) -> Option<u64> {
        let wishes = self.stages.iter();
        wishes
            .filter_map(CompactionStrategy::max_request_tokens)
            .min()
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let mut context = context.clone();
        let mut problems = Vec::new();
        for stage in &self.stages {
            if budget.counter.tokens_of(context.messages()) <= budget.target_tokens {
                return Ok(context);
            }
            match self.run_stage(&**stage, &context, budget).await {
                Ok(smaller) => context = smaller,
                Err(why) => {
                    warn!(stage = stage.name(), %why, "a stage of a compaction failed: the next takes its turn");
                    problems.push(format!("`{}`: {why}", stage.name()));
                }
            }
        }
        if !problems.is_empty() && problems.len() == self.stages.len() {
            return Err(CompactionError::new(problems.join("; ")));
        }
        Ok(context)
    }
}
