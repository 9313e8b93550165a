//! The modes of sessions, and the sessions that they are nested in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use victor_core::SessionId;

use crate::registered::Registered;

/// Maximum number of sessions that one may be nested in, directly and through others. More are agents that start one
/// another without end, and every decision looks at all of them.
pub(crate) const MAX_ABOVE: usize = 64;

/// The mode of each session, and the sessions that it is nested in. A session in the default mode that is nested in
/// none takes no room.
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

/// The modes that must permit a tool in a session.
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
        let above = self.above(session, &own);
        Authorities { own, above }
    }

    fn above(&self, session: &SessionId, own: &Arc<Registered>) -> Option<Vec<Arc<Registered>>> {
        let mut above = Vec::new();
        if self
            .sessions
            .get(session)
            .is_none_or(|it| it.parents.is_empty())
        {
            return Some(above);
        }
        // Sessions are looked at in the order in which they are met, each once: a circle ends where it closes.
        let mut met = vec![session];
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
                return None;
            }
        }
        above.retain(|mode| !Arc::ptr_eq(mode, own));
        Some(above)
    }
}

fn add(modes: &mut Vec<Arc<Registered>>, mode: &Arc<Registered>) {
    if !modes.iter().any(|other| Arc::ptr_eq(other, mode)) {
        modes.push(Arc::clone(mode));
    }
}

#[cfg(test)]
mod tests {
    use victor_mode_protocol::Mode;

    use super::*;

    fn registered(mode: Mode) -> Arc<Registered> {
        let policy = Arc::new(mode.clone());
        Arc::new(Registered::of(mode, policy, Arc::default()))
    }

    /// Asserts that nothing is left of sessions `a`, `b` and `c` with which this was done.
    #[track_caller]
    fn leaves_nothing(work: impl FnOnce(&mut Sessions, [&SessionId; 3], Arc<Registered>)) {
        let default = registered(Mode::build());
        let mut sessions = Sessions::new(Arc::clone(&default));
        let [a, b, c] = ["a", "b", "c"].map(SessionId::new);
        work(&mut sessions, [&a, &b, &c], default);
        assert!(
            sessions.sessions.is_empty() && sessions.children.is_empty(),
            "{sessions:?}"
        );
    }

    #[test]
    fn sessions_that_are_as_they_began_take_no_room() {
        leaves_nothing(|sessions, [a, b, c], default| {
            sessions.switch(a, Arc::clone(&default));
            sessions.reset(b);
            sessions.authorities(c);
            sessions.nest(c, c);
        });
        leaves_nothing(|sessions, [a, b, _], default| {
            sessions.switch(a, registered(Mode::plan()));
            sessions.switch(b, registered(Mode::plan()));
            sessions.switch(a, default);
            sessions.reset(b);
        });
        leaves_nothing(|sessions, [a, b, c], default| {
            sessions.nest(a, b);
            sessions.nest(a, c);
            sessions.switch(b, registered(Mode::plan()));
            sessions.switch(b, default);
            sessions.reset(c);
            sessions.reset(b);
        });
        // In whatever order they end, also where all are nested in all.
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            leaves_nothing(|sessions, all, _| {
                for (parent, child) in [(0, 1), (1, 2), (2, 0), (1, 0)] {
                    sessions.nest(all[parent], all[child]);
                    sessions.switch(all[parent], registered(Mode::plan()));
                }
                order.iter().for_each(|number| sessions.reset(all[*number]));
            });
        }
    }

    #[test]
    fn a_mode_that_binds_a_session_twice_is_asked_once() {
        let mut sessions = Sessions::new(registered(Mode::build()));
        let [a, b, c] = ["a", "b", "c"].map(SessionId::new);
        let plan = registered(Mode::plan());
        sessions.nest(&a, &b);
        sessions.nest(&b, &c);
        for session in [&a, &b] {
            sessions.switch(session, Arc::clone(&plan));
        }
        for _ in 0..3 {
            sessions.reset(&b);
            let above = sessions.authorities(&c).above.unwrap();
            let names: Vec<_> = above.iter().map(|mode| mode.name()).collect();
            assert_eq!(names, ["plan"]);
        }
    }
}
