//! The role of the evaluation coordinator.

use async_trait::async_trait;
use victor_core::Coordinator;

use crate::{EvaluationPlan, EvaluationRun, RunLogError};

/// The role of the coordinator that runs evaluations.
#[async_trait]
pub trait EvaluationRunner: Coordinator {
    /// Makes every trial of a plan, judges it, and returns them all. What goes wrong in one case, an agent or an
    /// evaluator that fails, hangs or panics, is a state of its trial; the others go on.
    ///
    /// # Errors
    ///
    /// The plan cannot be run, or its log fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the trials that run. Those that have ended are in the log, and a further run with the
    /// same log goes on behind them.
    async fn run(&self, plan: EvaluationPlan) -> Result<EvaluationRun, EvaluationError>;
}

/// A run that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The plan cannot be run.
    #[error("the plan cannot be run: {0}")]
    Plan(String),
    /// The log fails, so the run ended.
    #[error(
        "the run ended, since its trials cannot be kept: mend the log and run again to go on behind them"
    )]
    Log(#[from] RunLogError),
    /// The log is that of another run.
    #[error(
        "the log holds a trial of case `{case}`, repetition {repeat}, which the plan has not: use another log"
    )]
    ForeignLog {
        /// The case.
        case: String,
        /// The repetition.
        repeat: u32,
    },
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`EvaluationRunner`], made by mockall.
    #[derive(Debug)]
    pub EvaluationRunner {}

    #[async_trait]
    impl Coordinator for EvaluationRunner {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl EvaluationRunner for EvaluationRunner {
        async fn run(&self, plan: EvaluationPlan) -> Result<EvaluationRun, EvaluationError>;
    }
}
