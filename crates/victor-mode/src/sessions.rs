//! Which session is in which mode, and nested in which others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use victor_core::SessionId;

use crate::registered::Registered;

/// How many sessions one may be nested in, directly and through others. Nobody reads the answer of the 64th agent.
pub(crate) const MAX_ABOVE: usize = 64;

/// Which session is in which mode, and nested in which others. A session in the default mode that is nested in none
/// takes no room.
#[derive(Debug)]
pub(crate) struct Sessions {
    default: Arc<Registered>,
    sessions: HashMap<SessionId, Session>,
    /// The other direction of [`Session::parents`].
    children: HashMap<SessionId, HashSet<SessionId>>,
}

#[derive(Debug, Default)]
struct Session {
    /// None is the default mode.
    mode: Option<Arc<Registered>>,
    parents: Vec<SessionId>,
    /// Modes that parents were in when they were reset. They bind this session as before.
    kept: Vec<Arc<Registered>>,
}

/// What must permit a tool in a session.
#[derive(Debug)]
pub(crate) struct Authorities {
    pub(crate) own: Arc<Registered>,
    /// Each of them once, nearest first, without `own`; none if the session is nested in too many.
    pub(crate) above: Option<Vec<Arc<Registered>>>,
}

impl Sessions {
    pub(crate) fn new(default: Arc<Registered>) -> Self {
        Self {
            default,
            sessions: HashMap::new(),
            children: HashMap::new(),
        }
    }

    pub(crate) fn mode(&self, session: &SessionId) -> &Arc<Registered> {
        let mode = self.sessions.get(session).and_then(|it| it.mode.as_ref());
        mode.unwrap_or(&self.default)
    }

    /// Returns the mode before.
    pub(crate) fn switch(&mut self, session: &SessionId, mode: Arc<Registered>) -> Arc<Registered> {
        let before = Arc::clone(self.mode(session));
        let is_default = Arc::ptr_eq(&mode, &self.default);
        self.sessions.entry(session.clone()).or_default().mode = (!is_default).then_some(mode);
        if is_default && self.sessions[session].parents.is_empty() {
            self.sessions.remove(session);
        }
        before
    }

    pub(crate) fn nest(&mut self, parent: &SessionId, child: &SessionId) {
        if parent == child {
            return;
        }
        let parents = &mut self.sessions.entry(child.clone()).or_default().parents;
        // With more than that everything is denied, and need not be denied more often.
        if !parents.contains(parent) && parents.len() <= MAX_ABOVE {
            parents.push(parent.clone());
            let children = self.children.entry(parent.clone()).or_default();
            children.insert(child.clone());
        }
    }

    pub(crate) fn reset(&mut self, session: &SessionId) {
        let was = self.sessions.remove(session).unwrap_or_default();
        for parent in &was.parents {
            if let Some(children) = self.children.get_mut(parent) {
                children.remove(session);
                if children.is_empty() {
                    self.children.remove(parent);
                }
            }
        }
        let mode = was.mode.unwrap_or_else(|| Arc::clone(&self.default));
        for child in self.children.get(session).cloned().unwrap_or_default() {
            for parent in &was.parents {
                self.nest(parent, &child);
            }
            if let Some(child) = self.sessions.get_mut(&child) {
                was.kept.iter().for_each(|kept| add(&mut child.kept, kept));
                add(&mut child.kept, &mode);
            }
        }
    }

    pub(crate) fn authorities(&self, session: &SessionId) -> Authorities {
        let own = Arc::clone(self.mode(session));
        // Sessions are looked at in the order in which they are met, each once: a circle ends where it closes.
        let mut met = vec![session];
        let mut above = vec![];
        let mut next = 0;
        while let Some(session) = met.get(next) {
            next += 1;
            let Some(session) = self.sessions.get(*session) else {
                continue;
            };
            session.kept.iter().for_each(|kept| add(&mut above, kept));
            for parent in &session.parents {
                if !met.contains(&parent) {
                    add(&mut above, self.mode(parent));
                    met.push(parent);
                }
            }
            if met.len() > MAX_ABOVE + 1 {
                return Authorities { own, above: None };
            }
        }
        above.retain(|mode| !Arc::ptr_eq(mode, &own));
        Authorities {
            own,
            above: Some(above),
        }
    }
}

fn add(modes: &mut Vec<Arc<Registered>>, mode: &Arc<Registered>) {
    if !modes.iter().any(|other| Arc::ptr_eq(other, mode)) {
        modes.push(Arc::clone(mode));
    }
}
