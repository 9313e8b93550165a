//! The error of holding a session to its mode.

use victor_core::Panicked;
use victor_mode_protocol::ModeError;
use victor_session_protocol::SessionError;

/// The reason why a session cannot be held to its mode. The session is in the mode that it was in. Whoever joins
/// modes to sessions tells each variant from the others, so a new one breaks them.
#[derive(Debug, thiserror::Error)]
pub enum SessionModeError {
    /// The session was left in a mode that is not known here, so it cannot be held to it.
    #[error(
        "the session was left in mode `{mode}`, and what that denies is not known here: add the mode, or switch the \
         session to another one"
    )]
    Unknown {
        /// The mode.
        mode: String,
        /// The modes that there are.
        #[source]
        source: ModeError,
    },
    /// The configuration of a session that begins names a mode that is not known here.
    #[error(
        "{origin} has the session begin in mode `{mode}`, which cannot be: add the mode, or name another one"
    )]
    First {
        /// The mode.
        mode: String,
        /// The source of the setting.
        origin: String,
        /// The modes that there are.
        #[source]
        source: ModeError,
    },
    /// The session cannot be read or written.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The mode coordinator panicked.
    #[error("the mode coordinator broke off")]
    Panicked(#[from] Panicked),
}
