//! Contracts of evaluation: cases, trials of an agent, evaluators and the runner.
//!
//! - A [`Dataset`] holds [`EvalCase`]s: the messages to send, and the [`Expectation`].
//! - A [`Subject`] opens an agent for each attempt at a case, so that attempts share nothing.
//! - A [`Trial`] is what came of one attempt. Its [`TrialState`] tells an answer from a refusal, an error, a time-out
//!   and a budget that was reached: none of these is a score of zero.
//! - An [`Evaluator`] judges a trial. Its [`Judgement`] is a [`Score`], or says why there is none.
//! - [`EvaluationRunner`] is the role of the coordinator that runs an [`EvaluationPlan`] to an [`EvaluationRun`].
//! - A [`RunLog`] keeps every trial as soon as it ended, so that a run goes on where it stopped and pays for nothing
//!   twice.
//!
//! ```
//! use victor_evaluation_protocol::{Dataset, EvalCase};
//!
//! let capital = EvalCase::new("capital", "What is the capital of France?").expect_text("Paris");
//! let dataset = Dataset::new("geography", vec![capital])?;
//! assert_eq!(dataset.cases()[0].expected.text, ["Paris"]);
//! # Ok::<(), victor_evaluation_protocol::InvalidDataset>(())
//! ```

mod case;
mod dataset;
mod evaluator;
mod log;
mod plan;
mod run;
mod runner;
mod subject;
mod trial;

pub use case::{CaseTurn, EvalCase, Expectation, ExpectedCall};
pub use dataset::{Dataset, InvalidDataset};
#[cfg(feature = "mock")]
pub use evaluator::MockEvaluator;
pub use evaluator::{Evaluator, EvaluatorError, Judgement, Score};
#[cfg(feature = "mock")]
pub use log::MockRunLog;
pub use log::{RunLog, RunLogError};
pub use plan::{EvaluationPlan, RunOptions};
pub use run::{EvaluationRun, RunEnd, TrialRecord};
#[cfg(feature = "mock")]
pub use runner::MockEvaluationRunner;
pub use runner::{EvaluationError, EvaluationRunner};
pub use subject::{Environment, Observation, OpenedAgent, Subject};
pub use trial::{ObservedCall, Trial, TrialState, TrialTurn};
