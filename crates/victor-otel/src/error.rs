//! Errors of the set-up.

use victor_http::HttpError;

/// A setting that cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtelError {
    /// A setting has a value that is not understood.
    #[error("`{key}` is {reason}")]
    Setting {
        /// The setting or the environment variable.
        key: String,
        /// The fault, and what is expected.
        reason: String,
    },
    /// The HTTP client cannot be built.
    #[error("no HTTP client for traces")]
    Http(#[from] HttpError),
}

impl OtelError {
    pub(crate) fn setting(key: &str, reason: impl Into<String>) -> Self {
        Self::Setting {
            key: key.to_owned(),
            reason: reason.into(),
        }
    }
}
