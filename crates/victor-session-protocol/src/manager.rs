//! The role of the session coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, JsonMap, Message, SessionId, Timestamp, TurnId};

use crate::{
    SessionError, SessionExport, SessionInfo, SessionPatch, SessionStanding, SessionStore,
    TurnChange, TurnGrant, TurnLease, TurnRequest,
};

/// The role of the coordinator that lets one turn at a time work on each session.
///
/// Called by the orchestrator, from many tasks at once. Beginning a turn, reading and changing a session are methods of
/// [`SessionManagerExt`](crate::SessionManagerExt), which follow from these.
#[async_trait]
pub trait SessionManager: Coordinator {
    /// Returns the store of the sessions, for reads and for changes that need no turn. Panics of the store and calls
    /// that take too long are errors in it, and part of the coordinator's health.
    ///
    /// A program that creates a session or changes its status here calls [`reset`](Coordinator::reset) afterwards, as
    /// [`SessionManagerExt`](crate::SessionManagerExt) does.
    fn store(&self) -> Arc<dyn SessionStore>;

    /// Begins a turn. If another turn works on the session, the request's [`TurnPolicy`](crate::TurnPolicy) decides.
    ///
    /// The lease holds the session until it is dropped. A session that does not exist is created by the first write.
    /// The turn begins behind everything that was written before. Where the store has leases and another process works
    /// on the session, the call waits for that process too, up to the manager's own limit; a turn in another process
    /// cannot be interrupted.
    ///
    /// # Errors
    ///
    /// [`SessionError::Closed`], [`SessionError::ShutDown`], or the store does not work. [`SessionError::Busy`] where
    /// the policy is to reject; [`SessionError::Held`] if a turn of another process lasts longer than the call may
    /// wait. After an error, nobody else is kept waiting, and messages that would have been merged into this one wait
    /// on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call gives up the place in the queue. A turn that it has interrupted stays so. Messages are merged
    /// in the moment in which the call returns, and belong to the caller that it returns to.
    async fn begin_turn_with(
        &self,
        session: &SessionId,
        request: TurnRequest,
    ) -> Result<TurnGrant, SessionError>;

    /// Brings a lease up to date whose first write failed because another writer was faster
    /// ([`is_conflict`](SessionError::is_conflict)), and returns the number of entries that the transcript has now. It
    /// waits for the others as [`begin_turn_with`](Self::begin_turn_with) does. By default it fails, and so does the
    /// turn.
    ///
    /// # Errors
    ///
    /// The lease has been used to write, and those of [`begin_turn_with`](Self::begin_turn_with).
    async fn catch_up(&self, lease: &TurnLease) -> Result<u64, SessionError> {
        Err(SessionError::Busy(lease.session().clone()))
    }

    /// Holds a session between processes from now on, for a turn that acts before its first write. Otherwise that write
    /// does so, where it opens the turn's journal. By default there is nothing to do.
    ///
    /// # Errors
    ///
    /// [`SessionError::Held`] or [`SessionError::Fenced`] if another process was faster, or the store does not work.
    async fn claim(&self, _lease: &TurnLease, _turn: TurnId) -> Result<(), SessionError> {
        Ok(())
    }

    /// Writes messages to the transcript of a session that is held, and in the same step changes the journal of its
    /// turn and sets these facts in the session's metadata, all or nothing. Messages whose identifiers are already
    /// among the last ones are not written again.
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

    /// Writes messages, if there are any, and these facts with them, when the turn has been dropped and nothing can be
    /// awaited any more. It holds the session until they are written, and closes the journal of the turn; failures show
    /// in the coordinator's health.
    fn record_abandoned(
        &self,
        lease: TurnLease,
        turn: TurnId,
        messages: Vec<Arc<Message>>,
        facts: JsonMap,
    );

    /// Returns the state of a session, `None` if it does not exist. It has a lease only if somebody works on the
    /// session at this moment, here or in another process. By default it is that of the store.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        self.store().standing(session).await
    }

    /// Waits for the turn that works on the session, and deletes the session with its transcript, its journal and all
    /// else that its store keeps of it. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionError>;

    /// Waits for the turn that works on the session, empties its transcript and its journal, and patches its metadata
    /// in the same step. A session that does not exist stays so.
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
    /// journal stays, so that a turn that waits for a person can be resumed after that.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    async fn close_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError>;

    /// Deletes the sessions that expire at `now` or before, and returns their names. It waits for no turn: sessions
    /// that somebody works on, or that are open and have an open turn in the journal, are left for another time.
    ///
    /// # Errors
    ///
    /// The store does not work. Sessions deleted until then are gone, and the others are left.
    ///
    /// # Cancel safety
    ///
    /// Each session is gone as a whole or left.
    async fn expire_sessions(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError>;

    /// Imports a session, under its own name or another one, in one write, and returns its new state. Its entries keep
    /// their times, and the time of its last write is now.
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
        fn store(&self) -> Arc<dyn SessionStore>;
        async fn begin_turn_with(&self, session: &SessionId, request: TurnRequest) -> Result<TurnGrant, SessionError>;
        async fn catch_up(&self, lease: &TurnLease) -> Result<u64, SessionError>;
        async fn claim(&self, lease: &TurnLease, turn: TurnId) -> Result<(), SessionError>;
        async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError>;
        async fn commit(
            &self,
            lease: &TurnLease,
            turn: TurnId,
            messages: &[Arc<Message>],
            journal: TurnChange,
            facts: &JsonMap,
        ) -> Result<(), SessionError>;
        fn record_abandoned(&self, lease: TurnLease, turn: TurnId, messages: Vec<Arc<Message>>, facts: JsonMap);
        async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionError>;
        async fn reset_session(&self, session: &SessionId, patch: &SessionPatch) -> Result<(), SessionError>;
        async fn close_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError>;
        async fn expire_sessions(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError>;
        async fn import_session(
            &self,
            export: &SessionExport,
            name: Option<SessionId>,
        ) -> Result<SessionInfo, SessionError>;
    }
}
