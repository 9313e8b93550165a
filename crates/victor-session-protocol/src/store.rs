//! The extension point for stores of sessions.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::SessionId;

use crate::{
    LeaseChange, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery,
    SessionStanding, TranscriptEntry, TurnChange,
};

/// Keeps the transcripts of sessions: append-only, complete, never rewritten.
///
/// Implemented by adapters; called by the [`SessionManager`](crate::SessionManager) from many tasks at once, also by
/// several processes on one store.
///
/// # Leases
///
/// A store that says so ([`leases`](Self::leases)) keeps a lease with each session: who works on it, until when, and a
/// fencing token that only grows. It is taken, renewed and released by the writes themselves
/// ([`SessionCommit::lease`]), so that it costs no write of its own, and by [`change_lease`](Self::change_lease)
/// between them. Every write is checked by [`LeaseChange::check`] in the same step. Whether a lease has run out is
/// decided by one clock that all processes share, which the store documents. A store without leases leaves it to the
/// expected lengths to tell which of two writers was faster.
///
/// # Cancel safety
///
/// A dropped write has happened as a whole or not at all.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Makes a session with a transcript, all or nothing. What is known of it is kept as it is given, also its status
    /// and its times, these to the microsecond at least; how many entries it has is counted.
    ///
    /// # Errors
    ///
    /// [`SessionError::AlreadyExists`], or the store does not work. Nothing was written.
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError>;

    /// Makes a session with an empty transcript.
    ///
    /// # Errors
    ///
    /// Those of [`create_with`](Self::create_with).
    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        self.create_with(session, &[]).await
    }

    /// Writes to a session whose transcript has `expected` entries, all or nothing, and returns how many it has then:
    /// the entries, the journal and the metadata are one write. A session that is not there yet is made if `expected`
    /// is
    /// 0. A commit without entries is checked in the same way.
    ///
    /// # Errors
    ///
    /// [`SessionError::Conflict`] if the transcript has another length, [`SessionError::NotFound`] if there is no
    /// session and `expected` is not 0, [`SessionError::Closed`] if it has any status but open, or the store does not
    /// work. Nothing was written. With leases, [`SessionError::Held`] or [`SessionError::Fenced`] before all of these.
    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError>;

    /// Appends entries to a transcript that has `expected` entries, and leaves all else as it is.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](Self::commit).
    async fn append(
        &self,
        session: &SessionId,
        expected: u64,
        entries: &[TranscriptEntry],
    ) -> Result<u64, SessionError> {
        let commit = SessionCommit::new(entries.to_vec(), TurnChange::Keep);
        self.commit(session, expected, &commit).await
    }

    /// Whether what is written is there when the process is not any more. Turns are journaled if it is. Not by default.
    fn persists_turns(&self) -> bool {
        false
    }

    /// Whether sessions are held by leases between processes. Not by default.
    fn leases(&self) -> bool {
        false
    }

    /// Returns the standing of a session, or none if there is no such session. Stores with leases add them; by default
    /// it is put together from what else is known.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        let Some(info) = self.info(session).await? else {
            return Ok(None);
        };
        let open = self.open_turn(session).await?;
        Ok(Some(SessionStanding::new(&info, open.is_some())))
    }

    /// Takes, renews or releases the lease on a session, and leaves all else as it is. Called only where there are
    /// [leases](Self::leases).
    ///
    /// # Errors
    ///
    /// [`SessionError::Held`], [`SessionError::Fenced`] or [`SessionError::NotFound`], or the store does not work.
    /// Nothing was changed. By default it fails, since there are no leases.
    async fn change_lease(
        &self,
        _session: &SessionId,
        _change: &LeaseChange,
    ) -> Result<(), SessionError> {
        Err(SessionError::store("this store has no leases"))
    }

    /// Takes or keeps a place in the line of those who wait for a session that another process has, and waits until it
    /// is worth looking at the session again, for so long at most. Returns whether it has waited; by default it has
    /// not, there are no lines, and the caller looks again after a pause of its own.
    ///
    /// A place is kept by calling again. It is lost a few seconds after the end of the last call, so that nobody waits
    /// for one who has gone, and is given back by [`leave_line`](Self::leave_line). The session is for the one whom
    /// [`SessionStanding::first_in_line`] names.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn wait_in_line(
        &self,
        _session: &SessionId,
        _waiter: &str,
        _time: Duration,
    ) -> Result<bool, SessionError> {
        Ok(false)
    }

    /// Gives a place in the line for a session back.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn leave_line(&self, _session: &SessionId, _waiter: &str) -> Result<(), SessionError> {
        Ok(())
    }

    /// The turn that runs in a session, or would if its process still lived.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError>;

    /// The turns that run in any session, oldest first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError>;

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

    /// Returns the facts of a session, or none if there is no such session.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError>;

    /// Changes what is known of a session, and returns it as it is then. The transcript and the times stay as they are.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work. Nothing was changed.
    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError>;

    /// Returns the facts of the sessions that match, most recently written first, and at equal times in the order
    /// of the bytes of their names.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError>;

    /// Returns the facts of every session, most recently written first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        self.find(&SessionQuery::default()).await
    }

    /// Empties the transcript and the journal of a session, changes what is known of it, all or nothing, and returns it
    /// as it is then. The times stay as they are, and so does all that the patch does not change.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], [`SessionError::Closed`] if it has any status but open, or the store does not work.
    /// Nothing was changed.
    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError>;

    /// Deletes a session with its transcript and its journal, and says whether there was one. A store whose database
    /// keeps other things under the name of the session, such as checkpoints, deletes them in the same step, and says
    /// so where there was nothing but these.
    ///
    /// # Errors
    ///
    /// The store does not work. Nothing was deleted.
    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: SessionStore + ?Sized> SessionStore for std::sync::Arc<T> {
    victor_core::forward! {
        async fn create_with<'a, 'b>(
            &self,
            session: &'a SessionInfo,
            entries: &'b [TranscriptEntry],
        ) -> Result<(), SessionError>;
        async fn create<'a>(&self, session: &'a SessionInfo) -> Result<(), SessionError>;
        async fn commit<'a, 'b>(
            &self,
            session: &'a SessionId,
            expected: u64,
            commit: &'b SessionCommit,
        ) -> Result<u64, SessionError>;
        async fn append<'a, 'b>(
            &self,
            session: &'a SessionId,
            expected: u64,
            entries: &'b [TranscriptEntry],
        ) -> Result<u64, SessionError>;
        fn persists_turns(&self) -> bool;
        fn leases(&self) -> bool;
        async fn standing<'a>(
            &self,
            session: &'a SessionId,
        ) -> Result<Option<SessionStanding>, SessionError>;
        async fn change_lease<'a, 'b>(
            &self,
            session: &'a SessionId,
            change: &'b LeaseChange,
        ) -> Result<(), SessionError>;
        async fn wait_in_line<'a, 'b>(
            &self,
            session: &'a SessionId,
            waiter: &'b str,
            time: Duration,
        ) -> Result<bool, SessionError>;
        async fn leave_line<'a, 'b>(
            &self,
            session: &'a SessionId,
            waiter: &'b str,
        ) -> Result<(), SessionError>;
        async fn open_turn<'a>(
            &self,
            session: &'a SessionId,
        ) -> Result<Option<OpenTurn>, SessionError>;
        async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError>;
        async fn load<'a>(
            &self,
            session: &'a SessionId,
            from: u64,
        ) -> Result<Vec<TranscriptEntry>, SessionError>;
        async fn info<'a>(
            &self,
            session: &'a SessionId,
        ) -> Result<Option<SessionInfo>, SessionError>;
        async fn update<'a, 'b>(
            &self,
            session: &'a SessionId,
            patch: &'b SessionPatch,
        ) -> Result<SessionInfo, SessionError>;
        async fn find<'a>(&self, query: &'a SessionQuery) -> Result<Vec<SessionInfo>, SessionError>;
        async fn list(&self) -> Result<Vec<SessionInfo>, SessionError>;
        async fn clear<'a, 'b>(
            &self,
            session: &'a SessionId,
            patch: &'b SessionPatch,
        ) -> Result<SessionInfo, SessionError>;
        async fn delete<'a>(&self, session: &'a SessionId) -> Result<bool, SessionError>;
    }
}
