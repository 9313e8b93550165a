//! Modes that bind for good: the mode of a session is kept with it from its first write on, and whoever comes back to the
//! session finds it there, in whichever process and whatever mode sessions begin in there.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_chat_protocol::ChatError;
use victor_config_protocol::Settings;
use victor_core::{JsonMap, SessionId, contain_sync};
use victor_mode_protocol::{ModeError, ModeSwitch, SwitchedBy};
use victor_session_protocol::{SessionError, SessionInfo, SessionPatch};

use crate::opening::session_error;
use crate::orchestrator::{Inner, setup};
use crate::roles::Roles;
use crate::seen::Seen;
use crate::tools::with_mode;
use crate::{AgentOrchestrator, Session};

/// Where the metadata of a session say which mode it is in.
pub(crate) const MODE: &str = "victor_mode";

/// Where the metadata of a session say which one it is nested in.
pub(crate) const NESTED: &str = "victor_nested_in";

/// The mode that denies nothing, in which sessions begin where nobody says otherwise. A store that lives no longer than its
/// process need not keep it: a fact of each session would take more memory than all else that is known of it.
const OPEN: &str = "build";

/// How many sessions, each nested in the next, are looked at. The coordinator of modes permits nothing to more.
const MAX_ABOVE: usize = 64;

/// The session that another one is nested in, and the mode that it was in then, which counts where its own is not known.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Nested {
    session: SessionId,
    mode: String,
}

impl Nested {
    fn of(info: Option<&SessionInfo>) -> Option<Self> {
        let nested = info?.metadata.get(NESTED)?;
        serde_json::from_value(nested.clone()).ok()
    }
}

/// What the next write of a session is to keep of its mode: nothing if the store has it.
pub(crate) fn unkept(roles: &Roles, seen: &Seen, session: &SessionId) -> JsonMap {
    let mut facts = JsonMap::new();
    let is_durable = roles.session.persists_turns();
    let mode = with_mode(roles.mode.as_ref(), session, |mode| {
        let needs_none = !is_durable && mode.name == OPEN;
        seen.is_unkept(session, &mode.name, needs_none)
            .then(|| mode.name.clone())
    });
    if let Some(mode) = mode.flatten() {
        facts.insert(MODE.into(), mode.into());
    }
    if let Some(nested) = seen.unkept_nesting(session) {
        facts.insert(NESTED.into(), nested);
    }
    facts
}

impl AgentOrchestrator {
    /// Takes a session to another mode, for every tool call that is decided about from now on. The turn that runs, or
    /// else the next one, tells of it by an event, and its next write keeps it for other processes;
    /// [`Session::keep_mode`] does so at once.
    ///
    /// # Errors
    ///
    /// There is no such mode, or there are no modes at all; the session's mode is what it was.
    pub fn switch_mode(
        &self,
        session: &SessionId,
        mode: &str,
        by: SwitchedBy,
    ) -> Result<ModeSwitch, ModeError> {
        let Some(modes) = &self.inner.roles.mode else {
            return Err(ModeError::Unknown {
                name: mode.to_owned(),
                known: Vec::new(),
            });
        };
        with_mode(Some(modes), session, |mode| {
            self.inner.seen.enter(session, &mode.name)
        });
        let switched = modes.switch_mode(session, mode, by.clone())?;
        if switched.from != switched.to {
            self.inner.seen.switches(session, by);
        }
        Ok(switched)
    }
}

impl Session {
    /// Takes the conversation to the mode in which it was left, which may have been in another process, and returns the
    /// mode; none if there are no modes. The next turn does so by itself; whoever shows or switches the mode before that
    /// calls this first, since [`mode`](Self::mode) tells what this process knows.
    ///
    /// # Errors
    ///
    /// The store does not work, or the mode is not known here. A session that is [switched](Self::switch_mode) to another
    /// mode is in that one.
    pub async fn load_mode(&self) -> Result<Option<String>, ChatError> {
        let (inner, session) = (&self.orchestrator.inner, self.id());
        let info = inner.roles.session.session_info(session).await;
        inner
            .bind(session, info.map_err(session_error)?.as_ref())
            .await?;
        Ok(self.mode())
    }

    /// Keeps the mode of the conversation in the store now, and not with the next write of a turn. A session that the
    /// store does not have yet gets it by its first write.
    ///
    /// # Errors
    ///
    /// The store does not work.
    pub async fn keep_mode(&self) -> Result<(), SessionError> {
        let (inner, session) = (&self.orchestrator.inner, self.id());
        let mut patch = SessionPatch::default();
        patch.metadata = unkept(&inner.roles, &inner.seen, session);
        if patch.metadata.is_empty() {
            return Ok(());
        }
        match inner.roles.session.update_session(session, &patch).await {
            Err(SessionError::NotFound(_)) => Ok(()),
            kept => {
                kept?;
                inner.seen.keeps(session, &patch.metadata);
                Ok(())
            }
        }
    }
}

impl Inner {
    /// Takes a session to the mode in which the store has it, and binds it to the sessions that it is nested in, and these
    /// to their modes.
    pub(crate) async fn bind(
        &self,
        session: &SessionId,
        info: Option<&SessionInfo>,
    ) -> Result<(), ChatError> {
        if let Some(mode) = mode_of(info) {
            self.adopt(session, mode)?;
        }
        let (mut session, mut nested) = (session.clone(), Nested::of(info));
        for _ in 0..MAX_ABOVE {
            let Some(above) = nested else { break };
            // Where the agent that it works for is here, the two are bound already.
            if self.seen.is_nested(&session) {
                break;
            }
            if let Some(modes) = &self.roles.mode {
                contain_sync(|| modes.nest(&above.session, &session))?;
            }
            if !self.seen.is_new(&above.session) {
                break;
            }
            let info = self.roles.session.session_info(&above.session).await;
            let info = info.map_err(session_error)?;
            let mode = mode_of(info.as_ref()).unwrap_or(&above.mode);
            self.adopt(&above.session, mode)?;
            (session, nested) = (above.session, Nested::of(info.as_ref()));
        }
        Ok(())
    }

    /// Takes a session to the mode that the store has, unless it was switched here since.
    fn adopt(&self, session: &SessionId, mode: &str) -> Result<(), ChatError> {
        let now = with_mode(self.roles.mode.as_ref(), session, |mode| mode.name.clone());
        if !self.seen.adopts(session, now.as_deref(), mode) {
            return Ok(());
        }
        self.go_to(session, mode)?;
        self.seen.adopt(session, mode);
        Ok(())
    }

    /// Takes a session to a mode in which it was before.
    pub(crate) fn go_to(&self, session: &SessionId, mode: &str) -> Result<(), ChatError> {
        let Some(modes) = &self.roles.mode else {
            return self.check_mode(mode);
        };
        let switched = contain_sync(|| modes.switch_mode(session, mode, SwitchedBy::Program))?;
        let switched = switched.map_err(|error| unknown(mode, &error))?;
        if switched.from != switched.to {
            self.seen.switches(session, SwitchedBy::Program);
        }
        Ok(())
    }

    /// Refuses a mode that cannot be held to here.
    pub(crate) fn check_mode(&self, mode: &str) -> Result<(), ChatError> {
        let known: Vec<_> = match &self.roles.mode {
            Some(modes) => contain_sync(|| modes.modes())?
                .iter()
                .map(|mode| mode.mode().name.clone())
                .collect(),
            // Without modes, everything is as in the mode that there is by default.
            None => vec![Settings::default().mode],
        };
        if known.iter().any(|name| name.eq_ignore_ascii_case(mode)) {
            return Ok(());
        }
        let name = mode.to_owned();
        Err(unknown(mode, &ModeError::Unknown { name, known }))
    }

    /// Binds the session of a nested agent, which works here, to that of the agent that it works for, now and when it is
    /// taken up by another process.
    pub(crate) fn nest(&self, parent: &SessionId, child: &SessionId) {
        let Some(modes) = &self.roles.mode else {
            return;
        };
        modes.nest(parent, child);
        let nested = with_mode(Some(modes), parent, |mode| Nested {
            session: parent.clone(),
            mode: mode.name.clone(),
        });
        if let Some(Ok(nested)) = nested.map(serde_json::to_value) {
            self.seen.nests(child, nested);
        }
    }
}

/// The mode in which the store has a session.
fn mode_of(info: Option<&SessionInfo>) -> Option<&str> {
    info?.metadata.get(MODE).and_then(Value::as_str)
}

fn unknown(mode: &str, error: &ModeError) -> ChatError {
    let what = format!(
        "the session was left in mode `{mode}`, and what that denies is not known here ({error}): add the mode, or take \
         the session to another one"
    );
    setup("mode", what)
}
