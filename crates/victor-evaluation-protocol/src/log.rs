//! Logs of runs.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::BoxError;

use crate::TrialRecord;

/// Keeps the trials of one run as soon as each has ended.
///
/// Implemented by files and databases, called by the runner from one task.
///
/// # Contract
///
/// - [`append`](Self::append) stores a record whole or not at all, also when the process is killed in the middle of it.
/// - [`records`](Self::records) returns the records in the order in which they were stored.
#[async_trait]
pub trait RunLog: fmt::Debug + Send + Sync + 'static {
    /// Stores a record.
    ///
    /// # Errors
    ///
    /// It was not stored. The run ends with this error, since a trial that is not kept would be paid for again.
    async fn append(&self, record: &TrialRecord) -> Result<(), RunLogError>;

    /// Returns the records.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    async fn records(&self) -> Result<Vec<TrialRecord>, RunLogError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: RunLog + ?Sized> RunLog for Arc<T> {
    victor_core::forward! {
        async fn append<'a>(&self, record: &'a TrialRecord) -> Result<(), RunLogError>;
        async fn records(&self) -> Result<Vec<TrialRecord>, RunLogError>;
    }
}

/// A failure of a log.
#[derive(Debug, thiserror::Error)]
#[error("the log of the run failed: {message}")]
#[non_exhaustive]
pub struct RunLogError {
    /// The failure, for a person.
    pub message: String,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl RunLogError {
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
    /// A mock of [`RunLog`], made by mockall.
    #[derive(Debug)]
    pub RunLog {}

    #[async_trait]
    impl RunLog for RunLog {
        async fn append(&self, record: &TrialRecord) -> Result<(), RunLogError>;
        async fn records(&self) -> Result<Vec<TrialRecord>, RunLogError>;
    }
}
