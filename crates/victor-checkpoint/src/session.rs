//! The memory of sessions between checkpoints.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use victor_core::{CheckpointId, Lock, RecentMap, SessionId};

use crate::hash_chain::HashChain;
use crate::retention::Entry;

/// The memory of one session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The number of tool calls since the last checkpoint.
    pub(crate) calls: AtomicU32,
    /// The position among its checkpoints. One task at a time makes a checkpoint, so that each follows on the one
    /// before.
    pub(crate) place: tokio::sync::Mutex<Place>,
}

/// The position of a session among its checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The checkpoint on which the next one follows, if it was made or restored here.
    pub(crate) at: Option<CheckpointId>,
    /// The messages of that, which the store has.
    pub(crate) chain: HashChain,
    /// The checkpoints of the session in the store, newest last; none if one has to look.
    pub(crate) listed: Option<Vec<Entry>>,
}

/// The sessions that were worked on last.
pub(crate) struct Sessions(Lock<RecentMap<SessionId, Arc<Session>>>);

impl Sessions {
    /// Room for about so many sessions.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Lock::new(RecentMap::new(capacity)))
    }

    /// Returns what is remembered of a session, which may be nothing yet.
    pub(crate) fn get(&self, id: &SessionId) -> Arc<Session> {
        let mut sessions = self.0.lock();
        let forgotten = sessions.make_room_for(id);
        let session = Arc::clone(sessions.get_or_default(id));
        drop(sessions);
        // Long conversations take a while to drop, for which nobody should wait.
        drop(forgotten);
        session
    }

    /// Forgets a session.
    pub(crate) fn forget(&self, id: &SessionId) {
        let _forgotten = { self.0.lock().remove(id) };
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sessions", self.0.lock().len())
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
            assert!(sessions.0.lock().len() <= 10);
        }
        sessions.forget(&used);
        assert_eq!(sessions.get(&used).calls.load(Ordering::Relaxed), 0);
    }
}
