//! What of each transcript is already in the context.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use victor_core::SessionId;

/// How many entries of each session's transcript are in its context, so that a session which somebody else has written
/// to, or which this process has not seen, is read again.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<SessionId, u64>>);

impl Seen {
    /// How many entries of the session are in its context; unknown if it was not read, or not wholly.
    pub(crate) fn get(&self, session: &SessionId) -> Option<u64> {
        self.lock().get(session).copied()
    }

    /// The context has been made from so many entries.
    pub(crate) fn read(&self, session: &SessionId, entries: u64) {
        self.lock().insert(session.clone(), entries);
    }

    /// So many entries have been added to both.
    pub(crate) fn wrote(&self, session: &SessionId, entries: usize) {
        if let Some(seen) = self.lock().get_mut(session) {
            *seen += entries as u64;
        }
    }

    /// The two may differ.
    pub(crate) fn forget(&self, session: &SessionId) {
        self.lock().remove(session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, u64>> {
        // Every change is one call on the map, so a poisoned lock guards a whole map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
