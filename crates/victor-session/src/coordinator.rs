//! The coordinator itself.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, Health, JsonMap, Message, SessionId, Timestamp, TurnId};
use victor_session_protocol::{
    InMemorySessionStore, SessionError, SessionExport, SessionInfo, SessionManager, SessionPatch,
    SessionStanding, SessionStore, TurnChange, TurnGrant, TurnLease, TurnPolicy, TurnRequest,
};

use crate::SessionOptions;
use crate::inner::{Inner, LeaseGuard, component};
use crate::slot::{Abandoned, TurnPermit};
use crate::tenure::in_background;

/// Lets one turn at a time work on each session, and writes what the turns say to a [`SessionStore`].
///
/// - **One turn at a time.** [`begin_turn`](victor_session_protocol::SessionManagerExt::begin_turn) gives the session
///   to those who wait in the order in which they came. Sessions do not wait for each other.
///   [`begin_turn_with`](SessionManager::begin_turn_with) does so in other ways as well: it refuses, interrupts, or
///   takes messages that wait together.
/// - **No two processes.** Where the store has leases, a turn that is journaled holds its session between processes: by
///   its first write, by every other one, by a heartbeat between them, and until its last. A turn that wants to begin
///   meanwhile waits or is refused ([`SessionOptions::wait_timeout`], [`TurnPolicy::Reject`]). If a process gives no
///   sign of life for too long ([`SessionOptions::lease_timeout`]), or is seen to have ended, the next one takes the
///   session over; should the first go on after all, its turn is interrupted and its writes fail with
///   [`SessionError::Fenced`].
/// - **No two writers.** A turn begins behind whatever was written before it began. Every write names the version that
///   the transcript had then. Where somebody else has written meanwhile, the write fails with
///   [`SessionError::Conflict`], as do all later ones of that turn, and nothing of them is kept.
/// - **Nothing is lost.** Messages of a turn that was dropped ([`record_abandoned`](SessionManager::record_abandoned))
///   are written at once if the store answers at once, else on the tokio runtime at hand, else before the next turn of
///   the session begins; until they are written, no other turn of the session begins. A write of which it is unknown
///   whether it happened is looked up before the next one.
/// - **A store that fails** is an error of the calls that needed it: its panics, and calls that take too long, as well.
///
/// [`reset`](Coordinator::reset) makes it forget the version of a session and leaves the transcript alone;
/// [`reset_session`](SessionManager::reset_session) empties the transcript. [`shutdown`](Coordinator::shutdown) refuses
/// new turns, those that wait in line among them, waits for the running turns of sessions that have abandoned messages,
/// and writes these.
#[derive(Debug)]
pub struct SessionCoordinator {
    inner: Arc<Inner>,
}

impl SessionCoordinator {
    /// A coordinator of the sessions in `store`.
    pub fn new(store: Arc<dyn SessionStore>) -> Self {
        Self::with_options(store, SessionOptions::default())
    }

    /// A coordinator of the sessions in `store` that works with it in another way.
    pub fn with_options(store: Arc<dyn SessionStore>, options: SessionOptions) -> Self {
        Self {
            inner: Arc::new(Inner::new(store, options)),
        }
    }

    /// Returns the guard of a lease, which holds the session.
    fn held<'a>(&self, lease: &'a TurnLease) -> Result<&'a LeaseGuard, SessionError> {
        let held = lease
            .guard::<LeaseGuard>()
            .filter(|held| Arc::ptr_eq(&held.tenure.inner, &self.inner));
        held.ok_or_else(|| SessionError::store("the lease was given by another session manager"))
    }
}

impl Default for SessionCoordinator {
    /// A coordinator of sessions that live as long as the process.
    fn default() -> Self {
        Self::new(Arc::new(InMemorySessionStore::default()))
    }
}

#[async_trait]
impl Coordinator for SessionCoordinator {
    fn name(&self) -> &str {
        "session"
    }

    fn health(&self) -> Health {
        self.inner.problems.health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.inner.forget(session);
    }

    async fn shutdown(&self) {
        self.inner.shut_down().await;
    }
}

#[async_trait]
impl SessionManager for SessionCoordinator {
    fn store(&self) -> Arc<dyn SessionStore> {
        self.inner.store.clone()
    }

    async fn begin_turn_with(
        &self,
        session: &SessionId,
        request: TurnRequest,
    ) -> Result<TurnGrant, SessionError> {
        self.inner.check_open()?;
        let slot = self.inner.slot(session);
        let message = request
            .message
            .filter(|_| request.policy == TurnPolicy::Merge);
        let merges = message.is_some();
        let turn = match request.policy {
            TurnPolicy::Reject => {
                TurnPermit::try_now(slot).ok_or_else(|| SessionError::Busy(session.clone()))?
            }
            policy => {
                let interrupts = policy == TurnPolicy::Interrupt;
                match TurnPermit::wait(slot, interrupts, message).await {
                    Ok(turn) => turn,
                    Err(into) => return Ok(TurnGrant::Merged { into }),
                }
            }
        };
        let rejects = request.policy == TurnPolicy::Reject;
        let lease = self.inner.begin(session, turn, rejects).await?;
        // Nothing is awaited any more: who is told that their message was taken can rely on it.
        let merged = match lease.guard::<LeaseGuard>() {
            Some(held) => {
                held.tenure.interrupts(request.interrupt.clone());
                held.turn.begin(request.turn, request.interrupt, merges)
            }
            None => Vec::new(),
        };
        Ok(TurnGrant::Begin { lease, merged })
    }

    async fn catch_up(&self, lease: &TurnLease) -> Result<u64, SessionError> {
        self.held(lease)?.catch_up(lease.session()).await
    }

    async fn claim(&self, lease: &TurnLease, turn: TurnId) -> Result<(), SessionError> {
        self.held(lease)?.tenure.take(turn).await
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        self.inner.standing(session).await
    }

    async fn commit(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
        facts: &JsonMap,
    ) -> Result<(), SessionError> {
        self.held(lease)?
            .write(lease.session(), turn, messages, journal, facts)
            .await
    }

    fn record_abandoned(
        &self,
        lease: TurnLease,
        turn: TurnId,
        messages: Vec<Arc<Message>>,
        facts: JsonMap,
    ) {
        match self.held(&lease) {
            Err(error) => return self.inner.report(lease.session(), &error),
            Ok(_) if messages.is_empty() && !self.inner.store.persists_turns() => return,
            Ok(held) => held.turn.backlog().push_back(Abandoned {
                turn,
                messages,
                facts,
                claim: held.tenure.hand_over(),
            }),
        }
        let session = lease.session().clone();
        let inner = Arc::clone(&self.inner);
        let writing = Box::pin(async move {
            if let Some(held) = lease.guard::<LeaseGuard>() {
                // Kept, and in the health, if it failed.
                drop(inner.write_backlog(lease.session(), &held.turn).await);
            }
        });
        // If this is dropped half way, the messages stay in the backlog, from where the next turn takes them.
        if !in_background(writing) {
            self.inner.problems.report(
                component(&session),
                "messages of an abandoned turn wait for the next turn",
            );
        }
    }

    async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionError> {
        let turn = self.inner.wait(session).await?;
        turn.delete(session, &self.inner.store).await
    }

    async fn reset_session(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<(), SessionError> {
        let turn = self.inner.wait(session).await?;
        turn.empty(session, &self.inner.store, patch).await
    }

    async fn close_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError> {
        self.inner.close(session).await
    }

    async fn expire_sessions(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError> {
        self.inner.expire(now).await
    }

    async fn import_session(
        &self,
        export: &SessionExport,
        name: Option<SessionId>,
    ) -> Result<SessionInfo, SessionError> {
        self.inner.import(export, name).await
    }
}
