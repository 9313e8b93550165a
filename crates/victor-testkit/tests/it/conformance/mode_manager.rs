use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier, MutexGuard};

use async_trait::async_trait;
use victor_core::{Coordinator, Effect, Health, Lock, SessionId, ToolSpec, contain_sync};
use victor_mode_protocol::{
    Mode, ModeError, ModeManager, ModePolicy, ModeSwitch, Permission, SwitchedBy,
};
use victor_testkit::conformance;

use super::{Bug, breaks};

/// A mode with the data that its policy had first.
#[derive(Debug)]
struct Fixed {
    mode: Mode,
    policy: Arc<dyn ModePolicy>,
    bug: &'static str,
}

impl ModePolicy for Fixed {
    fn mode(&self) -> &Mode {
        match self.bug {
            "asks for the data again" => self.policy.mode(),
            _ => &self.mode,
        }
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        let data = || self.mode.permits(tool);
        let policy = || match self.bug {
            "lets a policy panic" => self.policy.permits(tool),
            "lets a policy that panics permit" => {
                contain_sync(|| self.policy.permits(tool)).unwrap_or(Permission::Permitted)
            }
            _ => contain_sync(|| self.policy.permits(tool))
                .unwrap_or_else(|panicked| Permission::denied(panicked.to_string())),
        };
        match self.bug {
            "forgets the policy" => data(),
            "forgets the data" => policy(),
            "fears the worst" if tool.effect == Effect::Destructive => Permission::denied("bug"),
            "gives no reasons" if !data().is_permitted() => Permission::denied(" "),
            _ => data().and(policy),
        }
    }
}

#[derive(Debug, Clone)]
enum Bond {
    To(SessionId),
    Kept(Arc<Fixed>),
}

#[derive(Debug, Default)]
struct State {
    modes: Vec<Arc<Fixed>>,
    current: HashMap<SessionId, Arc<Fixed>>,
    bonds: HashMap<SessionId, Vec<Bond>>,
}

#[derive(Debug)]
struct Manager {
    state: Lock<State>,
    between: Barrier,
    bug: Bug,
}

impl Manager {
    fn new(bug: &'static str) -> Self {
        let manager = Self {
            state: Lock::default(),
            between: Barrier::new(2),
            bug: Bug::new(bug),
        };
        manager.register(Arc::new(Mode::build())).unwrap();
        manager
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn current(&self, session: &SessionId) -> Arc<Fixed> {
        let state = self.state();
        let default = match self.bug.name {
            "the newest mode is the default" => state.modes.last(),
            _ => state.modes.first(),
        };
        state.current.get(session).or(default).unwrap().clone()
    }

    fn bonds(&self, session: &SessionId) -> Vec<Bond> {
        self.state().bonds.get(session).cloned().unwrap_or_default()
    }

    /// The modes that bind a session.
    fn above(&self, session: &SessionId) -> Vec<Arc<Fixed>> {
        let mut met = vec![session.clone()];
        let mut above = Vec::new();
        for next in 0.. {
            let Some(session) = met.get(next).cloned() else {
                break;
            };
            for bond in self.bonds(&session) {
                match bond {
                    Bond::Kept(mode) => above.push(mode),
                    Bond::To(parent) if met.contains(&parent) => {
                        assert!(!self.bug.is("fears circles"), "a circle");
                    }
                    Bond::To(parent) => {
                        above.push(self.current(&parent));
                        met.push(parent);
                    }
                }
            }
            if self.bug.is("knows parents only") {
                break;
            }
        }
        above
    }
}

#[async_trait]
impl Coordinator for Manager {
    fn name(&self) -> &str {
        if self.bug.is("nameless") { "" } else { "mode" }
    }

    fn health(&self) -> Health {
        let problem = self.bug.is("ill").then(|| "bug".to_owned());
        Health::from_problems("mode", problem.into_iter().collect())
    }

    fn reset(&self, session: &SessionId) {
        let mode = self.current(session);
        let state = &mut *self.state();
        match self.bug.name {
            "forgets everybody" => state.current.clear(),
            "resets nothing" => return,
            "panics at a stranger" => assert!(state.current.contains_key(session), "a stranger"),
            _ => {}
        }
        state.current.remove(session);
        if self.bug.is("stays nested") {
            return;
        }
        let own = state.bonds.remove(session).unwrap_or_default();
        for bonds in state.bonds.values_mut() {
            let to = |bond: &Bond| matches!(bond, Bond::To(parent) if parent == session);
            if !bonds.iter().any(to) {
                continue;
            }
            match self.bug.name {
                "frees the children" => bonds.retain(|bond| !to(bond)),
                "forgets what parents were" => {}
                "keeps modes only" => {
                    let first = &state.modes[0];
                    let mode_of = |session| state.current.get(session).unwrap_or(first).clone();
                    bonds.extend(own.iter().map(|bond| match bond {
                        Bond::To(parent) => Bond::Kept(mode_of(parent)),
                        kept @ Bond::Kept(_) => kept.clone(),
                    }));
                    bonds.push(Bond::Kept(mode.clone()));
                }
                "keeps for one generation" => {
                    let to_somebody = |bond: &&Bond| matches!(bond, Bond::To(_));
                    bonds.extend(own.iter().filter(to_somebody).cloned());
                    bonds.push(Bond::Kept(mode.clone()));
                }
                "keeps and lets go" => {
                    bonds.retain(|bond| !to(bond));
                    bonds.extend(own.clone());
                    bonds.push(Bond::Kept(mode.clone()));
                }
                _ => {
                    bonds.extend(own.clone());
                    bonds.push(Bond::Kept(mode.clone()));
                }
            }
        }
    }

    async fn shutdown(&self) {
        assert!(!self.bug.is("panics at the end"), "bug");
        if self.bug.is("permits everything in the end") {
            for mode in &mut self.state().modes {
                let mut wide = Mode::build();
                wide.name.clone_from(&mode.mode.name);
                let policy = Arc::new(wide.clone());
                *mode = Arc::new(Fixed {
                    mode: wide,
                    policy,
                    bug: "",
                });
            }
        }
    }
}

impl ModeManager for Manager {
    fn mode(&self, session: &SessionId) -> Arc<dyn ModePolicy> {
        self.current(session)
    }

    fn modes(&self) -> Vec<Arc<dyn ModePolicy>> {
        let state = self.state();
        state.modes.iter().map(|mode| mode.clone() as _).collect()
    }

    fn register(&self, policy: Arc<dyn ModePolicy>) -> Result<(), ModeError> {
        if self.bug.is("panics with a policy") {
            policy.mode();
        }
        let mode = contain_sync(|| policy.mode().clone()).map_err(ModeError::NoMode)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let name = mode.name.clone();
        let is_name = (1..=64).contains(&name.len()) && name.bytes().all(allowed);
        if !is_name && !self.bug.is("takes any name") {
            return Err(ModeError::InvalidName(name));
        }
        let bug = self.bug.name;
        let same = |other: &Arc<Fixed>| match bug {
            "tells cases apart when it adds" => other.mode.name == name,
            _ => other.mode.name.eq_ignore_ascii_case(&name),
        };
        let mut state = self.state();
        let taken = state.modes.iter().any(same);
        let added = Arc::new(Fixed { mode, policy, bug });
        match bug {
            "adds at the front" if state.modes.len() > 1 => state.modes.insert(1, added),
            _ if !taken || bug == "adds what it refuses" => state.modes.push(added),
            _ => {}
        }
        if taken {
            Err(ModeError::Duplicate(name))
        } else {
            Ok(())
        }
    }

    fn switch_mode(
        &self,
        session: &SessionId,
        mode: &str,
        by: SwitchedBy,
    ) -> Result<ModeSwitch, ModeError> {
        let state = self.state();
        let mut known: Vec<_> = state
            .modes
            .iter()
            .map(|mode| mode.mode.name.clone())
            .collect();
        let found = state.modes.iter().find(|found| match self.bug.name {
            "tells cases apart" => found.mode.name == mode,
            _ => found.mode.name.eq_ignore_ascii_case(mode),
        });
        let Some(found) = found.cloned() else {
            if self.bug.is("names no modes") {
                known.clear();
            }
            let name = mode.to_owned();
            return Err(ModeError::unknown(name, known));
        };
        drop(state);
        let closed = by == SwitchedBy::Model && !found.mode.open_to_model;
        let before = self.current(session);
        match self.bug.name {
            "trusts the model" => {}
            "trusts the model to stay" if before.mode.name == found.mode.name => {}
            "distrusts the model" if by == SwitchedBy::Model => {
                return Err(ModeError::ClosedToModel(found.mode.name.clone()));
            }
            "switches and refuses" if closed => {
                self.state().current.insert(session.clone(), found.clone());
                return Err(ModeError::ClosedToModel(found.mode.name.clone()));
            }
            _ if closed => return Err(ModeError::ClosedToModel(found.mode.name.clone())),
            _ => {}
        }
        let key = match self.bug.name {
            "has one session" => SessionId::default(),
            _ => session.clone(),
        };
        if self.bug.is("switches in two steps") && session.as_str() == "shared" {
            // The first two meet between the steps.
            if self.bug.calls.fetch_add(1, Ordering::Relaxed) < 2 {
                self.between.wait();
            }
        }
        let mut state = self.state();
        let replaced = state.current.insert(key, found.clone());
        let before = match self.bug.name {
            "switches in two steps" => before,
            _ => replaced.unwrap_or(before),
        };
        match self.bug.name {
            "switches everybody" => {
                let modes = state.current.values_mut();
                modes.for_each(|mode| *mode = found.clone());
            }
            "does not switch" => drop(state.current.remove(session)),
            _ => {}
        }
        let to = match self.bug.name {
            "says what was asked for" => mode,
            _ => &found.mode.name,
        };
        Ok(ModeSwitch::new(before.mode.name.clone(), to, by))
    }

    fn nest(&self, parent: &SessionId, child: &SessionId) {
        let mut state = self.state();
        let (parent, child) = match self.bug.name {
            "nests upside down" => (child, parent),
            _ => (parent, child),
        };
        if self.bug.is("fears circles") && parent == child {
            return;
        }
        let bonds = state.bonds.entry(child.clone()).or_default();
        match self.bug.name {
            "nests nothing" => {}
            "knows one parent" => *bonds = vec![Bond::To(parent.clone())],
            _ => bonds.push(Bond::To(parent.clone())),
        }
    }

    fn permits(&self, session: &SessionId, tool: &ToolSpec) -> Permission {
        let own = self.current(session);
        let mut permission = own.permits(tool);
        if self.bug.is("frees those that switch") && own.mode.name == "suite-strict" {
            return permission;
        }
        for mode in self.above(session) {
            permission = permission.and(|| mode.permits(tool));
        }
        permission
    }
}

async fn suite(bug: &'static str) {
    conformance::mode_manager(|| Manager::new(bug)).await;
}

#[tokio::test]
async fn a_right_manager_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a coordinator has a name"),
        ("ill", "a new manager is healthy"),
        ("panics at the end", "no call panics"),
        ("panics at a stranger", "no call panics"),
        (
            "permits everything in the end",
            "what is denied stays denied after the end",
        ),
        (
            "adds at the front",
            "modes are in the order in which they were added",
        ),
        ("takes any name", "what is no name for a mode is refused"),
        (
            "tells cases apart when it adds",
            "a name that is taken is refused",
        ),
        ("adds what it refuses", "what is refused is not added"),
        ("panics with a policy", "no call panics"),
        ("tells cases apart", "a valid call succeeds"),
        (
            "does not switch",
            "a session is in the mode that it was switched to",
        ),
        (
            "has one session",
            "a session is in the mode that it was switched to",
        ),
        (
            "says what was asked for",
            "a switch says from where, to where",
        ),
        (
            "names no modes",
            "a mode that there is not is refused with the names",
        ),
        (
            "the newest mode is the default",
            "a mode that is added does not become the default one",
        ),
        ("switches everybody", "a switch leaves other sessions alone"),
        (
            "resets nothing",
            "a session that is reset is in the default mode",
        ),
        ("forgets everybody", "a reset leaves other sessions alone"),
        (
            "trusts the model",
            "the model may not switch to a mode that is not open to it",
        ),
        (
            "trusts the model to stay",
            "the model may not switch to a mode that is not open to it",
        ),
        (
            "switches and refuses",
            "the model may not switch to a mode that is not open to it",
        ),
        (
            "distrusts the model",
            "the model may switch to a mode that is open to it",
        ),
        (
            "asks for the data again",
            "a mode stays what it was when it was added",
        ),
        ("fears the worst", "a mode permits what its data permits"),
        ("gives no reasons", "a denial has a reason"),
        (
            "forgets the data",
            "a policy cannot permit what the data denies",
        ),
        ("forgets the policy", "a policy can deny"),
        ("lets a policy panic", "no call panics"),
        (
            "lets a policy that panics permit",
            "a policy that panics denies",
        ),
        (
            "nests nothing",
            "a nested session permits what its mode and that of its parent permit",
        ),
        (
            "nests upside down",
            "a nested session permits what its mode and that of its parent permit",
        ),
        (
            "knows parents only",
            "a session is bound by all that it is nested in",
        ),
        (
            "knows one parent",
            "a child of several parents is bound by all of them",
        ),
        ("fears circles", "no call panics"),
        ("stays nested", "a session that is reset is no longer bound"),
        (
            "forgets what parents were",
            "a child stays bound to what had bound its parent",
        ),
        (
            "frees the children",
            "a child stays bound to what had bound its parent",
        ),
        (
            "keeps for one generation",
            "what binds a child after a reset binds those that are nested in it",
        ),
        (
            "keeps and lets go",
            "a child stays bound to a parent that was reset",
        ),
        (
            "keeps modes only",
            "a child stays bound to those above a parent that was reset",
        ),
        (
            "switches in two steps",
            "of switches side by side, each begins where another one has ended",
        ),
    ] {
        breaks(law, suite(bug)).await;
    }
}
