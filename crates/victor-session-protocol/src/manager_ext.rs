//! Conveniences of every session manager.

use std::sync::Arc;

use victor_core::{JsonMap, Message, SessionId, TurnId};

use crate::{
    OpenTurn, SessionError, SessionExport, SessionInfo, SessionManager, SessionPatch, SessionQuery,
    SessionStatus, TranscriptEntry, TurnChange, TurnGrant, TurnLease, TurnPolicy, TurnRequest,
};

/// The methods of every [`SessionManager`] that follow from those that it implements.
pub trait SessionManagerExt: SessionManager {
    /// Waits until no other turn works on the session, in the order of the calls, and holds it until the lease is
    /// dropped: [`begin_turn_with`](SessionManager::begin_turn_with) with [`TurnPolicy::Queue`].
    ///
    /// # Errors
    ///
    /// Those of [`begin_turn_with`](SessionManager::begin_turn_with).
    ///
    /// # Cancel safety
    ///
    /// Dropping the call gives up the place in the queue.
    fn begin_turn(
        &self,
        session: &SessionId,
    ) -> impl Future<Output = Result<TurnLease, SessionError>> + Send {
        async move {
            let request = TurnRequest::new(TurnId::generate(), TurnPolicy::Queue);
            match self.begin_turn_with(session, request).await? {
                TurnGrant::Begin { lease, .. } => Ok(lease),
                // Without a message, there is nothing to merge.
                TurnGrant::Merged { .. } => Err(SessionError::Busy(session.clone())),
            }
        }
    }

    /// Writes messages as [`commit`](SessionManager::commit) does, and leaves all else as it is.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](SessionManager::commit).
    fn record(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
    ) -> impl Future<Output = Result<(), SessionError>> + Send {
        async move {
            self.commit(lease, turn, messages, TurnChange::Keep, &JsonMap::new())
                .await
        }
    }

    /// Whether the store outlives the process, so that turns are stored between their steps and can be resumed after a
    /// crash.
    fn persists_turns(&self) -> bool {
        self.store().persists_turns()
    }

    /// Creates a session with an empty transcript.
    ///
    /// # Errors
    ///
    /// [`SessionError::AlreadyExists`], or the store does not work.
    fn create_session(
        &self,
        session: &SessionInfo,
    ) -> impl Future<Output = Result<(), SessionError>> + Send {
        async move {
            self.store().create(session).await?;
            self.reset(&session.id);
            Ok(())
        }
    }

    /// Returns the whole transcript of a session, empty if the session does not exist.
    ///
    /// # Errors
    ///
    /// The store does not work.
    fn transcript(
        &self,
        session: &SessionId,
    ) -> impl Future<Output = Result<Vec<TranscriptEntry>, SessionError>> + Send {
        async move {
            match self.store().load(session, 0).await {
                Err(SessionError::NotFound(_)) => Ok(Vec::new()),
                entries => entries,
            }
        }
    }

    /// Returns every session, most recently written first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    fn sessions(&self) -> impl Future<Output = Result<Vec<SessionInfo>, SessionError>> + Send {
        async move { self.store().list().await }
    }

    /// Returns the description of a session, `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// The store does not work.
    fn session_info(
        &self,
        session: &SessionId,
    ) -> impl Future<Output = Result<Option<SessionInfo>, SessionError>> + Send {
        async move { self.store().info(session).await }
    }

    /// Returns the sessions that a query selects, most recently written first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    fn find_sessions(
        &self,
        query: &SessionQuery,
    ) -> impl Future<Output = Result<Vec<SessionInfo>, SessionError>> + Send {
        async move { self.store().find(query).await }
    }

    /// Changes the title, tags, status, expiry and metadata of a session. It does not wait for a running turn, whose
    /// next write fails with [`SessionError::Closed`] if this closes the session;
    /// [`close_session`](SessionManager::close_session) waits.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    fn update_session(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> impl Future<Output = Result<SessionInfo, SessionError>> + Send {
        async move {
            let info = self.store().update(session, patch).await?;
            if patch.status.is_some() {
                self.reset(session);
            }
            Ok(info)
        }
    }

    /// Opens a session that was closed. An open one stays so.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    fn reopen_session(
        &self,
        session: &SessionId,
    ) -> impl Future<Output = Result<SessionInfo, SessionError>> + Send {
        async move {
            let patch = SessionPatch::default().with_status(SessionStatus::Open);
            self.update_session(session, &patch).await
        }
    }

    /// Returns the open turn of a session: one that has begun and not ended. `None` if there is none, or turns are not
    /// [persisted](Self::persists_turns).
    ///
    /// # Errors
    ///
    /// The store does not work.
    fn open_turn(
        &self,
        session: &SessionId,
    ) -> impl Future<Output = Result<Option<OpenTurn>, SessionError>> + Send {
        async move { self.store().open_turn(session).await }
    }

    /// Returns the open turns of all sessions, oldest first: those that run, here or in another process, wait for a
    /// person, or were interrupted by the end of their process. [`standing`](SessionManager::standing) tells which of
    /// them run, where the store has leases.
    ///
    /// # Errors
    ///
    /// The store does not work.
    fn open_turns(&self) -> impl Future<Output = Result<Vec<OpenTurn>, SessionError>> + Send {
        async move { self.store().open_turns().await }
    }

    /// Exports a session with its transcript, to be kept elsewhere. It does not wait for a running turn, since a
    /// transcript is a whole conversation after every write.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`], or the store does not work.
    fn export_session(
        &self,
        session: &SessionId,
    ) -> impl Future<Output = Result<SessionExport, SessionError>> + Send {
        async move {
            let store = self.store();
            match store.info(session).await? {
                Some(info) => Ok(SessionExport::new(info, store.load(session, 0).await?)),
                None => Err(SessionError::NotFound(session.clone())),
            }
        }
    }
}

impl<M: SessionManager + ?Sized> SessionManagerExt for M {}
