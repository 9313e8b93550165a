//! What can go wrong with a tool.

use std::time::Duration;

use victor_core::{BoxError, Panicked, with_causes};

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
    /// It cannot be done at the moment, and nothing was done: whatever the tool's effect, it may be tried again.
    #[error("{message}")]
    Unavailable {
        /// What is in the way.
        message: String,
        /// When it is worth trying again, if that is known.
        retry_after: Option<Duration>,
    },
    /// It went wrong. Something may have been done.
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
    /// It cannot be done at the moment, and nothing was done.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            retry_after: None,
        }
    }

    /// It went wrong, in words.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            source: None,
        }
    }

    /// Sets the cause. Only [`Failed`](Self::Failed) has a place for it; another variant takes it into its text.
    ///
    /// ```
    /// use victor_core::with_causes;
    /// use victor_tool_protocol::ToolError;
    ///
    /// let error = ToolError::failed("cannot write `a.txt`").with_source("no space left on device");
    /// assert_eq!(with_causes(&error), "cannot write `a.txt`: no space left on device");
    /// ```
    #[must_use]
    pub fn with_source(mut self, cause: impl Into<BoxError>) -> Self {
        let cause = cause.into();
        match &mut self {
            Self::Failed { source, .. } => *source = Some(cause),
            Self::InvalidArguments(message)
            | Self::NotFound(message)
            | Self::NotPermitted(message)
            | Self::Unavailable { message, .. } => {
                message.push_str(": ");
                message.push_str(&with_causes(&*cause));
            }
        }
        self
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
    /// The tool panicked when it was asked what it is.
    #[error("the tool cannot be asked what it is: it {0}")]
    Panicked(Panicked),
}

/// Why a store of results or receipts could not be used.
#[derive(Debug, thiserror::Error)]
#[error("the store of tool {kind} failed: {message}")]
#[non_exhaustive]
pub struct ToolStoreError {
    /// What is kept there: `results` or `receipts`.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl ToolStoreError {
    /// The store of results does not work, in words.
    pub fn results(message: impl Into<String>) -> Self {
        Self::new("results", message.into())
    }

    /// The store of receipts does not work, in words.
    pub fn receipts(message: impl Into<String>) -> Self {
        Self::new("receipts", message.into())
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    fn new(kind: &'static str, message: String) -> Self {
        Self {
            kind,
            message,
            source: None,
        }
    }
}
