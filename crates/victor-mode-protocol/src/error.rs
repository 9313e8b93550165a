//! What can go wrong with modes.

use victor_core::Panicked;

/// Why a mode could not be added or switched to. The session's mode is what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModeError {
    /// There is no such mode.
    #[error("there is no mode `{name}`: choose one of {}", known.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// There is already such a mode.
    #[error("there is already a mode named `{0}`: choose another name")]
    Duplicate(String),
    /// The name is not fit for use.
    #[error("`{0}` is no name for a mode: use 1 to 64 ASCII letters, digits, `_` and `-`")]
    InvalidName(String),
    /// The policy panicked when it was asked for its mode.
    #[error("a mode policy does not say what its mode is")]
    NoMode(#[source] Panicked),
    /// The model wished for a mode that only a person or the program may switch to.
    #[error("the model may not switch to mode `{0}` by itself: ask the user to do it")]
    ClosedToModel(String),
}
