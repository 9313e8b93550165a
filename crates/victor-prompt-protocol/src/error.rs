//! Errors of contributors, sources and renderers.

use victor_core::BoxError;

/// Reason that a contribution, a stored prompt or a rendered text cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct PromptError {
    /// The reason in words.
    pub message: String,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl PromptError {
    /// Returns an error with this reason.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Adds the error beneath.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }
}
