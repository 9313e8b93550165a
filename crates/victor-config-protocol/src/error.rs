//! Errors of configuration.

use victor_core::{BoxError, UnknownName, with_causes};

use crate::Settings;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key that is no setting.
    #[error("unknown setting `{}` in {origin}: {}", unknown.name, hint(unknown.closest()))]
    UnknownKey {
        /// Key that was found, and those that there are.
        unknown: UnknownName,
        /// Place where it was found.
        origin: String,
    },
    /// A value that does not fit its key.
    #[error("setting `{key}` in {origin}: {message}")]
    InvalidValue {
        /// Key of the setting.
        key: String,
        /// Place where the value was found.
        origin: String,
        /// Description of the fault.
        message: String,
    },
    /// A source that cannot be read.
    #[error("{origin} cannot be read: {message}")]
    Source {
        /// Name of the source.
        origin: String,
        /// Description of the fault.
        message: String,
        /// Error beneath.
        #[source]
        source: Option<BoxError>,
    },
    /// Several errors at once, in the order of the sources.
    #[error("{} problems: {}", .0.len(), join(.0))]
    Several(Vec<Self>),
}

impl ConfigError {
    /// Returns the error of a source that cannot be read.
    pub fn new(origin: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Source {
            origin: origin.into(),
            message: message.into(),
            source: None,
        }
    }

    /// Returns the error of a key that is no setting, with the closest one that is.
    pub fn unknown_key(origin: impl Into<String>, key: impl Into<String>) -> Self {
        Self::UnknownKey {
            unknown: UnknownName::new("setting", key, Settings::keys().iter().copied()),
            origin: origin.into(),
        }
    }

    /// Returns the only error as it is, and several as one; `None` where there is none.
    #[must_use]
    pub fn of_all(mut errors: Vec<Self>) -> Option<Self> {
        match errors.len() {
            0 | 1 => errors.pop(),
            _ => Some(Self::Several(errors)),
        }
    }

    /// Returns each error by itself.
    #[must_use]
    pub fn all(&self) -> &[Self] {
        match self {
            Self::Several(errors) => errors,
            error => std::slice::from_ref(error),
        }
    }

    /// Adds the error beneath to that of a source that cannot be read. The others have none, and stay as they are.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        if let Self::Source { source, .. } = &mut self {
            *source = Some(error.into());
        }
        self
    }
}

fn join(errors: &[ConfigError]) -> String {
    let errors = errors.iter().map(|error| with_causes(error));
    errors.collect::<Vec<_>>().join("; ")
}

fn hint(closest: Option<&str>) -> String {
    match closest {
        Some(key) => format!("did you mean `{key}`?"),
        None => "values of the program belong under `extra`".into(),
    }
}
