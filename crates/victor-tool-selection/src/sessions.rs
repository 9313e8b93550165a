//! Memory of sessions.

use std::collections::VecDeque;
use std::sync::Arc;

use victor_core::{Lock, RecentMap, SessionId, ToolSpec};
use victor_tool_selection_protocol::{Selection, ToolDecision};

use crate::decide::Verdict;

/// Number of tools, of those that a model has searched for, that stay shown to it: the latest. Those that it then uses
/// stay anyway.
const REQUESTED: usize = 64;

/// The sessions that have selected last.
#[derive(Debug)]
pub(crate) struct Sessions(Lock<RecentMap<SessionId, Session>>);

/// Memory of a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    /// The names of the tools that its model has searched for, the latest at the end.
    pub(crate) requested: VecDeque<Arc<str>>,
    /// Outcome of its last selection.
    pub(crate) last: Option<Arc<Outcome>>,
}

/// Outcome of a selection, in less space than a [`Selection`] takes.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) strategy: Arc<str>,
    pub(crate) given: Arc<[ToolSpec]>,
    pub(crate) shown: Arc<[ToolSpec]>,
    pub(crate) why: Why,
    pub(crate) problem: Option<String>,
    /// Wishes of the request for a strategy of its own.
    pub(crate) wishes: Wishes,
}

/// Wishes of a request for a strategy of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) strategy: Option<Arc<str>>,
    pub(crate) alpha: Option<f32>,
}

/// Why each of the tools that were given is shown or hidden.
#[derive(Debug)]
pub(crate) enum Why {
    /// All are shown, in all sessions that are given them.
    Everything(Arc<[ToolDecision]>),
    Each(Box<[Verdict]>),
}

impl Outcome {
    pub(crate) fn selection(&self) -> Selection {
        let decisions = match &self.why {
            Why::Everything(decisions) => decisions.clone(),
            Why::Each(verdicts) => {
                let each = verdicts.iter().zip(self.given.iter());
                each.map(|(verdict, tool)| verdict.decision(tool)).collect()
            }
        };
        let mut selection =
            Selection::showing(self.strategy.clone(), self.shown.clone(), decisions);
        selection.problem.clone_from(&self.problem);
        selection
    }
}

impl Session {
    /// Notes that the model has searched for a tool.
    fn request(&mut self, tool: &str) {
        self.requested.retain(|other| **other != *tool);
        if self.requested.len() == REQUESTED {
            self.requested.pop_front();
        }
        self.requested.push_back(tool.into());
    }
}

impl Sessions {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Lock::new(RecentMap::new(capacity)))
    }

    pub(crate) fn get(&self, id: &SessionId) -> Session {
        self.0.lock().get(id).cloned().unwrap_or_default()
    }

    pub(crate) fn last(&self, id: &SessionId) -> Option<Arc<Outcome>> {
        self.0.lock().get(id)?.last.clone()
    }

    pub(crate) fn select(&self, id: &SessionId, outcome: Arc<Outcome>) {
        // The one that it replaces is dropped when the lock is free again.
        let _before = self.0.lock().get_or_default(id).last.replace(outcome);
    }

    /// Notes that the model of a session has searched for tools; those that fit best come first.
    pub(crate) fn request<'a>(
        &self,
        id: &SessionId,
        tools: impl DoubleEndedIterator<Item = &'a str>,
    ) {
        let mut sessions = self.0.lock();
        let session = sessions.get_or_default(id);
        tools.rev().for_each(|tool| session.request(tool));
    }

    pub(crate) fn forget(&self, id: &SessionId) {
        let _forgotten = { self.0.lock().remove(id) };
    }
}
