//! What is kept of the sessions that somebody works on, or has lately.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::warn;
use victor_core::{Problems, SessionId, with_causes};
use victor_session_protocol::{SessionError, SessionStore, TurnLease};

use crate::SessionOptions;
use crate::guarded::GuardedStore;
use crate::slot::{Slot, Turn};
use crate::transcript::is_lost;

/// What a lease holds: the session's lock is free again when this is dropped.
pub(crate) struct Held {
    pub(crate) turn: Turn,
    pub(crate) inner: Arc<Inner>,
}

/// What a coordinator shares with the leases that it gives.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: GuardedStore,
    pub(crate) problems: Arc<Problems>,
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
    pub(crate) fn new(store: Arc<dyn SessionStore>, options: SessionOptions) -> Self {
        let problems = Arc::<Problems>::default();
        Self {
            store: GuardedStore::new(store, options.time_limit, problems.clone()),
            problems,
            slots: Mutex::new(Slots {
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

    /// Waits for the turn that works on a session, to do something else with it than to chat.
    pub(crate) async fn wait(&self, session: &SessionId) -> Result<Turn, SessionError> {
        let turn = Turn::wait(self.slot(session), false, None).await;
        // Without a message, there is nothing that another turn could have taken.
        turn.map_err(|_| SessionError::Busy(session.clone()))
    }

    /// Begins a turn, for one who holds the session.
    pub(crate) async fn begin(
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

    /// Has the session looked at anew before the next turn, and forgets what is known of it if nobody works on it.
    pub(crate) fn forget(&self, session: &SessionId) {
        let mut slots = self.slots();
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
            let slots = self.slots();
            let slots = slots.by_session.iter();
            let with_backlog = slots.filter(|(_, slot)| !slot.backlog().is_empty());
            with_backlog
                .map(|(session, slot)| (session.clone(), slot.clone()))
                .collect()
        };
        for (session, slot) in slots {
            if let Ok(turn) = Turn::wait(slot, false, None).await {
                drop(self.write_backlog(&session, &turn).await);
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // Nothing that is done under the lock can panic half way.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn slot(&self, session: &SessionId) -> Arc<Slot> {
        let mut slots = self.slots();
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

    pub(crate) fn report(&self, session: &SessionId, error: &SessionError) {
        let error = with_causes(error);
        warn!(%session, error, "messages of an abandoned turn were not written");
        self.problems.report(
            part(session),
            format_args!("messages of an abandoned turn were not written: {error}"),
        );
    }
}

/// The session's name among the problems.
pub(crate) fn part(session: &SessionId) -> String {
    format!("session `{session}`")
}

/// Whether nobody works on a session or waits for it, and nothing of it waits to be written. Asked under the lock of
/// the slots, through which alone one comes to a slot.
fn is_idle(slot: &Arc<Slot>) -> bool {
    Arc::strong_count(slot) == 1 && slot.backlog().is_empty()
}
