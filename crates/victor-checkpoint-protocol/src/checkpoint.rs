//! Checkpoints.

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{CheckpointId, JsonMap, SessionId, Timestamp, TurnId};

use crate::History;

/// A state of a session that can be gone back to. It names its messages and does not hold them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkpoint {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The checkpoint's identifier.
    pub id: CheckpointId,
    /// The session.
    pub session: SessionId,
    /// The checkpoint that the session was at before: the one made last, restored or forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<CheckpointId>,
    /// The time at which it was made.
    pub at: Timestamp,
    /// Why it was made.
    pub cause: CheckpointCause,
    /// The name that a person gave it. A checkpoint with a name is not pruned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The turn that was being worked, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The messages of the context.
    pub history: History,
    /// The metadata of the context.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub metadata: JsonMap,
    /// The rest of the state, by owner: `mode`, `provider`, `model`, `turn` (the point at which the turn can be
    /// resumed), `budget`, `receipts` (of tool calls that have run). Each is for its owner to read.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub state: JsonMap,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Checkpoint {
    /// A checkpoint of a session, made now, under a new identifier.
    #[must_use]
    pub fn new(session: SessionId, history: History, cause: CheckpointCause) -> Self {
        Self {
            version: FormatVersion,
            id: CheckpointId::generate(),
            session,
            parent: None,
            at: Timestamp::now(),
            cause,
            label: None,
            turn: None,
            history,
            metadata: JsonMap::new(),
            state: JsonMap::new(),
            extra: Extra::default(),
        }
    }
}

victor_core::open_string_enum! {
    /// Why a checkpoint is made.
    pub enum CheckpointCause {
        /// Somebody asked for it.
        Manual = "manual",
        /// So many tool calls have run since the last one.
        ToolCalls = "tool_calls",
        /// The context is about to be compacted.
        BeforeCompaction = "before_compaction",
        /// A tool that destroys something is about to run.
        BeforeDestructive = "before_destructive",
        /// The session begins as a fork of another one.
        Fork = "fork",
    }
}
