//! The coordinator of modes.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, Health, Problems, SessionId, SharedLock, ToolSpec};
use victor_mode_protocol::{
    Mode, ModeError, ModeManager, ModePolicy, ModeSwitch, Permission, SwitchedBy,
};

use crate::ModeCoordinatorBuilder;
use crate::registered::Registered;
use crate::sessions::{Authorities, MAX_ABOVE, Sessions};

/// Knows the mode of every session, and decides by it which tools may run.
///
/// It asks a mode's data first, then its policy, then in the same way the modes of all sessions that the session is
/// nested in. A policy that panics denies; [`health`](Coordinator::health) is degraded until it answers about the same
/// tool again.
///
/// Whoever is neither the program nor a person is held to the modes that are
/// [open to the model](Mode::open_to_model), also where this version does not know the
/// [word](SwitchedBy::Other) for who it is. A session that is nested in more than 64 others, directly and through
/// them, may run nothing.
///
/// Decisions are made by a snapshot of the sessions, and no lock is held while a policy is asked.
#[derive(Debug)]
pub struct ModeCoordinator {
    /// In the order in which they were added, and never removed.
    modes: SharedLock<Vec<Arc<Registered>>>,
    sessions: SharedLock<Sessions>,
    problems: Arc<Problems>,
}

impl ModeCoordinator {
    /// A coordinator that knows the modes `build`, `plan` and `explore`. Sessions are in `build` until they are
    /// switched.
    #[must_use]
    pub fn new() -> Self {
        let problems = Arc::new(Problems::default());
        let modes = [Mode::build(), Mode::plan(), Mode::explore()].map(|mode| {
            let policy = Arc::new(mode.clone());
            Arc::new(Registered::of(mode, policy, Arc::clone(&problems)))
        });
        Self {
            sessions: SharedLock::new(Sessions::new(Arc::clone(&modes[0]))),
            modes: SharedLock::new(modes.into()),
            problems,
        }
    }

    /// Puts a coordinator together that knows further modes, or in which sessions begin in another one.
    pub fn builder() -> ModeCoordinatorBuilder {
        ModeCoordinatorBuilder::default()
    }

    /// Makes a mode the default one, before there are sessions.
    pub(crate) fn with_default(self, name: &str) -> Result<Self, ModeError> {
        let sessions = SharedLock::new(Sessions::new(self.find(name)?));
        Ok(Self { sessions, ..self })
    }

    fn find(&self, name: &str) -> Result<Arc<Registered>, ModeError> {
        let modes = self.modes.read();
        let found = modes.iter().find(|mode| mode.is_named(name));
        found
            .cloned()
            .ok_or_else(|| ModeError::unknown(name, modes.iter().map(|mode| mode.name())))
    }
}

impl Default for ModeCoordinator {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Coordinator for ModeCoordinator {
    fn name(&self) -> &str {
        "mode"
    }

    fn health(&self) -> Health {
        self.problems.health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.sessions.write().reset(session);
    }
}

impl ModeManager for ModeCoordinator {
    fn mode(&self, session: &SessionId) -> Arc<dyn ModePolicy> {
        Arc::clone(self.sessions.read().mode(session)) as _
    }

    fn modes(&self) -> Vec<Arc<dyn ModePolicy>> {
        let modes = self.modes.read();
        modes.iter().map(|mode| Arc::clone(mode) as _).collect()
    }

    fn register(&self, policy: Arc<dyn ModePolicy>) -> Result<(), ModeError> {
        let added = Registered::new(policy, Arc::clone(&self.problems))?;
        let mut modes = self.modes.write();
        if modes.iter().any(|mode| mode.is_named(added.name())) {
            return Err(ModeError::Duplicate(added.name().to_owned()));
        }
        modes.push(Arc::new(added));
        Ok(())
    }

    fn switch_mode(
        &self,
        session: &SessionId,
        mode: &str,
        by: SwitchedBy,
    ) -> Result<ModeSwitch, ModeError> {
        let mode = self.find(mode)?;
        let is_trusted = matches!(by, SwitchedBy::Program | SwitchedBy::Person);
        if !is_trusted && !mode.mode().open_to_model {
            return Err(ModeError::ClosedToModel(mode.name().to_owned()));
        }
        let before = self.sessions.write().switch(session, Arc::clone(&mode));
        Ok(ModeSwitch::new(before.name(), mode.name(), by))
    }

    fn nest(&self, parent: &SessionId, child: &SessionId) {
        self.sessions.write().nest(parent, child);
    }

    fn permits(&self, session: &SessionId, tool: &ToolSpec) -> Permission {
        let Authorities { own, above } = self.sessions.read().authorities(session);
        let Some(above) = above else {
            return Permission::denied(format!(
                "agents are nested more than {MAX_ABOVE} deep: answer without tools"
            ));
        };
        own.permits(tool).and(|| {
            let mut denials = above
                .iter()
                .map(|mode| mode.permits(tool))
                .filter(|permission| !permission.is_permitted());
            // The model is told that another mode of its own would not help.
            denials.next().map_or(Permission::Permitted, |denial| {
                let reason = denial.reason().unwrap_or_default();
                Permission::denied(format!("the agent that started you is bound: {reason}"))
            })
        })
    }
}
