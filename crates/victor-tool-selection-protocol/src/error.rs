//! What can go wrong when tools are selected.

use victor_core::BoxError;

/// Why a strategy could not score tools, or could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// There is no such strategy.
    #[error("there is no tool selection strategy `{name}`: choose one of {}", known.join(", "))]
    UnknownStrategy {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// There is already such a strategy.
    #[error("there is already a tool selection strategy named `{0}`: choose another name")]
    DuplicateStrategy(String),
    /// It went wrong.
    #[error("{message}")]
    Failed {
        /// What went wrong.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl SelectionError {
    /// It went wrong, in words.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            source: None,
        }
    }

    /// It went wrong while doing `what`, because of another error.
    pub fn because(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Failed {
            message: what.into(),
            source: Some(source.into()),
        }
    }
}
