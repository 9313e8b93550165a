//! Errors of workflows.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use victor_core::{BoxError, RunId, UnknownName};

use crate::StepPath;

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// There is no such run.
    #[error("there is no run `{0}`")]
    NotFound(RunId),
    /// There is already another run of this identifier.
    #[error("there is already a run `{0}`")]
    AlreadyExists(RunId),
    /// Another process works on the run. Nothing was written.
    #[error(
        "run `{run}` is being worked on by {owner}; if that has ended, the run is free in {} s",
        .left.as_secs() + 1
    )]
    Held {
        /// The run.
        run: RunId,
        /// The name of the owner.
        owner: String,
        /// Time that its claim lasts.
        left: Duration,
    },
    /// Another process has taken the run, because this one gave no sign of life in time. Nothing was written.
    #[error(
        "run `{0}` was taken by another process, because this one gave no sign of life in time"
    )]
    Fenced(RunId),
    /// There are other records than the writer expected. Nothing was written; read them and try again.
    #[error("run `{run}` has {found} records, not {expected}: read the new ones, and try again")]
    Behind {
        /// The run.
        run: RunId,
        /// Number of records that the writer expected.
        expected: u64,
        /// Number of records that there are.
        found: u64,
    },
    /// The run has ended, and takes nothing any more.
    #[error("run `{0}` has ended: start another one")]
    Ended(RunId),
    /// A write of a handler was refused. Nothing was written.
    #[error("a write of a step was refused: {message}")]
    Write {
        /// The reason.
        message: String,
    },
    /// The stored form is not the one that was written.
    #[error("the journal is damaged: {message}")]
    Damaged {
        /// Description of the damage.
        message: String,
    },
    /// The store does not work.
    #[error("the journal failed: {message}")]
    Store {
        /// Description of the failure.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl JournalError {
    /// Creates the error of a store that does not work, with the reason.
    pub fn store(message: impl Into<String>) -> Self {
        Self::Store {
            message: message.into(),
            source: None,
        }
    }

    /// Sets the cause of a failure of the store; the other errors have none and stay as they are.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        if let Self::Store { source, .. } = &mut self {
            *source = Some(error.into());
        }
        self
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct StepError {
    /// The message, for people.
    pub message: String,
    /// Whether a further attempt may help. It is made only where the step has a rule for it.
    pub is_transient: bool,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl StepError {
    /// Creates an error after which a further attempt may help.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_transient: true,
            source: None,
        }
    }

    /// Creates an error after which every attempt would fail in the same way.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            is_transient: false,
            ..Self::new(message)
        }
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }
}

/// A fault of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefinitionFault {
    /// Its place: `steps[2].after[0]`.
    pub path: String,
    /// Line and column from 1, where it comes from a file.
    pub position: Option<(usize, usize)>,
    /// The fault, and the next step.
    pub message: String,
}

impl DefinitionFault {
    /// Creates the fault at a place.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            position: None,
            message: message.into(),
        }
    }

    /// Sets line and column.
    #[must_use]
    pub fn at(mut self, position: Option<(usize, usize)>) -> Self {
        self.position = position;
        self
    }
}

impl fmt::Display for DefinitionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        match self.path.as_str() {
            "" => write!(f, "{}", self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// A definition that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct InvalidWorkflow {
    /// The name of the workflow, if it has one.
    pub workflow: String,
    /// The faults, at least one, in the order of their places.
    pub faults: Vec<DefinitionFault>,
}

impl InvalidWorkflow {
    /// Creates the error of these faults.
    pub fn new(workflow: impl Into<String>, faults: Vec<DefinitionFault>) -> Self {
        Self {
            workflow: workflow.into(),
            faults,
        }
    }
}

impl fmt::Display for InvalidWorkflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workflow `{}` cannot be run", self.workflow)?;
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

/// The record at which the history of a run and a definition part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the definition does not lead to record {record} of run `{run}`: {message}")]
#[non_exhaustive]
pub struct Divergence {
    /// The run.
    pub run: RunId,
    /// The number of the record.
    pub record: u64,
    /// The difference.
    pub message: String,
}

impl Divergence {
    /// Creates the divergence at a record.
    pub fn new(run: RunId, record: u64, message: impl Into<String>) -> Self {
        Self {
            run,
            record,
            message: message.into(),
        }
    }
}

/// Why a workflow or a run could not be worked on. The run is as it was, and can be worked on when the cause is gone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// There is no workflow of this name.
    #[error(transparent)]
    UnknownWorkflow(#[from] UnknownName),
    /// The definition cannot be run.
    #[error(transparent)]
    Invalid(#[from] InvalidWorkflow),
    /// A handler that the definition names is not there. Nothing has run.
    #[error("step `{step}` of run `{run}` cannot be run: {source}")]
    MissingHandler {
        /// The run.
        run: RunId,
        /// The first step that needs it.
        step: String,
        /// The name, and those that there are.
        source: UnknownName,
    },
    /// The history is not one of the definition. Nothing has run.
    #[error(transparent)]
    Diverged(#[from] Divergence),
    /// The definition that the run began under is not in the journal, or is of a later version. Nothing has run.
    #[error("the definition of run `{run}` cannot be read: {message}")]
    Definition {
        /// The run.
        run: RunId,
        /// The reason.
        message: String,
    },
    /// Nobody has asked what was answered, or it was answered before.
    #[error(
        "step `{step}` of run `{run}` does not wait for answer {epoch}: list the run's open questions"
    )]
    NotWaiting {
        /// The run.
        run: RunId,
        /// The step.
        step: StepPath,
        /// The number of the wait within the step.
        epoch: u32,
        /// The answer that counts, if there was one.
        answered: Option<Value>,
    },
    /// The journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The runner was shut down.
    #[error("the workflow runner was shut down")]
    ShutDown,
}
