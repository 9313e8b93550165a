//! What is remembered of sessions.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use victor_core::{CheckpointId, SessionId};

use crate::retention::Entry;
use crate::trail::Trail;

/// What is remembered of a session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// How many tool calls there were since the last checkpoint.
    pub(crate) calls: AtomicU32,
    /// Where it is. One at a time makes a checkpoint, so that each follows on the one before.
    pub(crate) place: tokio::sync::Mutex<Place>,
}

/// Where a session is among its checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The checkpoint on which the next one follows, if it was made or restored here.
    pub(crate) at: Option<CheckpointId>,
    /// The messages of that, which the store has.
    pub(crate) trail: Trail,
    /// The checkpoints of the session in the store, newest last; none if one has to look.
    pub(crate) listed: Option<Vec<Entry>>,
}

/// The sessions that were worked on last.
///
/// They are in two halves: when the young half is full, it becomes the old one, and what was in that and has not been
/// used since is forgotten. So no session in use is looked through when another one is forgotten.
pub(crate) struct Sessions {
    halves: Mutex<Halves>,
    half: usize,
}

#[derive(Default)]
struct Halves {
    young: HashMap<SessionId, Arc<Session>>,
    old: HashMap<SessionId, Arc<Session>>,
}

impl Sessions {
    /// Room for about so many sessions.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            halves: Mutex::default(),
            half: (capacity / 2).max(1),
        }
    }

    /// What is remembered of a session, or nothing yet.
    pub(crate) fn get(&self, id: &SessionId) -> Arc<Session> {
        let mut halves = self.lock();
        if let Some(session) = halves.young.get(id) {
            return Arc::clone(session);
        }
        let session = halves.old.remove(id).unwrap_or_default();
        let forgotten = if halves.young.len() < self.half {
            HashMap::new()
        } else {
            let full = mem::take(&mut halves.young);
            mem::replace(&mut halves.old, full)
        };
        halves.young.insert(id.clone(), Arc::clone(&session));
        drop(halves);
        // Long conversations take a while to drop, for which nobody should wait.
        drop(forgotten);
        session
    }

    pub(crate) fn forget(&self, id: &SessionId) {
        let mut halves = self.lock();
        let forgotten = (halves.young.remove(id), halves.old.remove(id));
        drop(halves);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Halves> {
        // Nothing that is done under the lock panics half way.
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = self.lock();
        write!(f, "{} sessions", halves.young.len() + halves.old.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn sessions_are_bounded_and_those_in_use_stay() {
        let sessions = Sessions::new(10);
        let used = SessionId::new("used");
        sessions.get(&used).calls.store(1, Ordering::Relaxed);
        for number in 0..1000 {
            sessions.get(&SessionId::new(number.to_string()));
            assert_eq!(sessions.get(&used).calls.load(Ordering::Relaxed), 1);
            let halves = sessions.lock();
            assert!(halves.young.len() + halves.old.len() <= 10);
        }
        sessions.forget(&used);
        assert_eq!(sessions.get(&used).calls.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn there_is_always_room_for_one() {
        for capacity in [0, 1] {
            let sessions = Sessions::new(capacity);
            let session = sessions.get(&SessionId::new("s"));
            assert!(Arc::ptr_eq(&session, &sessions.get(&SessionId::new("s"))));
        }
    }
}
