//! Modes that hold across processes.
//!
//! The mode of a session is stored with it from its first write on. Whoever loads the session takes it over, whichever
//! process that is and whatever mode sessions begin in there.

use std::sync::Arc;

use victor_config_protocol::{EffectiveConfig, Settings};
use victor_core::{JsonMap, SessionId, contain_sync};
use victor_mode_protocol::{ModeError, ModeManager, ModeSwitch, SwitchedBy};
use victor_session_protocol::{
    SessionError, SessionInfo, SessionManager, SessionManagerExt as _, SessionPatch,
};

use super::metadata::{MODE, NESTED_IN, Parent, stored_mode};
use super::record::SessionRecord;
use super::{SessionOpError, SessionRegistry};
use crate::sessions::of_session;
use crate::tools::with_mode;

/// The mode that denies nothing, in which sessions begin by default. A store that lives no longer than its process need
/// not keep it: one fact a session would take more memory than all else that is remembered of it.
const OPEN_MODE: &str = "build";

/// Number of nested sessions, one in the other, that are looked at. The mode coordinator permits nothing to deeper
/// ones.
const MAX_NESTING: usize = 64;

/// The modes of sessions, as the mode coordinator and the store have them.
#[derive(Debug)]
pub(crate) struct SessionModes {
    pub(super) modes: Option<Arc<dyn ModeManager>>,
    pub(super) sessions: Arc<dyn SessionManager>,
    pub(super) registry: Arc<SessionRegistry>,
}

impl SessionModes {
    /// Returns the name of the session's mode; `None` if there are no modes.
    pub(crate) fn current(&self, session: &SessionId) -> Option<String> {
        with_mode(self.modes.as_ref(), session, |mode| mode.name.clone())
    }

    /// Returns the facts of a session that its next write must save.
    pub(crate) fn unsaved_facts(&self, session: &SessionId) -> JsonMap {
        let is_durable = self.sessions.persists_turns();
        let mode = with_mode(self.modes.as_ref(), session, |mode| {
            let absent_means_mode = !is_durable && mode.name == OPEN_MODE;
            let is_unsaved = self.registry.read(session, |record| {
                record.mode.is_unsaved(&mode.name, absent_means_mode)
            });
            is_unsaved.then(|| mode.name.clone())
        });
        let mut facts = JsonMap::new();
        if let Some(mode) = mode.flatten() {
            facts.insert(MODE.into(), mode.into());
        }
        let parent = |record: &SessionRecord| record.mode.unsaved_parent();
        if let Some(parent) = self.registry.read(session, parent) {
            facts.insert(NESTED_IN.into(), parent);
        }
        facts
    }

    /// Switches a session to another mode.
    pub(crate) fn switch(
        &self,
        session: &SessionId,
        mode: &str,
        by: SwitchedBy,
    ) -> Result<ModeSwitch, ModeError> {
        let Some(modes) = &self.modes else {
            return Err(ModeError::unknown(mode, [""; 0]));
        };
        with_mode(Some(modes), session, |mode| {
            self.registry.enter_mode(session, &mode.name)
        });
        let switched = modes.switch_mode(session, mode, by.clone())?;
        self.note_switch(session, &switched, by);
        Ok(switched)
    }

    /// Takes a session that begins to the mode that its configuration names. One that has a mode stays in it.
    pub(crate) fn begin(
        &self,
        session: &SessionId,
        config: &EffectiveConfig,
    ) -> Result<(), SessionOpError> {
        let Some(modes) = self.modes.as_ref().filter(|_| of_session(config, "mode")) else {
            return Ok(());
        };
        // A session that nobody knows is in the default mode.
        let default = with_mode(Some(modes), &SessionId::generate(), |mode| {
            mode.name.clone()
        });
        let is_new = self.registry.read(session, |record| record.mode.is_new());
        if !is_new || self.current(session) != default {
            return Ok(());
        }
        let mode = &config.settings.mode;
        contain_sync(|| modes.switch_mode(session, mode, SwitchedBy::Program))?.map_err(
            |source| {
                let origin = config.source("mode").to_string();
                let mode = mode.clone();
                SessionOpError::FirstMode {
                    mode,
                    origin,
                    source,
                }
            },
        )?;
        Ok(())
    }

    /// Saves the mode of a session now. A session that the store does not have gets it by its first write.
    pub(crate) async fn save(&self, session: &SessionId) -> Result<(), SessionOpError> {
        let mut patch = SessionPatch::default();
        patch.metadata = self.unsaved_facts(session);
        if patch.metadata.is_empty() {
            return Ok(());
        }
        match self.sessions.update_session(session, &patch).await {
            Err(SessionError::NotFound(_)) => Ok(()),
            updated => {
                updated?;
                self.registry.saved(session, &patch.metadata);
                Ok(())
            }
        }
    }

    /// Takes over the stored mode of a session and returns the mode that it is in.
    pub(crate) async fn load(&self, session: &SessionId) -> Result<Option<String>, SessionOpError> {
        let info = self.sessions.session_info(session).await?;
        self.bind(session, info.as_ref()).await?;
        Ok(self.current(session))
    }

    /// Takes over the stored mode of a session, and binds it to the sessions that it is nested in, and these to their
    /// modes.
    pub(super) async fn bind(
        &self,
        session: &SessionId,
        info: Option<&SessionInfo>,
    ) -> Result<(), SessionOpError> {
        if let Some(mode) = stored_mode(info) {
            self.adopt(session, mode)?;
        }
        let (mut session, mut parent) = (session.clone(), Parent::of(info));
        for _ in 0..MAX_NESTING {
            let Some(above) = parent else { break };
            // If the agent that it works for lives in this process, the two are bound already.
            if self
                .registry
                .read(&session, |record| record.mode.is_nested())
            {
                break;
            }
            if let Some(modes) = &self.modes {
                contain_sync(|| modes.nest(&above.session, &session))?;
            }
            let is_bound = |record: &SessionRecord| record.mode.announced().is_some();
            if self.registry.read(&above.session, is_bound) {
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
    fn adopt(&self, session: &SessionId, stored: &str) -> Result<(), SessionOpError> {
        let now = self.current(session);
        let adopts = |record: &SessionRecord| record.mode.adopts(now.as_deref(), stored);
        if self.registry.read(session, adopts) {
            self.return_to(session, stored)?;
            self.registry.adopt_mode(session, stored);
        }
        Ok(())
    }

    /// Switches a session to a mode in which it was before.
    pub(crate) fn return_to(&self, session: &SessionId, mode: &str) -> Result<(), SessionOpError> {
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
            self.registry
                .update(session, |record| record.mode.note_switch(by));
        }
    }

    /// Refuses a mode that this orchestrator does not have.
    pub(crate) fn check(&self, mode: &str) -> Result<(), SessionOpError> {
        let known: Vec<_> = match &self.modes {
            Some(modes) => contain_sync(|| modes.modes())?
                .iter()
                .map(|mode| mode.mode().name.clone())
                .collect(),
            // Without modes, sessions behave as in the default one.
            None => vec![Settings::default().mode],
        };
        if known.iter().any(|name| name.eq_ignore_ascii_case(mode)) {
            return Ok(());
        }
        Err(unknown_mode(mode, ModeError::unknown(mode, known)))
    }

    /// Binds the session of a nested agent to the session of the agent that it works for, in this process and in every
    /// one that loads it.
    pub(crate) fn nest(&self, parent: &SessionId, child: &SessionId) {
        let Some(modes) = &self.modes else {
            return;
        };
        modes.nest(parent, child);
        let fact = with_mode(Some(modes), parent, |mode| Parent {
            session: parent.clone(),
            mode: mode.name.clone(),
        });
        if let Some(Ok(fact)) = fact.map(serde_json::to_value) {
            self.registry.update(child, |record| record.mode.nest(fact));
        }
    }
}

fn unknown_mode(mode: &str, source: ModeError) -> SessionOpError {
    SessionOpError::UnknownMode {
        mode: mode.to_owned(),
        source,
    }
}
