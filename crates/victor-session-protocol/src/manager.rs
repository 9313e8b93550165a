//! The role of the session coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, JsonMap, Message, SessionId, Timestamp, TurnId};

use crate::{
    OpenTurn, SessionError, SessionExport, SessionInfo, SessionPatch, SessionQuery,
    SessionStanding, SessionStatus, TranscriptEntry, TurnChange, TurnGrant, TurnLease, TurnRequest,
};

/// The role of the coordinator that knows the sessions and lets one turn at a time work on each.
///
/// Called by the orchestrator, from many tasks at once.
#[async_trait]
pub trait SessionManager: Coordinator {
    /// Waits until no other turn works on the session, in the order of the calls, and holds it until the lease is
    /// dropped. A session that is not there yet is made by the first write. The turn begins behind whatever others have
    /// written before.
    ///
    /// Where the store has leases and another process works on the session, it waits for that one too, or as long as it
    /// has been told to.
    ///
    /// # Errors
    ///
    /// [`SessionError::Closed`], [`SessionError::ShutDown`], [`SessionError::Held`] where another process works on the
    /// session for longer than is waited, or the store does not work; in that case nobody else is kept waiting.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call gives up the place in the queue.
    async fn begin_turn(&self, session: &SessionId) -> Result<TurnLease, SessionError>;

    /// Begins a turn for a message, and does what its [`TurnPolicy`](crate::TurnPolicy) says if another turn works on
    /// the session. With [`TurnPolicy::Queue`](crate::TurnPolicy::Queue) it is the same as
    /// [`begin_turn`](Self::begin_turn), but the turn can be interrupted if the request says how.
    ///
    /// # Errors
    ///
    /// [`SessionError::Busy`] and, of a turn in another process, [`SessionError::Held`] where the policy is to reject, and
    /// those of [`begin_turn`](Self::begin_turn). Messages that would have been merged into this one wait on. A turn in
    /// another process cannot be interrupted, and is waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call gives up the place in the queue. A turn that it has interrupted stays so. Messages are merged
    /// in the moment in which the call returns, and belong to whoever it returns to.
    async fn begin_turn_with(
        &self,
        session: &SessionId,
        request: TurnRequest,
    ) -> Result<TurnGrant, SessionError>;

    /// Brings a lease up to date whose first write failed because somebody else was faster
    /// ([`is_conflict`](SessionError::is_conflict)), and returns how many entries the transcript has now. It waits for
    /// the others as [`begin_turn_with`](Self::begin_turn_with) does. By default it fails, and so does the turn.
    ///
    /// # Errors
    ///
    /// The lease has been used to write, and those of [`begin_turn`](Self::begin_turn).
    async fn catch_up(&self, lease: &TurnLease) -> Result<u64, SessionError> {
        Err(SessionError::Busy(lease.session().clone()))
    }

    /// Holds a session between processes from now on, for a turn that does something before its first write. Otherwise
    /// that write does so, where it journals the turn. By default there is nothing to do.
    ///
    /// # Errors
    ///
    /// [`SessionError::Held`] or [`SessionError::Fenced`] if another process was faster, or the store does not work.
    async fn claim(&self, _lease: &TurnLease, _turn: TurnId) -> Result<(), SessionError> {
        Ok(())
    }

    /// Writes messages to the transcript of a session that is held, and in the same step changes the journal of its
    /// turn and sets these facts in the session's metadata, all or nothing. Messages whose identifiers are already among
    /// the last ones are not written again.
    ///
    /// # Errors
    ///
    /// [`SessionError::Conflict`] if somebody else has written meanwhile, [`SessionError::Held`] or
    /// [`SessionError::Fenced`] if another process has the session, or the store does not work. Nothing was written.
    async fn commit(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
        facts: &JsonMap,
    ) -> Result<(), SessionError>;

    /// Writes messages as [`commit`](Self::commit) does, and leaves all else as it is.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](Self::commit).
    async fn record(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
    ) -> Result<(), SessionError> {
        self.commit(lease, turn, messages, TurnChange::Keep, &JsonMap::new())
            .await
    }

    /// Whether turns are to be journaled, so that they can be taken up after a crash.
    fn persists_turns(&self) -> bool;

    /// Writes messages, if there are any, and these facts with them, when the turn has been dropped and nothing can be
    /// awaited any more. It holds the session until they are written, and closes the journal of the turn; what goes wrong
    /// is shown in the coordinator's health.
    fn record_abandoned(
        &self,
        lease: TurnLease,
        turn: TurnId,
        messages: Vec<Arc<Message>>,
        facts: JsonMap,
    );

    /// Makes a session with an empty transcript.
    ///
    /// # Errors
    ///
    /// [`SessionError::AlreadyExists`], or the store does not work.
    async fn create_session(&self, session: &SessionInfo) -> Result<(), SessionError>;

    /// The whole transcript of a session; empty if there is no such session.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn transcript(&self, session: &SessionId) -> Result<Vec<TranscriptEntry>, SessionError>;

    /// Every session, most recently used first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn sessions(&self) -> Result<Vec<SessionInfo>, SessionError>;

    /// What is known of a session, or none if there is no such session.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn session_info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError>;

    /// The sessions that are looked for, most recently used first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn find_sessions(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError>;

    /// Changes what is known of a session: its title, tags, status, expiry and metadata. It does not wait for the turn
    /// that runs, whose next write fails with [`SessionError::Closed`] if this closes the session;
    /// [`close_session`](Self::close_session) waits.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    async fn update_session(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError>;

    /// Where a session stands, or none if there is no such session. It has a lease only if somebody works on the session
    /// at this moment, here or in another process.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        let Some(info) = self.session_info(session).await? else {
            return Ok(None);
        };
        let open = self.open_turn(session).await?;
        Ok(Some(SessionStanding::new(&info, open.is_some())))
    }

    /// Where the turn of a session is that has begun and not ended; none if there is none, or nothing is
    /// [journaled](Self::persists_turns).
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError>;

    /// The turns of all sessions that have begun and not ended, oldest first: those that run, here or in another
    /// process, wait for a person, or were interrupted by the end of their process. [`standing`](Self::standing) tells
    /// which of them run, where the store has leases.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError>;

    /// Waits for the turn that works on the session, and deletes it with its transcript, its journal and what else its
    /// store keeps of it. Says whether there was one.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionError>;

    /// Waits for the turn that works on the session, empties its transcript and its journal, and changes in the same
    /// step what is known of it. Of a session that is not there, nothing is emptied.
    ///
    /// # Errors
    ///
    /// [`SessionError::Closed`], or the store does not work.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has emptied it or not.
    async fn reset_session(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<(), SessionError>;

    /// Waits for the turn that works on the session, and closes it: until it is opened again, it can only be read. Its
    /// journal stays, so that a turn that waits for a person can be taken up after that.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    async fn close_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError>;

    /// Opens a session that was closed. One that is open stays so.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    async fn reopen_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError> {
        let patch = SessionPatch::default().with_status(SessionStatus::Open);
        self.update_session(session, &patch).await
    }

    /// Deletes the sessions that expire at `now` or before, and says which they were. It waits for no turn: sessions
    /// that somebody works on, or in which a turn is open by the [journal](Self::persists_turns), are left for another time.
    ///
    /// # Errors
    ///
    /// The store does not work. What was deleted until then is gone, and the others are left.
    ///
    /// # Cancel safety
    ///
    /// Each session is gone as a whole or left.
    async fn expire_sessions(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError>;

    /// A session with its transcript, to be kept elsewhere. It does not wait for the turn that runs, since a transcript
    /// is a whole conversation after every write.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    async fn export_session(&self, session: &SessionId) -> Result<SessionExport, SessionError>;

    /// Brings a session in, under its own name or another one, in one write, and returns what is known of it then. Its
    /// entries keep their times, and the time of its last write is now.
    ///
    /// # Errors
    ///
    /// [`SessionError::AlreadyExists`], or the store does not work. Nothing was written.
    ///
    /// # Cancel safety
    ///
    /// A dropped call leaves the whole session behind or nothing.
    async fn import_session(
        &self,
        export: &SessionExport,
        name: Option<SessionId>,
    ) -> Result<SessionInfo, SessionError>;
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`SessionManager`], made by mockall.
    #[derive(Debug)]
    pub SessionManager {}

    #[async_trait]
    impl Coordinator for SessionManager {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl SessionManager for SessionManager {
        async fn begin_turn(&self, session: &SessionId) -> Result<TurnLease, SessionError>;
        async fn begin_turn_with(&self, session: &SessionId, request: TurnRequest) -> Result<TurnGrant, SessionError>;
        async fn catch_up(&self, lease: &TurnLease) -> Result<u64, SessionError>;
        async fn claim(&self, lease: &TurnLease, turn: TurnId) -> Result<(), SessionError>;
        async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError>;
        async fn commit(&self, lease: &TurnLease, turn: TurnId, messages: &[Arc<Message>], journal: TurnChange, facts: &JsonMap) -> Result<(), SessionError>;
        async fn record(&self, lease: &TurnLease, turn: TurnId, messages: &[Arc<Message>]) -> Result<(), SessionError>;
        fn persists_turns(&self) -> bool;
        fn record_abandoned(&self, lease: TurnLease, turn: TurnId, messages: Vec<Arc<Message>>, facts: JsonMap);
        async fn create_session(&self, session: &SessionInfo) -> Result<(), SessionError>;
        async fn transcript(&self, session: &SessionId) -> Result<Vec<TranscriptEntry>, SessionError>;
        async fn sessions(&self) -> Result<Vec<SessionInfo>, SessionError>;
        async fn session_info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError>;
        async fn find_sessions(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError>;
        async fn update_session(&self, session: &SessionId, patch: &SessionPatch) -> Result<SessionInfo, SessionError>;
        async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError>;
        async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError>;
        async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionError>;
        async fn reset_session(&self, session: &SessionId, patch: &SessionPatch) -> Result<(), SessionError>;
        async fn close_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError>;
        async fn reopen_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError>;
        async fn expire_sessions(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError>;
        async fn export_session(&self, session: &SessionId) -> Result<SessionExport, SessionError>;
        async fn import_session(&self, export: &SessionExport, name: Option<SessionId>) -> Result<SessionInfo, SessionError>;
    }
}
