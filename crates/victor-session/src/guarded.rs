//! A store whose faults are errors.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};
use victor_core::{Problems, SessionId, contain, contain_sync, with_causes};
use victor_session_protocol::{
    LeaseChange, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery,
    SessionStanding, SessionStore, TranscriptEntry,
};

/// What the health calls the store.
const PART: &str = "store";

/// A store in which a panic is an error, as is a call that takes too long, and which health knows about.
#[derive(Debug)]
pub(crate) struct GuardedStore {
    inner: Arc<dyn SessionStore>,
    time_limit: Duration,
    problems: Arc<Problems>,
}

impl GuardedStore {
    pub(crate) fn new(
        inner: Arc<dyn SessionStore>,
        time_limit: Duration,
        problems: Arc<Problems>,
    ) -> Self {
        Self {
            inner,
            time_limit,
            problems,
        }
    }

    pub(crate) async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        self.call("create_with", async {
            self.inner.create_with(session, entries).await
        })
        .await
    }

    pub(crate) async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        self.call("commit", async {
            self.inner.commit(session, expected, commit).await
        })
        .await
    }

    pub(crate) fn persists_turns(&self) -> bool {
        contain_sync(|| self.inner.persists_turns()).unwrap_or_default()
    }

    pub(crate) fn leases(&self) -> bool {
        contain_sync(|| self.inner.leases()).unwrap_or_default()
    }

    pub(crate) async fn standing(
        &self,
        session: &SessionId,
    ) -> Result<Option<SessionStanding>, SessionError> {
        self.call("standing", async { self.inner.standing(session).await })
            .await
    }

    pub(crate) async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        self.call("change_lease", async {
            self.inner.change_lease(session, change).await
        })
        .await
    }

    /// The entries from number `from` on; none if there is no such session.
    pub(crate) async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Option<Vec<TranscriptEntry>>, SessionError> {
        match self
            .call("load", async { self.inner.load(session, from).await })
            .await
        {
            Ok(entries) => Ok(Some(entries)),
            Err(SessionError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn info(
        &self,
        session: &SessionId,
    ) -> Result<Option<SessionInfo>, SessionError> {
        self.call("info", async { self.inner.info(session).await })
            .await
    }

    pub(crate) async fn find(
        &self,
        query: &SessionQuery,
    ) -> Result<Vec<SessionInfo>, SessionError> {
        self.call("find", async { self.inner.find(query).await })
            .await
    }

    pub(crate) async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.call("update", async { self.inner.update(session, patch).await })
            .await
    }

    pub(crate) async fn open_turn(
        &self,
        session: &SessionId,
    ) -> Result<Option<OpenTurn>, SessionError> {
        self.call("open_turn", async { self.inner.open_turn(session).await })
            .await
    }

    pub(crate) async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.call("open_turns", async { self.inner.open_turns().await })
            .await
    }

    pub(crate) async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        self.call("list", async { self.inner.list().await }).await
    }

    pub(crate) async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.call("clear", async { self.inner.clear(session, patch).await })
            .await
    }

    pub(crate) async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        self.call("delete", async { self.inner.delete(session).await })
            .await
    }

    async fn call<T>(
        &self,
        verb: &str,
        call: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, SessionError> {
        let result = match within(self.time_limit, contain(call)).await {
            None => Err(SessionError::store(format!(
                "`{verb}` gave no answer within {:?}",
                self.time_limit
            ))),
            Some(Err(panicked)) => Err(SessionError::store(format!("`{verb}` {panicked}"))),
            Some(Ok(result)) => result,
        };
        match &result {
            Err(error @ SessionError::Store { .. }) => {
                self.problems.report(PART, with_causes(error));
            }
            _ => self.problems.clear(PART),
        }
        result
    }
}

/// Runs a future, at most for `limit` if this is a tokio runtime with timers. None if the time is up.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    // Most calls are done at once and need no timer.
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        match timer.get_or_insert_with(|| start_timer(limit)) {
            Some(timer) => timer.as_mut().poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

pub(crate) fn start_timer(limit: Duration) -> Option<Pin<Box<Sleep>>> {
    // `sleep` panics in a runtime without timers.
    Handle::try_current()
        .ok()
        .and_then(|_| contain_sync(|| Box::pin(sleep(limit))).ok())
}
