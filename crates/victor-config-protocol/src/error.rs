//! What can go wrong with configuration.

use victor_core::BoxError;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key that is no setting.
    #[error("unknown setting `{key}` in {origin}: {}", hint(closest.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it was found.
        origin: String,
        /// The setting whose name is closest, if one is close.
        closest: Option<String>,
    },
    /// A value that does not fit its key.
    #[error("setting `{key}` in {origin}: {message}")]
    InvalidValue {
        /// The key.
        key: String,
        /// Where it was found.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// A source that cannot be read.
    #[error("{origin} cannot be read: {message}")]
    Source {
        /// The source.
        origin: String,
        /// What is wrong with it.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl ConfigError {
    /// A source that cannot be read, in words.
    pub fn source(origin: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Source {
            origin: origin.into(),
            message: message.into(),
            source: None,
        }
    }
}

fn hint(closest: Option<&str>) -> String {
    match closest {
        Some(key) => format!("did you mean `{key}`?"),
        None => "what is the program's own belongs under `extra`".into(),
    }
}
