//! The right to work on a session.

use std::any::Any;
use std::fmt;

use victor_core::SessionId;

/// The right to work on a session, until it is dropped.
#[must_use = "the session is free again as soon as the lease is dropped"]
pub struct TurnLease {
    session: SessionId,
    version: Option<u64>,
    has_open_turn: bool,
    guard: Box<dyn Any + Send + Sync>,
}

impl TurnLease {
    /// The right to work on `session`, which ends when `guard` is dropped.
    pub fn new(session: SessionId, guard: impl Any + Send + Sync) -> Self {
        Self {
            session,
            version: None,
            has_open_turn: false,
            guard: Box::new(guard),
        }
    }

    /// The same right, with the number of entries that the transcript had when it was given.
    pub fn with_version(self, version: u64) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    /// The same right, to a session whose journal had a turn when it was given.
    pub fn with_open_turn(self, has_open_turn: bool) -> Self {
        Self {
            has_open_turn,
            ..self
        }
    }

    /// Whether the journal had a turn when the right was given: one that waits, or was interrupted and has perhaps run
    /// tools of which the transcript does not tell.
    #[must_use]
    pub fn has_open_turn(&self) -> bool {
        self.has_open_turn
    }

    /// Number of entries of the transcript when the right was given, where the manager knows it. Who keeps something
    /// that was made from the transcript can tell by it whether somebody else has written since.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Returns the guard that holds the session, for the manager that made the lease.
    #[must_use]
    pub fn guard<G: Any>(&self) -> Option<&G> {
        self.guard.downcast_ref()
    }
}

impl fmt::Debug for TurnLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnLease")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
