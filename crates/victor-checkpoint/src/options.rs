//! When checkpoints are made, and which are kept.

use std::time::Duration;

use victor_checkpoint_protocol::Retention;

/// How a [`CheckpointCoordinator`](crate::CheckpointCoordinator) works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointOptions {
    /// After how many tool calls of a session a checkpoint is due; 5 unless set, and 0 for never.
    pub every_tool_calls: u32,
    /// Whether one is due before a compaction; true unless set.
    pub before_compaction: bool,
    /// Whether one is due before a tool that destroys something; true unless set.
    pub before_destructive: bool,
    /// Which checkpoints of a session are kept, each time that one has been made which nobody asked for; the newest 50
    /// and those with a label unless set.
    pub retention: Retention,
    /// How long one call of the store may take; 30 seconds unless set. Without a tokio runtime with timers there is
    /// no limit.
    pub time_limit: Duration,
    /// Of how many sessions it is remembered at most what the store has of them; 1,000 unless set. It is at least half
    /// as many, those that were worked on last, and never less than one. Of any other session, all messages are hashed
    /// again and its checkpoints are listed when the next one is made.
    ///
    /// It takes 32 bytes for each message, and keeps the messages of the last checkpoint alive.
    pub remembered_sessions: usize,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        Self {
            every_tool_calls: 5,
            before_compaction: true,
            before_destructive: true,
            retention: Retention::default(),
            time_limit: Duration::from_secs(30),
            remembered_sessions: 1_000,
        }
    }
}
