//! Errors of sessions.

use victor_core::{BoxError, SessionId};

use crate::SessionLease;

/// Why a session could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Somebody else has written to the session meanwhile. Nothing of this write was kept; load the session and try
    /// again.
    #[error(
        "session `{session}` has {found} entries, not {expected}: somebody else has written to it meanwhile"
    )]
    Conflict {
        /// The session.
        session: SessionId,
        /// Number of entries that the writer expected.
        expected: u64,
        /// Number of entries that there are.
        found: u64,
    },
    /// There is no such session.
    #[error("there is no session `{0}`")]
    NotFound(SessionId),
    /// There is already such a session.
    #[error("there is already a session `{0}`")]
    AlreadyExists(SessionId),
    /// The session is closed, and can only be read.
    #[error("session `{0}` is closed: open it again to go on with it")]
    Closed(SessionId),
    /// Somebody works on the session, and the message was not to wait.
    #[error("session `{0}` is busy: a turn runs in it")]
    Busy(SessionId),
    /// Another process works on the session. Nothing was written; try again when it has ended its turn.
    #[error(
        "session `{session}` is being worked on by {}, since {:.0}; if that has ended, the session is free in {} s",
        .lease.owner.name, .lease.since, .lease.left.as_secs() + 1
    )]
    Held {
        /// The session.
        session: SessionId,
        /// The lease of the other process.
        lease: Box<SessionLease>,
    },
    /// The turn has lost the session to another process, because its own gave no sign of life for too long. Nothing of
    /// this write was kept.
    #[error(
        "the turn has lost session `{session}` to {}, because this process gave no sign of life in time",
        .by.as_deref().unwrap_or("another process")
    )]
    Fenced {
        /// The session.
        session: SessionId,
        /// The name of the owner who has it now, if anybody has.
        by: Option<String>,
    },
    /// An import is not valid. Nothing was written.
    #[error("line {line} of the export: {reason}")]
    Import {
        /// The line, counted from 1.
        line: usize,
        /// Fault of the line.
        reason: String,
    },
    /// The session manager was shut down.
    #[error("the session manager was shut down")]
    ShutDown,
    /// The store cannot be reached at this moment: it restarts, or takes no more connections. What was being written is
    /// there as a whole or not at all; try again.
    #[error("the session store cannot be reached at this moment: {message}")]
    Unavailable {
        /// Description of the failure.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
    /// The store does not work.
    #[error("the session store failed: {message}")]
    Store {
        /// Description of the failure.
        message: String,
        /// The error beneath.
        #[source]
        source: Option<BoxError>,
    },
}

impl SessionError {
    /// Whether somebody else has the session or was faster, so that it helps to try again: the store works.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. } | Self::Busy(_) | Self::Held { .. } | Self::Fenced { .. }
        )
    }

    /// Whether the store could not do it, so that it is unknown whether a write has happened.
    #[must_use]
    pub fn is_store_failure(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::Unavailable { .. })
    }

    /// The store does not work, in words. Its cause is added by [`with_source`](Self::with_source).
    pub fn store(message: impl Into<String>) -> Self {
        Self::Store {
            message: message.into(),
            source: None,
        }
    }

    /// Sets the cause of a failure of the store; the other errors have none and stay as they are.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        if let Self::Store { source, .. } | Self::Unavailable { source, .. } = &mut self {
            *source = Some(error.into());
        }
        self
    }
}
