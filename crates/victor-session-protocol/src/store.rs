//! The extension point for stores of sessions.

use std::fmt;

use async_trait::async_trait;
use victor_core::SessionId;

use crate::{SessionError, SessionInfo, TranscriptEntry};

/// Keeps the transcripts of sessions: append-only, complete, never rewritten.
///
/// Implemented by adapters; called by the [`SessionManager`](crate::SessionManager) from many tasks at once, also by
/// several processes on one store.
///
/// # Cancel safety
///
/// A dropped write has happened as a whole or not at all.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Makes a session with an empty transcript.
    ///
    /// # Errors
    ///
    /// [`SessionError::AlreadyExists`], or the store does not work.
    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError>;

    /// Appends entries to a transcript that has `expected` entries, all or none, and returns how many it has then. A
    /// session that is not there yet is made if `expected` is 0.
    ///
    /// # Errors
    ///
    /// [`SessionError::Conflict`] if the transcript has another length, [`SessionError::NotFound`] if there is no
    /// session and `expected` is not 0, or the store does not work. Nothing was written.
    async fn append(
        &self,
        session: &SessionId,
        expected: u64,
        entries: &[TranscriptEntry],
    ) -> Result<u64, SessionError>;

    /// The entries of a transcript from number `from` on, counted from 0.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError>;

    /// What is known of a session, or none if there is no such session.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError>;

    /// What is known of every session, most recently written first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn list(&self) -> Result<Vec<SessionInfo>, SessionError>;

    /// Deletes a session with its transcript, and says whether there was one.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError>;
}
