//! Evaluators and their judgements.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::{BoxError, JsonMap, Usage};
use victor_provider_protocol::NanoDollars;

use crate::{EvalCase, Trial, TrialState};

/// Judges trials.
///
/// Implemented by whoever knows what a good answer is; called by the runner from many tasks at once, within a time
/// limit and with panics contained.
#[async_trait]
pub trait Evaluator: fmt::Debug + Send + Sync + 'static {
    /// The name, under which scores are reported. Unique in a plan.
    fn name(&self) -> &str;

    /// Whether a trial in this state is judged. Defaults to [`Completed`](TrialState::Completed) alone.
    fn judges(&self, state: &TrialState) -> bool {
        *state == TrialState::Completed
    }

    /// Judges a trial.
    ///
    /// # Errors
    ///
    /// The evaluator failed. The trial stays without its score, which is not a score of zero; the run goes on.
    ///
    /// # Cancel safety
    ///
    /// A dropped call leaves nothing behind.
    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: Evaluator + ?Sized> Evaluator for Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn judges(&self, state: &TrialState) -> bool;
        async fn evaluate<'a, 'b>(&self, case: &'a EvalCase, trial: &'b Trial) -> Result<Judgement, EvaluatorError>;
    }
}

/// A judgement of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Judgement {
    /// A score.
    Scored(Score),
    /// The case does not ask for what this evaluator judges, such as tool calls.
    NotApplicable,
    /// There is no judgement that counts: a judge contradicted itself, answered nonsense, or failed.
    Invalid {
        /// The reason.
        reason: String,
        /// Usage of the judge, which is paid for all the same.
        #[serde(default)]
        usage: Usage,
        /// Cost of the judge; absent where it is not known or there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<NanoDollars>,
    },
}

/// A score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Score {
    /// The value: finite, and better the greater it is. From 0 to 1 for all evaluators of Victor.
    pub value: f64,
    /// Whether the trial passed.
    pub passed: bool,
    /// The reason, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Further facts, such as the votes of a panel of judges.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub metadata: JsonMap,
    /// Usage of the judge, if it is a model.
    #[serde(default)]
    pub usage: Usage,
    /// Cost of the judge; absent where it is not known or there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<NanoDollars>,
}

impl Judgement {
    /// A score of 1 if it passed, or else of 0.
    #[must_use]
    pub fn passed(passed: bool) -> Self {
        Self::Scored(Score::new(f64::from(u8::from(passed)), passed))
    }

    /// A judgement that does not count.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid {
            reason: reason.into(),
            usage: Usage::default(),
            cost: None,
        }
    }

    /// The score, if there is one.
    #[must_use]
    pub fn score(&self) -> Option<&Score> {
        match self {
            Self::Scored(score) => Some(score),
            _ => None,
        }
    }
}

impl Score {
    /// A score without a reason.
    #[must_use]
    pub fn new(value: f64, passed: bool) -> Self {
        Self {
            value,
            passed,
            reason: None,
            metadata: JsonMap::new(),
            usage: Usage::default(),
            cost: None,
        }
    }

    /// Sets the [reason](Self::reason).
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl From<Score> for Judgement {
    fn from(score: Score) -> Self {
        Self::Scored(score)
    }
}

/// A failure of an evaluator.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct EvaluatorError {
    /// The failure, for a person.
    pub message: String,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl EvaluatorError {
    /// A failure without an error beneath.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// The same failure with the error beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`Evaluator`], made by mockall.
    #[derive(Debug)]
    pub Evaluator {}

    #[async_trait]
    impl Evaluator for Evaluator {
        fn name(&self) -> &str;
        fn judges(&self, state: &TrialState) -> bool;
        async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError>;
    }
}
