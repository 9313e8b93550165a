//! What can go wrong when modes are set up.

use victor_mode_protocol::ModeError;

/// Why modes could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModeSetupError {
    /// The data does not describe modes.
    #[error("{place}: {message}")]
    Data {
        /// Where.
        place: String,
        /// What is wrong there.
        message: String,
    },
    /// A mode cannot be added, or there is no such default mode.
    #[error("{place} cannot be used: {reason}")]
    Mode {
        /// Where it is from.
        place: String,
        /// What is wrong with it.
        reason: ModeError,
    },
}
