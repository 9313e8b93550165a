//! Options of the coordinator: when checkpoints are made, and how many are kept.

use std::time::Duration;

use victor_checkpoint_protocol::Retention;

victor_core::options! {
    /// Options of a [`CheckpointCoordinator`](crate::CheckpointCoordinator).
    #[derive(PartialEq, Eq)]
    pub struct CheckpointOptions {
        /// Number of tool calls of a session after which a checkpoint is due; 0 for never. Defaults to 5.
        pub every_tool_calls, with_every_tool_calls: u32 = 5;
        /// Whether a checkpoint is due before a compaction. Defaults to true.
        pub before_compaction, with_before_compaction: bool = true;
        /// Whether a checkpoint is due before a tool that destroys something. Defaults to true.
        pub before_destructive, with_before_destructive: bool = true;
        /// The checkpoints of a session to keep, applied each time that an automatic one was made. Defaults to the
        /// newest 50 and those with a label.
        pub retention, with_retention: Retention = Retention::default();
        /// Time limit of one call of the store. It does not apply outside of a tokio runtime with timers. Defaults to
        /// 30 seconds.
        pub store_timeout, with_store_timeout: Duration = Duration::from_secs(30);
        /// Number of sessions, used last, of which the coordinator remembers what the store has; it remembers at least
        /// half as many, and one. All messages of any other session are hashed again, and its checkpoints listed, when
        /// the next checkpoint is made. Defaults to 1,000.
        ///
        /// A session takes 32 bytes for each message, and keeps the messages of its last checkpoint alive.
        pub remembered_sessions, with_remembered_sessions: usize = 1_000;
    }
}
