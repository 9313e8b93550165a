//! A store whose faults are errors.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::{Problems, SessionId, contain_sync};
use victor_guard::{call, report};
use victor_session_protocol::{
    LeaseChange, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery,
    SessionStanding, SessionStore, TranscriptEntry,
};

/// The name of the store in the health of the coordinator.
const STORE: &str = "store";

/// A store that reports panics and calls beyond the time limit as errors, and keeps their health.
#[derive(Debug)]
pub(crate) struct GuardedStore {
    inner: Arc<dyn SessionStore>,
    timeout: Duration,
    problems: Arc<Problems>,
}

/// The calls of every turn, without the box that those of the trait need.
impl GuardedStore {
    pub(crate) fn new(
        inner: Arc<dyn SessionStore>,
        timeout: Duration,
        problems: Arc<Problems>,
    ) -> Self {
        Self {
            inner,
            timeout,
            problems,
        }
    }

    pub(crate) async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        self.call("commit", || self.inner.commit(session, expected, commit))
            .await
    }

    pub(crate) async fn standing(
        &self,
        session: &SessionId,
    ) -> Result<Option<SessionStanding>, SessionError> {
        self.call("standing", || self.inner.standing(session)).await
    }

    /// Returns the entries from number `from` on, `None` if the session does not exist.
    pub(crate) async fn entries(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Option<Vec<TranscriptEntry>>, SessionError> {
        match self.call("load", || self.inner.load(session, from)).await {
            Ok(entries) => Ok(Some(entries)),
            Err(SessionError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn call<T, F>(&self, method: &str, make: impl FnOnce() -> F) -> Result<T, SessionError>
    where
        F: Future<Output = Result<T, SessionError>>,
    {
        let answer = call(self.timeout, make)
            .await
            .map_err(|fault| SessionError::store(format!("`{method}` {fault}")))
            .flatten();
        let broken = answer
            .as_ref()
            .err()
            .filter(|error| error.is_store_failure());
        report(&self.problems, STORE, broken);
        answer
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl SessionStore for GuardedStore {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        self.call("create_with", || self.inner.create_with(session, entries))
            .await
    }

    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        self.call("create", || self.inner.create(session)).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        self.commit(session, expected, commit).await
    }

    async fn append(
        &self,
        session: &SessionId,
        expected: u64,
        entries: &[TranscriptEntry],
    ) -> Result<u64, SessionError> {
        self.call("append", || self.inner.append(session, expected, entries))
            .await
    }

    fn persists_turns(&self) -> bool {
        contain_sync(|| self.inner.persists_turns()).unwrap_or_default()
    }

    fn leases(&self) -> bool {
        contain_sync(|| self.inner.leases()).unwrap_or_default()
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        self.standing(session).await
    }

    async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        self.call("change_lease", || self.inner.change_lease(session, change))
            .await
    }

    async fn wait_in_line(
        &self,
        session: &SessionId,
        waiter: &str,
        time: Duration,
    ) -> Result<bool, SessionError> {
        let wait = || self.inner.wait_in_line(session, waiter, time);
        self.call("wait_in_line", wait).await
    }

    async fn leave_line(&self, session: &SessionId, waiter: &str) -> Result<(), SessionError> {
        self.call("leave_line", || self.inner.leave_line(session, waiter))
            .await
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        self.call("open_turn", || self.inner.open_turn(session))
            .await
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.call("open_turns", || self.inner.open_turns()).await
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        self.call("load", || self.inner.load(session, from)).await
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        self.call("info", || self.inner.info(session)).await
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.call("update", || self.inner.update(session, patch))
            .await
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        self.call("find", || self.inner.find(query)).await
    }

    async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        self.call("list", || self.inner.list()).await
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.call("clear", || self.inner.clear(session, patch))
            .await
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        self.call("delete", || self.inner.delete(session)).await
    }
}
