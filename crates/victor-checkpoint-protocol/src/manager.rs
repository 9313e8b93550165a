//! The role of the checkpoint coordinator.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::{CheckpointId, Context, Coordinator, JsonMap, Message, SessionId, TurnId};

use crate::{Checkpoint, CheckpointCause, CheckpointError};

/// The role of the coordinator that makes, restores, forks, compares and prunes checkpoints. Called by the
/// orchestrator, from many tasks at once.
///
/// It hands states out and puts none in place: that is done by the orchestrator, which knows whose they are. A chat
/// goes on when it fails; health shows why.
#[async_trait]
pub trait CheckpointManager: Coordinator {
    /// Whether a checkpoint should be made now, because of what has happened or is about to. Called once for each tool
    /// call that has run, with [`CheckpointCause::ToolCalls`], and before each compaction and each destructive tool.
    /// Does no I/O.
    fn is_due(&self, session: &SessionId, cause: &CheckpointCause) -> bool;

    /// Makes a checkpoint. What it costs grows with the messages since the last one, and not with the conversation.
    ///
    /// # Errors
    ///
    /// The store does not work. There is no checkpoint.
    ///
    /// # Cancel safety
    ///
    /// There is a whole checkpoint or none.
    async fn create_checkpoint(
        &self,
        draft: CheckpointDraft,
    ) -> Result<Checkpoint, CheckpointError>;

    /// The checkpoints of a session, newest first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn checkpoints(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError>;

    /// The whole state that a checkpoint is about, to look at it: its session stays where it is.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::NotFound`], [`CheckpointError::Damaged`], or the store does not work.
    async fn load_checkpoint(
        &self,
        id: CheckpointId,
    ) -> Result<CheckpointSnapshot, CheckpointError>;

    /// The whole state that a checkpoint is about, for a session that goes back to it. Later checkpoints of its session
    /// stay, and the next one made there follows on this.
    ///
    /// # Errors
    ///
    /// Those of [`load_checkpoint`](Self::load_checkpoint).
    async fn restore_checkpoint(
        &self,
        id: CheckpointId,
    ) -> Result<CheckpointSnapshot, CheckpointError>;

    /// Begins another session with the state of a checkpoint: makes the first checkpoint of `session`, which names the
    /// other one as its parent and copies no message. The original is not touched.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::SessionExists`] if the session already has checkpoints; those of
    /// [`restore_checkpoint`](Self::restore_checkpoint).
    async fn fork_checkpoint(
        &self,
        id: CheckpointId,
        session: &SessionId,
    ) -> Result<CheckpointSnapshot, CheckpointError>;

    /// Returns the differences of `to` from `from`.
    ///
    /// # Errors
    ///
    /// Those of [`restore_checkpoint`](Self::restore_checkpoint).
    async fn diff_checkpoints(
        &self,
        from: CheckpointId,
        to: CheckpointId,
    ) -> Result<CheckpointDiff, CheckpointError>;

    /// Deletes these checkpoints of a session, also those with a label, and says how many there were.
    ///
    /// # Errors
    ///
    /// The store does not work. Nothing was deleted.
    async fn delete_checkpoints(
        &self,
        session: &SessionId,
        ids: &[CheckpointId],
    ) -> Result<usize, CheckpointError>;

    /// Deletes the checkpoints of a session that need not be kept, and says how many there were.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn prune_checkpoints(
        &self,
        session: &SessionId,
        retention: &Retention,
    ) -> Result<usize, CheckpointError>;
}

/// A state that a checkpoint is to be made of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CheckpointDraft {
    /// The session.
    pub session: SessionId,
    /// The context that the model sees.
    pub context: Context,
    /// Why it is made.
    pub cause: CheckpointCause,
    /// The name that a person gave it.
    pub label: Option<String>,
    /// The turn that is being worked, if one is.
    pub turn: Option<TurnId>,
    /// The rest of the state, as in [`Checkpoint::state`].
    pub state: JsonMap,
}

impl CheckpointDraft {
    /// A state with nothing beside its context.
    #[must_use]
    pub fn new(session: SessionId, context: Context, cause: CheckpointCause) -> Self {
        Self {
            session,
            context,
            cause,
            label: None,
            turn: None,
            state: JsonMap::new(),
        }
    }
}

/// A checkpoint with the context that it names.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CheckpointSnapshot {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Its context.
    pub context: Context,
}

impl CheckpointSnapshot {
    /// A checkpoint with its context.
    #[must_use]
    pub fn new(checkpoint: Checkpoint, context: Context) -> Self {
        Self {
            checkpoint,
            context,
        }
    }
}

/// The differences of one checkpoint from another.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct CheckpointDiff {
    /// The number of messages from the beginning on that are the same.
    pub common: usize,
    /// The messages after them that are there no longer.
    pub removed: Vec<Arc<Message>>,
    /// The messages after them that are new.
    pub added: Vec<Arc<Message>>,
    /// The entries of the state that are not the same: what they were and what they are, [`Value::Null`] for absent.
    pub state: Vec<(String, Value, Value)>,
}

/// The rule by which checkpoints of a session are kept. The newest one and those with a label always are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// The maximum number that is kept, newest first. Defaults to 50.
    pub max_count: Option<usize>,
    /// The maximum age. Defaults to none.
    pub max_age: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_count: Some(50),
            max_age: None,
        }
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`CheckpointManager`], made by mockall.
    #[derive(Debug)]
    pub CheckpointManager {}

    #[async_trait]
    impl Coordinator for CheckpointManager {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl CheckpointManager for CheckpointManager {
        fn is_due(&self, session: &SessionId, cause: &CheckpointCause) -> bool;
        async fn create_checkpoint(&self, draft: CheckpointDraft) -> Result<Checkpoint, CheckpointError>;
        async fn checkpoints(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError>;
        async fn load_checkpoint(&self, id: CheckpointId) -> Result<CheckpointSnapshot, CheckpointError>;
        async fn restore_checkpoint(&self, id: CheckpointId) -> Result<CheckpointSnapshot, CheckpointError>;
        async fn fork_checkpoint(
            &self,
            id: CheckpointId,
            session: &SessionId,
        ) -> Result<CheckpointSnapshot, CheckpointError>;
        async fn diff_checkpoints(
            &self,
            from: CheckpointId,
            to: CheckpointId,
        ) -> Result<CheckpointDiff, CheckpointError>;
        async fn delete_checkpoints(&self, session: &SessionId, ids: &[CheckpointId]) -> Result<usize, CheckpointError>;
        async fn prune_checkpoints(&self, session: &SessionId, retention: &Retention) -> Result<usize, CheckpointError>;
    }
}
