//! The extension point for stores of checkpoints.

use std::fmt;

use async_trait::async_trait;
use victor_core::{CheckpointId, Messages, SessionId};

use crate::{Checkpoint, CheckpointError, History, HistoryLink};

/// Keeps checkpoints and the messages that they name.
///
/// Implemented by adapters; called by the [`CheckpointManager`](crate::CheckpointManager) from many tasks at once,
/// also by several processes on one store.
///
/// Each link is kept once by its hash, and each message once by its own, for all sessions. What no checkpoint names
/// any more is removed when checkpoints are deleted, at once or later, and never under a save that builds on it.
///
/// # Cancel safety
///
/// A dropped write has happened as a whole or not at all.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait CheckpointStore: fmt::Debug + Send + Sync + 'static {
    /// Saves a checkpoint, and of its history the links that are new, oldest first. Links that the store already has
    /// are not written again. The same checkpoint saved again changes nothing.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::MissingHistory`] if what comes before the links, or the history of a checkpoint without new
    /// links, is not in the store; [`CheckpointError::AlreadyExists`] if another checkpoint has the identifier;
    /// [`CheckpointError::Damaged`] if the links do not lead to the checkpoint's history; or the store does not work.
    /// Nothing was written.
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError>;

    /// A checkpoint.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::NotFound`], or the store does not work.
    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError>;

    /// The messages of a history, oldest first.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::MissingHistory`], [`CheckpointError::Damaged`], or the store does not work.
    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError>;

    /// The checkpoints of a session, newest first; of those of one time, the greatest identifier first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError>;

    /// Deletes checkpoints, and says how many of them there were.
    ///
    /// # Errors
    ///
    /// The store does not work. Nothing was deleted.
    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: CheckpointStore + ?Sized> CheckpointStore for std::sync::Arc<T> {
    victor_core::forward! {
        async fn save<'a, 'b>(
            &self,
            checkpoint: &'a Checkpoint,
            links: &'b [HistoryLink],
        ) -> Result<(), CheckpointError>;
        async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError>;
        async fn messages<'a>(&self, history: &'a History) -> Result<Messages, CheckpointError>;
        async fn list<'a>(
            &self,
            session: &'a SessionId,
        ) -> Result<Vec<Checkpoint>, CheckpointError>;
        async fn delete<'a>(&self, ids: &'a [CheckpointId]) -> Result<usize, CheckpointError>;
    }
}
