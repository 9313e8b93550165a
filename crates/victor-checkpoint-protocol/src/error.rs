//! Errors of checkpoints.

use victor_core::{BoxError, CheckpointId, SessionId};

use crate::ContentHash;

/// Why a checkpoint could not be saved or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// There is no such checkpoint.
    #[error("there is no checkpoint `{0}`")]
    NotFound(CheckpointId),
    /// There is already such a checkpoint, and it is another one.
    #[error("there is already another checkpoint `{0}`")]
    AlreadyExists(CheckpointId),
    /// The session that a fork was to begin is not empty.
    #[error("session `{0}` is there already: fork into a new session")]
    SessionExists(SessionId),
    /// The store does not have a history that it was asked for or that something was to be added to. A save that ends
    /// so is made again with the links of all messages.
    #[error("the store has no history `{0}`")]
    MissingHistory(ContentHash),
    /// The stored checkpoint differs from the one that was saved.
    #[error("checkpoint data is damaged: {message}")]
    Damaged {
        /// The difference.
        message: String,
    },
    /// The store does not work.
    #[error("the checkpoint store failed: {message}")]
    Store {
        /// The reason.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl CheckpointError {
    /// Creates the error of a store that does not work, with the reason.
    pub fn store(message: impl Into<String>) -> Self {
        Self::Store {
            message: message.into(),
            source: None,
        }
    }

    /// Adds a cause to an error of a [store](Self::Store); the others have theirs.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        if let Self::Store { source, .. } = &mut self {
            *source = Some(error.into());
        }
        self
    }
}
