//! Entries of transcripts, and the facts of sessions.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{JsonMap, Message, SessionId, Timestamp, TurnId};

/// One message of a transcript, with when and why it came there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TranscriptEntry {
    #[serde(default)]
    version: FormatVersion<1>,
    /// Time of writing.
    pub at: Timestamp,
    /// The turn that wrote it, if a turn did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The message.
    pub message: Arc<Message>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl TranscriptEntry {
    /// A message, written now.
    pub fn new(turn: Option<TurnId>, message: impl Into<Arc<Message>>) -> Self {
        Self {
            version: FormatVersion,
            at: Timestamp::now(),
            turn,
            message: message.into(),
            extra: Extra::default(),
        }
    }
}

/// Facts of a session that are known without reading its transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionInfo {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The session.
    pub id: SessionId,
    /// Number of entries of its transcript. It is also the version against which appends are checked.
    pub entries: u64,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last growth of its transcript.
    pub updated_at: Timestamp,
    /// Title for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Words by which it is found.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Whether it can go on.
    #[serde(default, skip_serializing_if = "SessionStatus::is_open")]
    pub status: SessionStatus,
    /// Time from which it may be deleted; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The caller's own facts about the session.
    #[serde(default)]
    pub metadata: JsonMap,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SessionInfo {
    /// A session that begins now, with an empty transcript.
    #[must_use]
    pub fn new(id: SessionId) -> Self {
        let now = Timestamp::now();
        Self {
            version: FormatVersion,
            id,
            entries: 0,
            created_at: now,
            updated_at: now,
            title: None,
            tags: BTreeSet::new(),
            status: SessionStatus::Open,
            expires_at: None,
            metadata: JsonMap::new(),
            extra: Extra::default(),
        }
    }
}

victor_core::open_string_enum! {
    /// Whether a session can go on.
    #[derive(Default)]
    pub enum SessionStatus {
        /// It can.
        #[default]
        Open = "open",
        /// It is read only, until it is opened again.
        Closed = "closed",
    }
}

impl SessionStatus {
    /// Whether it can go on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }
}
