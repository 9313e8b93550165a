//! The extension point for steps.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::{RunId, Timestamp};

use crate::{StepError, StepPath, StoreWrite, Wait};

/// Does the work of steps that call it by its name.
///
/// Implemented by whoever brings work into workflows; called by the [`WorkflowRunner`](crate::WorkflowRunner), for many
/// steps at once. It is called again where the process ended, or the attempt failed, before the outcome was in the
/// journal; what it must not do twice it does under the [idempotency key](StepContext::idempotency_key).
///
/// A panic is a failure of the attempt. The call is dropped at the time limit of the step and when the run is
/// cancelled, and must then leave nothing half done.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait StepHandler: fmt::Debug + Send + Sync + 'static {
    /// Does the work of one attempt.
    ///
    /// # Errors
    ///
    /// The attempt has failed. Whether there is another one depends on the step.
    async fn call(&self, cx: &StepContext, input: Value) -> Result<StepOutcome, StepError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: StepHandler + ?Sized> StepHandler for std::sync::Arc<T> {
    victor_core::forward! {
        async fn call<'a>(
            &self,
            cx: &'a StepContext,
            input: Value,
        ) -> Result<StepOutcome, StepError>;
    }
}

/// The context of a call, for its handler.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepContext {
    /// The run.
    pub run: RunId,
    /// The name of the workflow.
    pub workflow: String,
    /// The step.
    pub step: StepPath,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Number of attempts before it that have failed. The others were cut off by the end of their process, or have
    /// waited.
    pub failures: u32,
    /// The same for every attempt at this step, in every process: pass it on to services that know such keys.
    pub idempotency_key: String,
    /// The answer, where the handler has asked and is called again.
    pub answer: Option<StepAnswer>,
}

impl StepContext {
    /// Creates the context of the first attempt at a step.
    pub fn new(run: RunId, workflow: impl Into<String>, step: StepPath) -> Self {
        Self {
            run,
            workflow: workflow.into(),
            attempt: 1,
            failures: 0,
            idempotency_key: format!("{run}/{step}"),
            step,
            answer: None,
        }
    }

    /// Sets the number of the attempt.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Sets the number of attempts that have failed.
    #[must_use]
    pub fn with_failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Sets the answer to a question of the handler.
    #[must_use]
    pub fn with_answer(mut self, answer: impl Into<Option<StepAnswer>>) -> Self {
        self.answer = answer.into();
        self
    }
}

/// The answer that a handler has waited for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepAnswer {
    /// The state that the handler has left.
    pub state: Value,
    /// The answer, or the payload of the event; null if the time of the wait has passed.
    pub answer: Value,
    /// The number of the wait within the step, from 0.
    pub epoch: u32,
}

impl StepAnswer {
    /// Creates an answer.
    #[must_use]
    pub fn new(state: Value, answer: Value, epoch: u32) -> Self {
        Self {
            state,
            answer,
            epoch,
        }
    }
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StepOutcome {
    /// The step has ended.
    Finished(StepOutput),
    /// The step waits. The handler is called again when that is over, also in another process.
    Waiting(StepPause),
}

/// The output of a step.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct StepOutput {
    /// The output.
    pub value: Value,
    /// Writes to the journal's database that happen together with the record of the output, or not at all.
    pub writes: Vec<StoreWrite>,
}

/// The wait of a step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepPause {
    /// The object of the wait.
    pub wait: Wait,
    /// The end of the wait, whether or not what is waited for has come.
    pub until: Option<Timestamp>,
    /// The state that the handler gets back.
    pub state: Value,
}

impl StepPause {
    /// Creates a wait, with the state that the handler gets back.
    #[must_use]
    pub fn new(wait: Wait, state: Value) -> Self {
        Self {
            wait,
            until: None,
            state,
        }
    }

    /// Sets the end of the wait.
    #[must_use]
    pub fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self
    }
}

impl StepOutput {
    /// Creates an output.
    pub fn new(value: impl Into<Value>) -> Self {
        Self {
            value: value.into(),
            writes: Vec::new(),
        }
    }

    /// Adds a write that happens together with the record of the output.
    #[must_use]
    pub fn with_write(mut self, write: StoreWrite) -> Self {
        self.writes.push(write);
        self
    }
}

impl From<Value> for StepOutcome {
    fn from(value: Value) -> Self {
        Self::Finished(StepOutput::new(value))
    }
}

impl From<StepOutput> for StepOutcome {
    fn from(output: StepOutput) -> Self {
        Self::Finished(output)
    }
}

impl From<StepPause> for StepOutcome {
    fn from(pause: StepPause) -> Self {
        Self::Waiting(pause)
    }
}
