//! Cost and time of trials.

use std::time::Duration;

use async_trait::async_trait;
use victor_evaluation_protocol::{EvalCase, Evaluator, EvaluatorError, Judgement, Score, Trial};
use victor_provider_protocol::NanoDollars;

/// Whether a trial cost at most so much. A cost that is not known is no judgement.
#[derive(Debug, Clone, Copy)]
pub struct CostWithin {
    most: NanoDollars,
}

impl CostWithin {
    /// An evaluator with this limit.
    #[must_use]
    pub fn new(most: NanoDollars) -> Self {
        Self { most }
    }
}

#[async_trait]
impl Evaluator for CostWithin {
    fn name(&self) -> &str {
        "cost"
    }

    async fn evaluate(&self, _: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        Ok(match trial.cost {
            None => Judgement::invalid("the cost is not known"),
            Some(cost) if cost <= self.most => Judgement::passed(true),
            Some(cost) => Score::new(0.0, false)
                .with_reason(format!("it cost {cost}"))
                .into(),
        })
    }
}

/// Whether a trial took at most so long.
#[derive(Debug, Clone, Copy)]
pub struct LatencyWithin {
    most: Duration,
}

impl LatencyWithin {
    /// An evaluator with this limit.
    #[must_use]
    pub fn new(most: Duration) -> Self {
        Self { most }
    }
}

#[async_trait]
impl Evaluator for LatencyWithin {
    fn name(&self) -> &str {
        "latency"
    }

    async fn evaluate(&self, _: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        if trial.duration <= self.most {
            return Ok(Judgement::passed(true));
        }
        Ok(Score::new(0.0, false)
            .with_reason(format!("it took {:?}", trial.duration))
            .into())
    }
}
