//! Errors of tool selection.

use victor_core::{BoxError, UnknownName};

/// Why a strategy could not score tools, or could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// No strategy has this name.
    #[error(transparent)]
    UnknownStrategy(#[from] UnknownName),
    /// Another strategy has this name.
    #[error("there is already a tool selection strategy named `{0}`: choose another name")]
    DuplicateStrategy(String),
    /// Failure of the strategy or the selector.
    #[error("{message}")]
    Failed {
        /// Description of the failure.
        message: String,
        /// Error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl SelectionError {
    /// Returns the error of a failure.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            source: None,
        }
    }

    /// Returns the error of a name that no strategy has.
    pub fn unknown_strategy(
        name: impl Into<String>,
        known: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        UnknownName::new("tool selection strategy", name, known).into()
    }

    /// Adds the error beneath to a failure. The other errors have none, and stay as they are.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        if let Self::Failed { source, .. } = &mut self {
            *source = Some(error.into());
        }
        self
    }
}
