//! The modes of sessions, as far as the store and the events know them.

use std::collections::HashMap;
use std::sync::Arc;

use victor_core::{JsonMap, Lock, SessionId};
use victor_mode_protocol::SwitchedBy;

use crate::facts::mode_in;
use crate::record::ModeRecord;

/// The records of the sessions that this process remembers.
#[derive(Debug, Default)]
pub(crate) struct ModeRecords {
    sessions: Lock<HashMap<SessionId, ModeRecord>>,
    /// The names of modes, each allocated once.
    names: Lock<Vec<Arc<str>>>,
}

impl ModeRecords {
    /// Reads the record of a session; an empty one if there is none.
    pub(crate) fn read<T>(&self, session: &SessionId, read: impl FnOnce(&ModeRecord) -> T) -> T {
        match self.sessions.lock().get(session) {
            Some(record) => read(record),
            None => read(&ModeRecord::default()),
        }
    }

    /// Changes the record of a session, which is made if there is none.
    pub(crate) fn update<T>(
        &self,
        session: &SessionId,
        change: impl FnOnce(&mut ModeRecord) -> T,
    ) -> T {
        change(self.sessions.lock().entry(session.clone()).or_default())
    }

    /// Notes the mode that a session is in. Returns the mode that was noted before and the author of the switch, if it
    /// was another one.
    pub(crate) fn enter(&self, session: &SessionId, mode: &str) -> Option<(Arc<str>, SwitchedBy)> {
        if self.read(session, |record| record.announced() == Some(mode)) {
            return None;
        }
        let mode = self.name(mode);
        self.update(session, |record| record.enter(mode))
    }

    /// Notes that a session has taken over the mode that the store has.
    pub(crate) fn adopt(&self, session: &SessionId, stored: &str) {
        let mode = self.name(stored);
        self.update(session, |record| record.adopt(mode));
    }

    /// Notes that the store has these facts of a session.
    pub(crate) fn saved(&self, session: &SessionId, facts: &JsonMap) {
        if facts.is_empty() {
            return;
        }
        let mode = mode_in(facts).map(|mode| self.name(mode));
        self.update(session, |record| record.saved(mode, facts));
    }

    /// Forgets a session.
    pub(crate) fn forget(&self, session: &SessionId) {
        self.sessions.lock().remove(session);
    }

    /// Forgets a session unless that would lose something. Returns whether it was forgotten.
    pub(crate) fn evict(&self, session: &SessionId) -> bool {
        let mut sessions = self.sessions.lock();
        let is_settled = sessions.get(session).is_none_or(ModeRecord::is_settled);
        if is_settled {
            sessions.remove(session);
        }
        is_settled
    }

    /// Returns the name of a mode, as all sessions share it.
    fn name(&self, mode: &str) -> Arc<str> {
        let mut names = self.names.lock();
        if let Some(name) = names.iter().find(|name| ***name == *mode) {
            return name.clone();
        }
        let name: Arc<str> = mode.into();
        names.push(name.clone());
        name
    }
}
