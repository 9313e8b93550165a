//! Plans of runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use victor_provider_protocol::NanoDollars;

use crate::{Dataset, Evaluator, RunLog, Subject};

/// A run to be made.
#[non_exhaustive]
pub struct EvaluationPlan {
    /// The name of the run, such as the version of the agent.
    pub name: String,
    /// The cases.
    pub dataset: Arc<Dataset>,
    /// The agent.
    pub subject: Arc<dyn Subject>,
    /// The evaluators.
    pub evaluators: Vec<Arc<dyn Evaluator>>,
    /// The options.
    pub options: RunOptions,
    /// The log that keeps each trial as soon as it has ended. Trials that it holds are not run again.
    pub log: Option<Arc<dyn RunLog>>,
}

victor_core::options! {
    /// The options of a run.
    #[derive(PartialEq)]
    pub struct RunOptions {
        /// Number of trials of each case. Defaults to 1.
        pub repeats, with_repeats: u32 = 1;
        /// Number of trials at once. Defaults to 8.
        pub concurrency, with_concurrency: usize = 8;
        /// Number of further attempts after an error that may pass; they are counted. Defaults to 1.
        pub retries, with_retries: u32 = 1;
        /// Time limit of a trial, all its turns together. Defaults to 10 minutes.
        pub case_timeout, with_case_timeout: Duration = Duration::from_secs(600);
        /// Time limit of one evaluator for one trial. Defaults to 2 minutes.
        pub evaluator_timeout, with_evaluator_timeout: Duration = Duration::from_secs(120);
        /// Time limit of the run: trials that have not begun by then are not made. Defaults to none.
        pub deadline, with_deadline: Option<Duration> = None;
        /// Most tokens of one trial. It ends with the turn in which they are reached. Defaults to no limit.
        pub case_tokens, with_case_tokens: Option<u64> = None;
        /// Most money for one trial. It ends with the turn in which it is reached. Defaults to no limit.
        pub case_cost, with_case_cost: Option<NanoDollars> = None;
        /// Most tokens of the run, judges included: when they are reached, no further trial begins. Defaults to no
        /// limit.
        pub run_tokens, with_run_tokens: Option<u64> = None;
        /// Most money for the run, judges included: when it is reached, no further trial begins. Defaults to no limit.
        pub run_cost, with_run_cost: Option<NanoDollars> = None;
    }
}

impl EvaluationPlan {
    /// A plan with default options and no evaluator.
    pub fn new(name: impl Into<String>, dataset: Dataset, subject: impl Subject + 'static) -> Self {
        Self {
            name: name.into(),
            dataset: Arc::new(dataset),
            subject: Arc::new(subject),
            evaluators: Vec::new(),
            options: RunOptions::default(),
            log: None,
        }
    }

    /// Adds an evaluator.
    #[must_use]
    pub fn evaluator(mut self, evaluator: impl Evaluator) -> Self {
        self.evaluators.push(Arc::new(evaluator));
        self
    }

    /// Sets the [options](Self::options).
    #[must_use]
    pub fn options(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the [log](Self::log).
    #[must_use]
    pub fn log(mut self, log: impl RunLog) -> Self {
        self.log = Some(Arc::new(log));
        self
    }
}

impl fmt::Debug for EvaluationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvaluationPlan")
            .field("name", &self.name)
            .field("dataset", &self.dataset.name())
            .field("evaluators", &self.evaluators)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
