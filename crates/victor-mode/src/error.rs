//! Errors of the set-up of modes.

use victor_mode_protocol::ModeError;

/// Why modes could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModeSetupError {
    /// Data that does not describe modes.
    #[error("{place}: {message}")]
    Data {
        /// Place of the fault.
        place: String,
        /// Description of the fault.
        message: String,
    },
    /// A mode that cannot be added, or a default mode that there is not.
    #[error("{place} cannot be used: {reason}")]
    Mode {
        /// Place that names the mode.
        place: String,
        /// Reason that the mode is refused.
        reason: ModeError,
    },
}
