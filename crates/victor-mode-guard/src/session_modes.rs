//! Modes that hold across processes.
//!
//! The mode of a session is stored with it from its first write on. Whoever loads the session takes it over, whichever
//! process that is and whatever mode sessions begin in there.

use std::sync::Arc;

use victor_core::{JsonMap, SessionId, contain_sync};
use victor_mode_protocol::{Mode, ModeError, ModeManager, ModeSwitch, SwitchedBy};
use victor_session_protocol::{
    SessionError, SessionInfo, SessionManager, SessionManagerExt as _, SessionPatch,
};

use crate::facts::{MODE, NESTED_IN, Parent, stored_mode};
use crate::record::ModeRecord;
use crate::records::ModeRecords;
use crate::{ModeManagerExt as _, SessionModeError};

/// The mode that denies nothing, in which sessions begin by default. A store that lives no longer than its process need
/// not keep it: one fact a session would take more memory than all else that is remembered of it.
const OPEN_MODE: &str = "build";

/// Number of nested sessions, one in the other, that are looked at. The mode coordinator permits nothing to deeper
/// ones.
const MAX_NESTING: usize = 64;

/// The modes of sessions, as the mode coordinator and the store have them.
#[derive(Debug)]
pub struct SessionModes {
    pub(crate) modes: Option<Arc<dyn ModeManager>>,
    sessions: Arc<dyn SessionManager>,
    records: ModeRecords,
}

impl SessionModes {
    /// Keeps the modes of a manager with the sessions of another one. Without modes, a session that was left in the
    /// mode which denies nothing can be loaded, and no other.
    #[must_use]
    pub fn new(modes: Option<Arc<dyn ModeManager>>, sessions: Arc<dyn SessionManager>) -> Self {
        Self {
            modes,
            sessions,
            records: ModeRecords::default(),
        }
    }

    /// Reads the session's mode; `None` if there are no modes or the mode coordinator panics.
    pub fn read<T>(&self, session: &SessionId, read: impl FnOnce(&Mode) -> T) -> Option<T> {
        self.modes.as_ref()?.read_mode(session, read)
    }

    /// Notes that a turn sees a session in this mode. Returns the mode before and the author of the switch, if the
    /// session was switched since the last time.
    pub fn enter(&self, session: &SessionId, mode: &str) -> Option<(Arc<str>, SwitchedBy)> {
        self.records.enter(session, mode)
    }

    /// Returns the name of the session's mode; `None` if there are no modes.
    pub fn current(&self, session: &SessionId) -> Option<String> {
        self.read(session, |mode| mode.name.clone())
    }

    /// Returns the facts of a session that its next write must save.
    pub fn unsaved_facts(&self, session: &SessionId) -> JsonMap {
        let is_durable = self.sessions.persists_turns();
        let mode = self.read(session, |mode| {
            let absent_means_mode = !is_durable && mode.name == OPEN_MODE;
            let is_unsaved = self.records.read(session, |record| {
                record.is_unsaved(&mode.name, absent_means_mode)
            });
            is_unsaved.then(|| mode.name.clone())
        });
        let mut facts = JsonMap::new();
        if let Some(mode) = mode.flatten() {
            facts.insert(MODE.into(), mode.into());
        }
        if let Some(parent) = self.records.read(session, ModeRecord::unsaved_parent) {
            facts.insert(NESTED_IN.into(), parent);
        }
        facts
    }

    /// Switches a session to another mode.
    ///
    /// # Errors
    ///
    /// There is no such mode, or there are no modes at all. The session is in the mode that it was in.
    pub fn switch(
        &self,
        session: &SessionId,
        mode: &str,
        by: SwitchedBy,
    ) -> Result<ModeSwitch, ModeError> {
        let Some(modes) = &self.modes else {
            return Err(ModeError::unknown(mode, [""; 0]));
        };
        modes.read_mode(session, |mode| self.enter(session, &mode.name));
        let switched = modes.switch_mode(session, mode, by.clone())?;
        self.note_switch(session, &switched, by);
        Ok(switched)
    }

    /// Takes a session that begins to the mode that its configuration names. One that has a mode stays in it.
    ///
    /// # Errors
    ///
    /// There is no such mode; the error names the `origin` of the setting.
    pub fn begin(
        &self,
        session: &SessionId,
        mode: &str,
        origin: impl FnOnce() -> String,
    ) -> Result<(), SessionModeError> {
        let Some(modes) = &self.modes else {
            return Ok(());
        };
        // A session that nobody knows is in the default mode.
        let default = self.current(&SessionId::generate());
        let is_new = self.records.read(session, ModeRecord::is_new);
        if !is_new || self.current(session) != default {
            return Ok(());
        }
        contain_sync(|| modes.switch_mode(session, mode, SwitchedBy::Program))?.map_err(
            |source| SessionModeError::First {
                mode: mode.to_owned(),
                origin: origin(),
                source,
            },
        )?;
        Ok(())
    }

    /// Notes that the store has these facts of a session.
    pub fn saved(&self, session: &SessionId, facts: &JsonMap) {
        self.records.saved(session, facts);
    }

    /// Forgets a session.
    pub fn forget(&self, session: &SessionId) {
        self.records.forget(session);
    }

    /// Forgets a session, unless that would lose a mode which the store does not have. Returns whether it was
    /// forgotten.
    pub fn evict(&self, session: &SessionId) -> bool {
        self.records.evict(session)
    }

    /// Saves the mode of a session now. A session that the store does not have gets it by its first write.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn save(&self, session: &SessionId) -> Result<(), SessionModeError> {
        let mut patch = SessionPatch::default();
        patch.metadata = self.unsaved_facts(session);
        if patch.metadata.is_empty() {
            return Ok(());
        }
        match self.sessions.update_session(session, &patch).await {
            Err(SessionError::NotFound(_)) => Ok(()),
            updated => {
                updated?;
                self.saved(session, &patch.metadata);
                Ok(())
            }
        }
    }

    /// Takes over the stored mode of a session and returns the mode that it is in.
    ///
    /// # Errors
    ///
    /// The stored mode is not known here, or the store failed.
    pub async fn load(&self, session: &SessionId) -> Result<Option<String>, SessionModeError> {
        let info = self.sessions.session_info(session).await?;
        self.bind(session, info.as_ref()).await?;
        Ok(self.current(session))
    }

    /// Takes over the stored mode of a session, and binds it to the sessions that it is nested in, and these to their
    /// modes.
    ///
    /// # Errors
    ///
    /// A stored mode is not known here, or the store failed.
    pub async fn bind(
        &self,
        session: &SessionId,
        info: Option<&SessionInfo>,
    ) -> Result<(), SessionModeError> {
        if let Some(mode) = stored_mode(info) {
            self.adopt(session, mode)?;
        }
        let (mut session, mut parent) = (session.clone(), Parent::of(info));
        for _ in 0..MAX_NESTING {
            let Some(above) = parent else { break };
            // If the agent that it works for lives in this process, the two are bound already.
            if self.records.read(&session, ModeRecord::is_nested) {
                break;
            }
            if let Some(modes) = &self.modes {
                contain_sync(|| modes.nest(&above.session, &session))?;
            }
            let is_bound = |record: &ModeRecord| record.announced().is_some();
            if self.records.read(&above.session, is_bound) {
                break;
            }
            let info = self.sessions.session_info(&above.session).await?;
            let mode = stored_mode(info.as_ref()).unwrap_or(&above.mode);
            self.adopt(&above.session, mode)?;
            (session, parent) = (above.session, Parent::of(info.as_ref()));
        }
        Ok(())
    }

    /// Takes over a stored mode, unless the session was switched in this process since.
    fn adopt(&self, session: &SessionId, stored: &str) -> Result<(), SessionModeError> {
        let now = self.current(session);
        let adopts = |record: &ModeRecord| record.adopts(now.as_deref(), stored);
        if self.records.read(session, adopts) {
            self.return_to(session, stored)?;
            self.records.adopt(session, stored);
        }
        Ok(())
    }

    /// Switches a session to a mode in which it was before.
    ///
    /// # Errors
    ///
    /// The mode is not known here.
    pub fn return_to(&self, session: &SessionId, mode: &str) -> Result<(), SessionModeError> {
        let Some(modes) = &self.modes else {
            return self.check(mode);
        };
        let switched = contain_sync(|| modes.switch_mode(session, mode, SwitchedBy::Program))?
            .map_err(|error| unknown_mode(mode, error))?;
        self.note_switch(session, &switched, SwitchedBy::Program);
        Ok(())
    }

    fn note_switch(&self, session: &SessionId, switched: &ModeSwitch, by: SwitchedBy) {
        if switched.from != switched.to {
            self.records
                .update(session, |record| record.note_switch(by));
        }
    }

    /// Refuses a mode that is not known here.
    ///
    /// # Errors
    ///
    /// The mode is not known here.
    pub fn check(&self, mode: &str) -> Result<(), SessionModeError> {
        let known: Vec<_> = match &self.modes {
            Some(modes) => contain_sync(|| modes.modes())?
                .iter()
                .map(|mode| mode.mode().name.clone())
                .collect(),
            // Without modes, sessions behave as in the default one.
            None => vec![OPEN_MODE.to_owned()],
        };
        if known.iter().any(|name| name.eq_ignore_ascii_case(mode)) {
            return Ok(());
        }
        Err(unknown_mode(mode, ModeError::unknown(mode, known)))
    }

    /// Binds the session of a nested agent to the session of the agent that it works for, in this process and in every
    /// one that loads it.
    pub fn nest(&self, parent: &SessionId, child: &SessionId) {
        let Some(modes) = &self.modes else {
            return;
        };
        modes.nest(parent, child);
        let fact = modes.read_mode(parent, |mode| Parent {
            session: parent.clone(),
            mode: mode.name.clone(),
        });
        if let Some(Ok(fact)) = fact.map(serde_json::to_value) {
            self.records.update(child, |record| record.nest(fact));
        }
    }
}

fn unknown_mode(mode: &str, source: ModeError) -> SessionModeError {
    SessionModeError::Unknown {
        mode: mode.to_owned(),
        source,
    }
}
