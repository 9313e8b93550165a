//! The coordinator itself.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tracing::warn;
use victor_core::{
    Coordinator, Health, Message, Problems, SessionId, Timestamp, TurnId, contain_sync,
};
use victor_session_protocol::{
    InMemorySessionStore, OpenTurn, SessionError, SessionExport, SessionInfo, SessionManager,
    SessionPatch, SessionQuery, SessionStore, TranscriptEntry, TurnChange, TurnGrant, TurnLease,
    TurnPolicy, TurnRequest,
};

use crate::SessionOptions;
use crate::guarded::GuardedStore;
use crate::slot::{Abandoned, Slot, Turn};
use crate::transcript::is_lost;

/// Lets one turn at a time work on each session, and writes what the turns say to a [`SessionStore`].
///
/// - **One turn at a time.** [`begin_turn`](SessionManager::begin_turn) gives the session to those who wait in the
///   order in which they came. Sessions do not wait for each other.
///   [`begin_turn_with`](SessionManager::begin_turn_with) does so in other ways as well: it refuses, interrupts, or takes
///   messages that wait together.
/// - **No two writers.** Every write names the version that the transcript had when the turn began. Where another
///   process has written meanwhile, the write fails with [`SessionError::Conflict`], as do all later ones of that
///   turn, and nothing of them is kept; the next turn begins behind what the other has written. The version is
///   remembered between turns, so that a turn is told of it even if the other was done before it began.
/// - **Nothing is lost.** Messages of a turn that was dropped ([`record_abandoned`](SessionManager::record_abandoned))
///   are written at once if the store answers at once, else on the tokio runtime at hand, else before the next turn of
///   the session begins; until they are written, no other turn of the session begins. A write of which it is unknown
///   whether it happened is looked up before the next one.
/// - **A store that fails** is an error of the calls that needed it: its panics, and calls that take too long, as well.
///
/// [`reset`](Coordinator::reset) makes it forget the version of a session and leaves the transcript alone;
/// [`reset_session`](SessionManager::reset_session) empties the transcript. A reset that is dropped half way may leave the
/// session deleted. [`shutdown`](Coordinator::shutdown)
/// refuses new turns, those that wait in line among them, waits for the running turns of sessions that have abandoned
/// messages, and writes these.
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
        let problems = Arc::<Problems>::default();
        let store = GuardedStore::new(store, options.time_limit, problems.clone());
        let slots = Mutex::new(Slots {
            by_session: HashMap::new(),
            sweep_above: options.idle_sessions,
        });
        Self {
            inner: Arc::new(Inner {
                store,
                problems,
                slots,
                options,
                shut_down: AtomicBool::new(false),
            }),
        }
    }

    /// What holds the session of a lease.
    fn held<'a>(&self, lease: &'a TurnLease) -> Result<&'a Held, SessionError> {
        let held = lease
            .guard::<Held>()
            .filter(|held| Arc::ptr_eq(&held.inner, &self.inner));
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
        let mut slots = self
            .inner
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.by_session.get(session) {
            if is_idle(slot) {
                slots.by_session.remove(session);
            } else {
                slot.mark_stale();
            }
        }
    }

    async fn shutdown(&self) {
        self.inner.shut_down.store(true, Ordering::Release);
        let with_backlog: Vec<_> = {
            let slots = self
                .inner
                .slots
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let slots = slots
                .by_session
                .iter()
                .filter(|(_, slot)| !slot.backlog().is_empty());
            slots
                .map(|(session, slot)| (session.clone(), slot.clone()))
                .collect()
        };
        for (session, slot) in with_backlog {
            if let Ok(turn) = Turn::wait(slot, false, None).await {
                drop(self.inner.write_backlog(&session, &turn).await);
            }
        }
    }
}

#[async_trait]
impl SessionManager for SessionCoordinator {
    async fn begin_turn(&self, session: &SessionId) -> Result<TurnLease, SessionError> {
        self.inner.check_open()?;
        let turn = self.inner.wait(session).await?;
        self.inner.begin(session, turn).await
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
                Turn::try_now(slot).ok_or_else(|| SessionError::Busy(session.clone()))?
            }
            policy => {
                let interrupts = policy == TurnPolicy::Interrupt;
                match Turn::wait(slot, interrupts, message).await {
                    Ok(turn) => turn,
                    Err(into) => return Ok(TurnGrant::Merged { into }),
                }
            }
        };
        let lease = self.inner.begin(session, turn).await?;
        // Nothing is awaited any more: who is told that their message was taken can rely on it.
        let merged = match lease.guard::<Held>() {
            Some(held) => held.turn.begin(request.turn, request.interrupt, merges),
            None => Vec::new(),
        };
        Ok(TurnGrant::Begin { lease, merged })
    }

    async fn commit(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
    ) -> Result<(), SessionError> {
        self.held(lease)?
            .turn
            .write(lease.session(), &self.inner.store, turn, messages, journal)
            .await
    }

    fn journals(&self) -> bool {
        self.inner.store.is_durable()
    }

    fn record_abandoned(&self, lease: TurnLease, turn: TurnId, messages: Vec<Arc<Message>>) {
        match self.held(&lease) {
            Err(error) => return self.inner.report(lease.session(), &error),
            Ok(held) if messages.is_empty() && !held.inner.store.is_durable() => return,
            Ok(held) => held.turn.backlog().push_back(Abandoned { turn, messages }),
        }
        let session = lease.session().clone();
        let mut writing = Box::pin(async move {
            if let Some(held) = lease.guard::<Held>() {
                // Kept, and in the health, if it failed.
                drop(held.inner.write_backlog(lease.session(), &held.turn).await);
            }
        });
        if !poll_once(writing.as_mut()) {
            return;
        }
        // If this is dropped half way, the messages stay in the backlog, from where the next turn takes them.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(writing)),
            Err(_) => self.inner.problems.report(
                part(&session),
                "messages of an abandoned turn wait for the next turn",
            ),
        }
    }

    async fn create_session(&self, session: &SessionInfo) -> Result<(), SessionError> {
        self.inner.store.create(session).await?;
        self.inner.mark_stale(&session.id);
        Ok(())
    }

    async fn transcript(&self, session: &SessionId) -> Result<Vec<TranscriptEntry>, SessionError> {
        Ok(self.inner.store.load(session, 0).await?.unwrap_or_default())
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>, SessionError> {
        self.inner.store.list().await
    }

    async fn session_info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        self.inner.store.info(session).await
    }

    async fn find_sessions(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        self.inner.store.find(query).await
    }

    async fn update_session(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        let info = self.inner.store.update(session, patch).await?;
        if patch.status.is_some() {
            self.inner.mark_stale(session);
        }
        Ok(info)
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        self.inner.store.open_turn(session).await
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.inner.store.open_turns().await
    }

    async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionError> {
        let turn = self.inner.wait(session).await?;
        turn.delete(session, &self.inner.store).await
    }

    async fn reset_session(&self, session: &SessionId) -> Result<(), SessionError> {
        let turn = self.inner.wait(session).await?;
        turn.empty(session, &self.inner.store).await
    }

    async fn close_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError> {
        self.inner.close(session).await
    }

    async fn expire_sessions(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError> {
        self.inner.expire(now).await
    }

    async fn export_session(&self, session: &SessionId) -> Result<SessionExport, SessionError> {
        self.inner.export(session).await
    }

    async fn import_session(
        &self,
        export: &SessionExport,
        name: Option<SessionId>,
    ) -> Result<SessionInfo, SessionError> {
        self.inner.import(export, name).await
    }
}

/// What a lease holds: the session's lock is free again when this is dropped.
struct Held {
    turn: Turn,
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: GuardedStore,
    problems: Arc<Problems>,
    slots: Mutex<Slots>,
    options: SessionOptions,
    shut_down: AtomicBool,
}

#[derive(Default)]
struct Slots {
    by_session: HashMap<SessionId, Arc<Slot>>,
    /// When there are more, the idle ones are forgotten.
    sweep_above: usize,
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sessions", self.by_session.len())
    }
}

impl Inner {
    fn check_open(&self) -> Result<(), SessionError> {
        if self.shut_down.load(Ordering::Acquire) {
            Err(SessionError::ShutDown)
        } else {
            Ok(())
        }
    }

    /// Waits for the turn that works on a session, to do something else with it than to chat.
    pub(crate) async fn wait(&self, session: &SessionId) -> Result<Turn, SessionError> {
        let turn = Turn::wait(self.slot(session), false, None).await;
        // Without a message, there is nothing that another turn could have taken.
        turn.map_err(|_| SessionError::Busy(session.clone()))
    }

    /// Begins a turn, for one who holds the session.
    async fn begin(
        self: &Arc<Self>,
        session: &SessionId,
        turn: Turn,
    ) -> Result<TurnLease, SessionError> {
        self.check_open()?;
        self.write_backlog(session, &turn).await?;
        let version = turn.refresh(session, &self.store).await?;
        let held = Held {
            turn,
            inner: Arc::clone(self),
        };
        Ok(TurnLease::new(session.clone(), held).with_version(version))
    }

    /// Has the session looked at anew before the next turn.
    pub(crate) fn mark_stale(&self, session: &SessionId) {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.by_session.get(session) {
            slot.mark_stale();
        }
    }

    pub(crate) fn slot(&self, session: &SessionId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.by_session.get(session) {
            return slot.clone();
        }
        if slots.by_session.len() >= slots.sweep_above {
            slots.by_session.retain(|_, slot| !is_idle(slot));
            // At least as many new ones come before the next sweep as this one has looked at and kept.
            slots.sweep_above = self.options.idle_sessions.max(slots.by_session.len() * 2);
        }
        slots.by_session.entry(session.clone()).or_default().clone()
    }

    /// Writes what was abandoned, for one who holds the session. That it was too late is no error, but a problem.
    pub(crate) async fn write_backlog(
        &self,
        session: &SessionId,
        slot: &Slot,
    ) -> Result<(), SessionError> {
        if slot.backlog().is_empty() {
            return Ok(());
        }
        match slot.write_backlog(session, &self.store).await {
            Ok(()) => self.problems.clear(&part(session)),
            Err(error) => {
                self.report(session, &error);
                if !is_lost(&error) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn report(&self, session: &SessionId, error: &SessionError) {
        warn!(%session, %error, "messages of an abandoned turn were not written");
        self.problems.report(
            part(session),
            format_args!("messages of an abandoned turn were not written: {error}"),
        );
    }
}

/// The session's name among the problems.
fn part(session: &SessionId) -> String {
    format!("session `{session}`")
}

/// Whether nobody works on a session or waits for it, and nothing of it waits to be written. Asked under the lock of
/// the slots, through which alone one comes to a slot.
fn is_idle(slot: &Arc<Slot>) -> bool {
    Arc::strong_count(slot) == 1 && slot.backlog().is_empty()
}

/// Polls a future once, and says whether it goes on.
fn poll_once(future: Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    contain_sync(|| future.poll(&mut cx)).is_ok_and(|poll| poll.is_pending())
}
