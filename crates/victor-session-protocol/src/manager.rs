//! The role of the session coordinator.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, Message, SessionId, TurnId};

use crate::{SessionError, SessionInfo, TranscriptEntry, TurnChange};

/// The role of the coordinator that knows the sessions and lets one turn at a time work on each.
///
/// Called by the orchestrator, from many tasks at once.
#[async_trait]
pub trait SessionManager: Coordinator {
    /// Waits until no other turn works on the session, in the order of the calls, and holds it until the lease is
    /// dropped. A session that is not there yet is made by the first write.
    ///
    /// # Errors
    ///
    /// [`SessionError::ShutDown`], or the store does not work; in that case nobody else is kept waiting.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call gives up the place in the queue.
    async fn begin_turn(&self, session: &SessionId) -> Result<TurnLease, SessionError>;

    /// Writes messages to the transcript of a session that is held, and in the same step changes the journal of its
    /// turn, all or nothing. Messages whose identifiers are already among the last ones are not written again.
    ///
    /// # Errors
    ///
    /// [`SessionError::Conflict`] if somebody else has written meanwhile, or the store does not work.
    async fn commit(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
    ) -> Result<(), SessionError>;

    /// Writes messages as [`commit`](Self::commit) does, and leaves the journal as it is.
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
        self.commit(lease, turn, messages, TurnChange::Keep).await
    }

    /// Whether turns are to be journaled, so that they can be taken up after a crash.
    fn journals(&self) -> bool;

    /// Writes messages when the turn has been dropped and nothing can be awaited any more. It holds the session until
    /// they are written, and closes the journal of the turn; what goes wrong is shown in the coordinator's health.
    fn record_abandoned(&self, lease: TurnLease, turn: TurnId, messages: Vec<Arc<Message>>);

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

    /// Waits for the turn that works on the session, and empties its transcript. Of a session that is not there,
    /// nothing is emptied.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn reset_session(&self, session: &SessionId) -> Result<(), SessionError>;
}

/// The right to work on a session, until it is dropped.
#[must_use = "the session is free again as soon as the lease is dropped"]
pub struct TurnLease {
    session: SessionId,
    version: Option<u64>,
    guard: Box<dyn Any + Send + Sync>,
}

impl TurnLease {
    /// The right to work on `session`, which ends when `guard` is dropped.
    pub fn new(session: SessionId, guard: impl Any + Send + Sync) -> Self {
        Self {
            session,
            version: None,
            guard: Box::new(guard),
        }
    }

    /// The same right, with the number of entries that the transcript had when it was given.
    pub fn with_version(self, version: u64) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    /// How many entries the transcript had when the right was given, where the manager knows it. Who keeps something
    /// that was made from the transcript can tell by it whether somebody else has written since.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// What holds the session, for the manager that made the lease.
    #[must_use]
    pub fn guard<G: Any>(&self) -> Option<&G> {
        self.guard.downcast_ref()
    }
}

impl fmt::Debug for TurnLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnLease")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
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
        async fn commit(&self, lease: &TurnLease, turn: TurnId, messages: &[Arc<Message>], journal: TurnChange) -> Result<(), SessionError>;
        async fn record(&self, lease: &TurnLease, turn: TurnId, messages: &[Arc<Message>]) -> Result<(), SessionError>;
        fn journals(&self) -> bool;
        fn record_abandoned(&self, lease: TurnLease, turn: TurnId, messages: Vec<Arc<Message>>);
        async fn create_session(&self, session: &SessionInfo) -> Result<(), SessionError>;
        async fn transcript(&self, session: &SessionId) -> Result<Vec<TranscriptEntry>, SessionError>;
        async fn sessions(&self) -> Result<Vec<SessionInfo>, SessionError>;
        async fn reset_session(&self, session: &SessionId) -> Result<(), SessionError>;
    }
}
