//! The events that are held of each session.

use std::collections::{BTreeMap, HashMap, VecDeque};

use victor_analytics_protocol::{AnalyticsEvent, EventQuery};
use victor_core::SessionId;

use crate::AnalyticsOptions;

/// The last events of the sessions that were active last.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    held: HashMap<SessionId, Held>,
    /// The sessions by the time of their last activity, in ticks of `clock`.
    by_activity: BTreeMap<u64, SessionId>,
    clock: u64,
    /// Number of events in all.
    events: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) events: VecDeque<AnalyticsEvent>,
    /// Number of older events that are no longer held.
    pub(crate) forgotten: u64,
    active: u64,
}

impl Sessions {
    pub(crate) fn push(
        &mut self,
        session: &SessionId,
        event: AnalyticsEvent,
        options: &AnalyticsOptions,
    ) {
        let clock = &mut self.clock;
        let held = self.held.entry(session.clone()).or_default();
        // Most events are of the session that was active last, which keeps its place.
        if held.active != *clock || *clock == 0 {
            *clock += 1;
            self.by_activity.remove(&held.active);
            self.by_activity.insert(*clock, session.clone());
            held.active = *clock;
        }
        if held.events.len() == held.events.capacity() {
            // By a quarter: many sessions hold few events, and twice the room would stay empty.
            held.events.reserve_exact((held.events.len() / 4).max(4));
        }
        held.events.push_back(event);
        self.events += 1;
        while held.events.len() > options.events_per_session {
            held.events.pop_front();
            held.forgotten += 1;
            self.events -= 1;
        }
        while self.held.len() > options.sessions.max(1)
            || (self.events > options.events_in_all && self.held.len() > 1)
        {
            let Some((_, session)) = self.by_activity.pop_first() else {
                break;
            };
            self.remove(&session);
        }
    }

    pub(crate) fn get(&self, session: &SessionId) -> Option<&Held> {
        self.held.get(session)
    }

    /// Returns the events that a query chooses, in no order.
    pub(crate) fn all(&self, query: &EventQuery) -> Vec<AnalyticsEvent> {
        let held: Vec<_> = match &query.session {
            Some(session) => self.held.get(session).into_iter().collect(),
            None => self.held.values().collect(),
        };
        (held.into_iter().flat_map(|held| &held.events))
            .filter(|event| query.matches(event))
            .cloned()
            .collect()
    }

    pub(crate) fn remove(&mut self, session: &SessionId) {
        if let Some(held) = self.held.remove(session) {
            self.by_activity.remove(&held.active);
            self.events -= held.events.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tracks one event for each name, and shows what is held of whom: `session:events+forgotten`.
    fn check(options: &AnalyticsOptions, tracked: &str, expected: &str) {
        let mut sessions = Sessions::default();
        for name in tracked.split(' ') {
            sessions.push(&name.into(), AnalyticsEvent::new("e"), options);
            assert_eq!(sessions.by_activity.len(), sessions.held.len());
            assert_eq!(
                sessions.events,
                sessions
                    .held
                    .values()
                    .map(|held| held.events.len())
                    .sum::<usize>()
            );
        }
        let mut shown: Vec<_> = sessions
            .held
            .iter()
            .map(|(session, held)| format!("{session}:{}+{}", held.events.len(), held.forgotten))
            .collect();
        shown.sort();
        assert_eq!(shown.join(" "), expected, "{tracked}");
    }

    #[test]
    fn each_limit() {
        let options = AnalyticsOptions::default()
            .with_events_per_session(3)
            .with_sessions(2)
            .with_events_in_all(5);
        check(&options, "a a a", "a:3+0");
        check(&options, "a a a a a", "a:3+2");
        check(&options, "a b a b", "a:2+0 b:2+0");
        check(&options, "a b c", "b:1+0 c:1+0");
        check(&options, "a b a c", "a:2+0 c:1+0");
        check(&options, "a a a b b b", "b:3+0");
        check(&options, "b a a a b b", "b:3+0");
        let options = AnalyticsOptions::default()
            .with_events_per_session(3)
            .with_sessions(0)
            .with_events_in_all(0);
        check(&options, "a b b b b", "b:3+1");
        let options = AnalyticsOptions::default().with_events_per_session(0);
        check(&options, "a a", "a:0+2");
    }

    #[test]
    fn a_session_can_be_forgotten() {
        let mut sessions = Sessions::default();
        let options = AnalyticsOptions::default();
        for name in ["a", "b", "a"] {
            sessions.push(&name.into(), AnalyticsEvent::new("e"), &options);
        }
        sessions.remove(&"a".into());
        sessions.remove(&"nobody".into());
        assert!(sessions.get(&"a".into()).is_none());
        assert_eq!((sessions.by_activity.len(), sessions.events), (1, 1));
    }
}
