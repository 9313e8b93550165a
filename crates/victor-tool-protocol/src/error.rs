//! What can go wrong with a tool.

use victor_core::BoxError;

/// Why a tool could not do what it was asked. The model reads it, so it should say what to do instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The arguments fit the schema and still make no sense together.
    #[error("invalid arguments: {0}")]
    InvalidArguments(String),
    /// What the arguments name is not there.
    #[error("not found: {0}")]
    NotFound(String),
    /// What is asked for is not allowed.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// It went wrong.
    #[error("{message}")]
    Failed {
        /// What went wrong.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl ToolError {
    /// It went wrong, in words.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            source: None,
        }
    }

    /// It went wrong while doing `what`, because of another error.
    pub fn because(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Failed {
            message: what.into(),
            source: Some(source.into()),
        }
    }
}

/// Why a tool cannot be offered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another tool has the name.
    #[error("there is already a tool named `{0}`: choose another name")]
    Duplicate(String),
    /// Providers would refuse the name.
    #[error("`{0}` is no name for a tool: use 1 to 64 ASCII letters, digits, `_` and `-`")]
    InvalidName(String),
    /// The schema is not one.
    #[error("the input schema of tool `{tool}` is not valid: {message}")]
    InvalidSchema {
        /// The tool.
        tool: String,
        /// What is wrong with it.
        message: String,
    },
}
