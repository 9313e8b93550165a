//! Errors of modes.

use victor_core::{BoxError, Panicked, UnknownName};

/// Why a mode could not be added or switched to. The session's mode is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModeError {
    /// No mode has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// Another mode has this name.
    #[error("there is already a mode named `{0}`: choose another name")]
    Duplicate(String),
    /// A name that is not fit for use.
    #[error("`{0}` is no name for a mode: use 1 to 64 ASCII letters, digits, `_` and `-`")]
    InvalidName(String),
    /// A policy that panicked when it was asked for its mode.
    #[error("a mode policy does not say what its mode is")]
    NoMode(#[source] Panicked),
    /// A switch by the model to a mode that only a person or the program may switch to.
    #[error("the model may not switch to mode `{0}` by itself: ask the user to do it")]
    ClosedToModel(String),
    /// Failure of the manager, such as a service behind it that does not answer.
    #[error("{message}")]
    Failed {
        /// Description of the failure.
        message: String,
        /// Error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl ModeError {
    /// Returns the error of a failure.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            source: None,
        }
    }

    /// Returns the error of a name that no mode has.
    pub fn unknown(
        name: impl Into<String>,
        known: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        UnknownName::new("mode", name, known).into()
    }

    /// Adds the error beneath to a failure. The other errors have none of this kind, and stay as they are.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        if let Self::Failed { source, .. } = &mut self {
            *source = Some(error.into());
        }
        self
    }
}
