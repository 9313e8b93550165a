//! Errors of tools, of their registration and of their stores.

use std::time::Duration;

use victor_core::{BoxError, Panicked, with_causes};

/// An error of a tool. The model reads it, so it should say what to do instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The arguments fit the schema and still make no sense together.
    #[error("invalid arguments: {0}")]
    InvalidArguments(String),
    /// Something that the arguments name does not exist.
    #[error("not found: {0}")]
    NotFound(String),
    /// The tool may not do this.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// The tool is not available at the moment, and nothing was done: whatever its effect, the call may be tried again.
    #[error("{message}")]
    Unavailable {
        /// The obstacle.
        message: String,
        /// The time after which another attempt makes sense, if it is known.
        retry_after: Option<Duration>,
    },
    /// The call failed. Something may have been done.
    #[error("{message}")]
    Failed {
        /// The failure.
        message: String,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
}

impl ToolError {
    /// An error about a tool that is not available at the moment. Nothing was done.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            retry_after: None,
        }
    }

    /// An error about a call that failed.
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

/// An error about a tool that cannot be registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another tool has the name.
    #[error("there is already a tool named `{0}`: choose another name")]
    Duplicate(String),
    /// Providers would refuse the name.
    #[error("`{0}` is not a name for a tool: use 1 to 64 ASCII letters, digits, `_` and `-`")]
    InvalidName(String),
    /// The schema is not one.
    #[error("the input schema of tool `{tool}` is not valid: {message}")]
    InvalidSchema {
        /// The tool.
        tool: String,
        /// The mistake in it.
        message: String,
    },
    /// The tool panicked when it was asked what it is.
    #[error("the tool cannot be asked what it is: it {0}")]
    Panicked(Panicked),
}

/// An error of a store of results or receipts.
#[derive(Debug, thiserror::Error)]
#[error("the store of tool {kind} failed: {message}")]
#[non_exhaustive]
pub struct ToolStoreError {
    /// The kind of store: `results` or `receipts`.
    pub kind: &'static str,
    /// The failure.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<BoxError>,
}

impl ToolStoreError {
    /// An error of a store of results.
    pub fn results(message: impl Into<String>) -> Self {
        Self::new("results", message.into())
    }

    /// An error of a store of receipts.
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
