//! Writes to a session in one step.

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{JsonMap, SessionId, Timestamp, TurnId};

use crate::{LeaseChange, TranscriptEntry};

/// One write to a session: all of it happens or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionCommit {
    /// Entries to add to the transcript.
    pub entries: Vec<TranscriptEntry>,
    /// Change of the journal of the turn that runs.
    pub turn: TurnChange,
    /// The caller's own facts that are set; those that are null are taken away. A session that the commit makes begins
    /// with them.
    pub metadata: JsonMap,
    /// The lease under which it is written. A store that has no [leases](crate::SessionStore::leases) is given none.
    pub lease: LeaseChange,
}

impl SessionCommit {
    /// Adds entries, and changes the journal in this way.
    #[must_use]
    pub fn new(entries: Vec<TranscriptEntry>, turn: TurnChange) -> Self {
        Self {
            entries,
            turn,
            metadata: JsonMap::new(),
            lease: LeaseChange::None,
        }
    }

    /// Sets these facts of the caller's own as well.
    #[must_use]
    pub fn with_metadata(mut self, metadata: JsonMap) -> Self {
        self.metadata = metadata;
        self
    }

    /// The same commit, under a lease.
    #[must_use]
    pub fn with_lease(self, lease: LeaseChange) -> Self {
        Self { lease, ..self }
    }
}

/// Change of the journal of the turn that runs in a session. There is at most one.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum TurnChange {
    /// It stays as it is.
    #[default]
    Keep,
    /// This is where the turn is now.
    Open(OpenTurn),
    /// No turn runs any more.
    Close,
}

/// Position of a turn that has begun and not ended, so that it can be taken up after a crash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenTurn {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// Time at which it was there.
    pub at: Timestamp,
    /// Position in JSON that only the chat engine understands. It holds no messages that the transcript has.
    pub state: String,
    /// Whether it waits for a person, so that nobody works on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl OpenTurn {
    /// A turn that is there now.
    pub fn new(session: SessionId, turn: TurnId, state: impl Into<String>) -> Self {
        Self {
            version: FormatVersion,
            session,
            turn,
            at: Timestamp::now(),
            state: state.into(),
            waits: false,
            extra: Extra::default(),
        }
    }

    /// The same turn, which waits for a person or does not.
    #[must_use]
    pub fn with_waits(self, waits: bool) -> Self {
        Self { waits, ..self }
    }
}
