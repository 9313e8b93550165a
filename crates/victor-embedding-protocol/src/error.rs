//! Errors of embedding texts.

use std::time::Duration;

use victor_core::BoxError;

use crate::InvalidEmbedding;

/// Why texts have no vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// There were more texts than one call may have.
    #[error("{found} texts are too many for one call: send at most {max}")]
    BatchTooLarge {
        /// The number of texts that were given.
        found: usize,
        /// The maximum number of texts.
        max: usize,
    },
    /// A text is longer than the model can read.
    #[error("text number {index} is longer than the model can read: shorten it or split it")]
    TextTooLong {
        /// The index of the text, counted from 0.
        index: usize,
    },
    /// The embedder does not work at the moment. Another attempt may succeed.
    #[error("the embedder is not available: {message}")]
    Unavailable {
        /// The reason.
        message: String,
        /// The time after which the embedder asks to be called again.
        retry_after: Option<Duration>,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
    /// The embedder works, and does not do this: a wrong key, an unknown model.
    #[error("the embedder refused: {message}")]
    Refused {
        /// The embedder's message.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
    /// The answer breaks the contract: too few vectors, or vectors of another dimension.
    #[error("the embedder's answer is malformed: {message}")]
    Malformed {
        /// The fault in the answer.
        message: String,
    },
    /// The answer is not a vector.
    #[error("the embedder's answer is malformed")]
    Invalid(#[from] InvalidEmbedding),
}

impl EmbedError {
    /// The embedder does not work at the moment, in words.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    /// The embedder does not do this, in words.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            source: None,
        }
    }

    /// Whether the same call may succeed later without any change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
