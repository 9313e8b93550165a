//! The context of a session: its size, its compaction, and the checkpoints by which it goes back.

use victor_checkpoint_protocol::{Checkpoint, CheckpointError};
use victor_context_protocol::{CompactionReport, ContextStats};
use victor_core::{CheckpointId, Context};

use super::Session;
use crate::{Restored, SessionOpError, Undone};

/// The context and its checkpoints.
impl Session {
    /// Returns the part of the conversation that the model sees.
    #[must_use]
    pub fn context(&self) -> Context {
        self.orchestrator.context_coordinator().context(&self.id)
    }

    /// Returns the size of the context, and its parts.
    #[must_use]
    pub fn context_stats(&self) -> ContextStats {
        self.orchestrator.context_coordinator().stats(&self.id)
    }

    /// Compacts the context now, and returns a report; `None` if there was nothing to compact. The transcript keeps
    /// everything.
    ///
    /// # Errors
    ///
    /// The store failed, or the context cannot be made smaller. The context is unchanged.
    pub async fn compact(&self) -> Result<Option<CompactionReport>, SessionOpError> {
        self.orchestrator.compact_session(&self.id).await
    }

    /// Waits for the running turn, and makes a checkpoint of the context, the mode and the usage, to which
    /// [`restore_checkpoint`](Self::restore_checkpoint) goes back. A checkpoint with a label is not pruned.
    ///
    /// # Errors
    ///
    /// There is no checkpoint coordinator, or a store failed.
    pub async fn checkpoint(&self, label: Option<&str>) -> Result<Checkpoint, SessionOpError> {
        let checkpoints = self.orchestrator.checkpoints();
        checkpoints.checkpoint(&self.id, label).await
    }

    /// Returns the checkpoints of the conversation, newest first; none without a checkpoint coordinator.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, CheckpointError> {
        match self.orchestrator.checkpoint_coordinator() {
            Some(manager) => manager.checkpoints(&self.id).await,
            None => Ok(Vec::new()),
        }
    }

    /// Waits for the running turn, and goes back to one of the conversation's checkpoints, in one write: the context
    /// and the mode are restored. The transcript keeps everything.
    ///
    /// # Errors
    ///
    /// There is no such checkpoint, it is of another session, or a store failed. The conversation is unchanged.
    pub async fn restore_checkpoint(&self, id: CheckpointId) -> Result<Restored, SessionOpError> {
        let checkpoints = self.orchestrator.checkpoints();
        checkpoints.restore(&self.id, id).await
    }

    /// Removes the last turn from the context, in one write, and returns it; `None` if there was none. The transcript
    /// keeps it, and the effects of tools are not undone. The turn stays undone in an export of the session, too.
    ///
    /// # Errors
    ///
    /// The store failed. Nothing was undone.
    pub async fn undo(&self) -> Result<Option<Undone>, SessionOpError> {
        self.orchestrator.checkpoints().undo(&self.id).await
    }
}
