//! The sessions that somebody works on, or has lately.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::warn;
use victor_core::{JsonMap, Lock, Message, Problems, SessionId, TurnId, with_causes};
use victor_guard::process;
use victor_session_protocol::{
    LeaseOwner, SessionCommit, SessionError, SessionLease, SessionStanding, SessionStore,
    TurnChange, TurnLease,
};

use crate::SessionOptions;
use crate::guarded::GuardedStore;
use crate::slot::{Slot, TurnPermit};
use crate::tenure::Tenure;
use crate::transcript::is_lost;

/// Guard of a turn: the session is free again when this is dropped, the lease in the store first.
#[derive(Debug)]
pub(crate) struct LeaseGuard {
    pub(crate) tenure: Tenure,
    pub(crate) turn: TurnPermit,
    /// Whether the turn is refused rather than made to wait for another process.
    rejects: bool,
}

impl LeaseGuard {
    /// Writes messages of the turn, and what becomes of its journal.
    pub(crate) async fn write(
        &self,
        session: &SessionId,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
        facts: &JsonMap,
    ) -> Result<(), SessionError> {
        let store = &self.tenure.inner.store;
        let lease = self.tenure.change(turn, &journal);
        let commit = SessionCommit::new(Vec::new(), journal);
        let commit = commit
            .with_metadata(facts.clone())
            .with_lease(lease.clone());
        let write = self.turn.write(session, store, turn, messages, commit);
        let result = write.await;
        self.tenure.settle(&lease, result.as_ref().err());
        result
    }

    /// Begins anew, for a turn that has not written.
    pub(crate) async fn catch_up(&self, session: &SessionId) -> Result<u64, SessionError> {
        let inner = &self.tenure.inner;
        if !self.tenure.is_unclaimed() {
            return Err(SessionError::Busy(session.clone()));
        }
        let (standing, known) = inner.free(session, self.rejects).await?;
        self.tenure.catch_up(known);
        self.turn.refresh(session, &inner.store, &standing).await
    }
}

/// State that a coordinator shares with the leases that it gives.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Arc<GuardedStore>,
    pub(crate) problems: Arc<Problems>,
    /// Identity of this coordinator for other processes.
    pub(crate) owner: LeaseOwner,
    slots: Lock<Slots>,
    pub(crate) options: SessionOptions,
    shut_down: AtomicBool,
}

#[derive(Default)]
struct Slots {
    by_session: HashMap<SessionId, Arc<Slot>>,
    /// Number of sessions above which the idle ones are forgotten.
    sweep_above: usize,
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sessions", self.by_session.len())
    }
}

impl Inner {
    pub(crate) fn new(store: Arc<dyn SessionStore>, options: SessionOptions) -> Self {
        let problems = Arc::<Problems>::default();
        let id = SessionId::generate().to_string();
        let owner = LeaseOwner::new(id, options.owner.as_str()).with_process(process::mark());
        Self {
            owner,
            store: Arc::new(GuardedStore::new(
                store,
                options.store_timeout,
                problems.clone(),
            )),
            problems,
            slots: Lock::new(Slots {
                by_session: HashMap::new(),
                sweep_above: options.idle_sessions,
            }),
            options,
            shut_down: AtomicBool::new(false),
        }
    }

    pub(crate) fn check_open(&self) -> Result<(), SessionError> {
        if self.shut_down.load(Ordering::Acquire) {
            Err(SessionError::ShutDown)
        } else {
            Ok(())
        }
    }

    /// Waits for the turn that works on a session in this process.
    pub(crate) async fn queue(&self, session: &SessionId) -> Result<TurnPermit, SessionError> {
        let turn = TurnPermit::wait(self.slot(session), false, None).await;
        // Without a message, there is nothing that another turn could have taken.
        turn.map_err(|_| SessionError::Busy(session.clone()))
    }

    /// Waits for the turn that works on a session, in any process, to do something else with it than to chat.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        session: &SessionId,
    ) -> Result<TurnPermit, SessionError> {
        let turn = self.queue(session).await?;
        if self.store.leases() {
            self.free(session, false).await?;
        }
        Ok(turn)
    }

    /// Begins a turn, for one who holds the session in this process.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        session: &SessionId,
        turn: TurnPermit,
        rejects: bool,
    ) -> Result<TurnLease, SessionError> {
        self.check_open()?;
        self.write_backlog(session, &turn).await?;
        let (standing, known) = self.free(session, rejects).await?;
        let version = turn.refresh(session, &self.store, &standing).await?;
        let held = LeaseGuard {
            tenure: Tenure::new(Arc::clone(self), session.clone(), known),
            turn,
            rejects,
        };
        Ok(TurnLease::new(session.clone(), held)
            .with_version(version)
            .with_open_turn(standing.has_open_turn))
    }

    /// Whether another coordinator works on the session of a lease, as far as can be known.
    pub(crate) fn is_foreign(&self, lease: &SessionLease) -> bool {
        let process = lease.owner.process.as_deref();
        !lease.has_run_out()
            && lease.owner.id != self.owner.id
            && !process.is_some_and(process::has_ended)
    }

    /// Returns the standing of a session, with a lease only if somebody works on it.
    pub(crate) async fn standing(
        &self,
        session: &SessionId,
    ) -> Result<Option<SessionStanding>, SessionError> {
        let mut standing = GuardedStore::standing(&self.store, session).await?;
        if let Some(standing) = &mut standing {
            let works = |lease: &SessionLease| match lease.owner.id == self.owner.id {
                true => self
                    .slots
                    .lock()
                    .by_session
                    .get(session)
                    .is_some_and(|slot| slot.is_held()),
                false => self.is_foreign(lease),
            };
            standing.lease = standing.lease.take().filter(works);
        }
        Ok(standing)
    }

    /// Duration of leases; none if none are taken.
    pub(crate) fn lease_time(&self) -> Option<Duration> {
        let time = self.options.lease_timeout;
        (!time.is_zero() && self.store.leases()).then_some(time)
    }

    /// Has the session looked at anew before the next turn, and forgets what is known of it if nobody works on it.
    pub(crate) fn forget(&self, session: &SessionId) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.by_session.get(session) {
            if is_idle(slot) {
                slots.by_session.remove(session);
            } else {
                slot.mark_stale();
            }
        }
    }

    /// Refuses new turns, and writes what was abandoned.
    pub(crate) async fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Release);
        let slots: Vec<_> = {
            let slots = self.slots.lock();
            let slots = slots.by_session.iter();
            let with_backlog = slots.filter(|(_, slot)| !slot.backlog().is_empty());
            with_backlog
                .map(|(session, slot)| (session.clone(), slot.clone()))
                .collect()
        };
        for (session, slot) in slots {
            if let Ok(turn) = TurnPermit::wait(slot, false, None).await {
                drop(self.write_backlog(&session, &turn).await);
            }
        }
    }

    pub(crate) fn slot(&self, session: &SessionId) -> Arc<Slot> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.by_session.get(session) {
            if self.options.idle_sessions == 0 && is_idle(slot) {
                slot.mark_stale();
            }
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
            Ok(()) => self.problems.clear(&component(session)),
            Err(error) => {
                self.report(session, &error);
                if !is_lost(&error) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn report(&self, session: &SessionId, error: &SessionError) {
        let error = with_causes(error);
        warn!(%session, error, "messages of an abandoned turn were not written");
        self.problems.report(
            component(session),
            format_args!("messages of an abandoned turn were not written: {error}"),
        );
    }
}

/// The session's name among the problems.
pub(crate) fn component(session: &SessionId) -> String {
    format!("session `{session}`")
}

/// Whether nobody works on a session or waits for it, and nothing of it waits to be written. Asked under the lock of
/// the slots, through which alone one comes to a slot.
fn is_idle(slot: &Arc<Slot>) -> bool {
    Arc::strong_count(slot) == 1 && slot.backlog().is_empty()
}
