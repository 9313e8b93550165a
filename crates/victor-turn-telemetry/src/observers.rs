//! Observers of turns, and what they are told.

use std::sync::Arc;

use victor_chat_protocol::{ObservedTurn, TurnEvent, TurnObserver, TurnOpening};
use victor_core::{TraceContext, contain_sync};
use victor_provider_protocol::LedgerReader;

/// The observers of an orchestrator's turns.
#[derive(Debug, Clone, Default)]
pub struct TurnObservers {
    /// The observers, in the order in which they are told.
    pub all: Vec<Arc<dyn TurnObserver>>,
    /// The name of the agent, if it is a tool of another one.
    pub agent: Option<Arc<str>>,
}

impl TurnObservers {
    /// Has them told of the attempts at model calls.
    pub(crate) fn subscribe(&self, ledger: &dyn LedgerReader) {
        for observer in &self.all {
            ledger.subscribe(observer.clone());
        }
    }

    /// Tells them of a turn that has been asked for.
    pub(crate) fn begin<'a>(&'a self, mut opening: TurnOpening<'a>) -> Observed {
        opening.agent = self.agent.as_deref();
        // A failure of an observer does not affect the turn.
        let begin =
            |observer: &Arc<dyn TurnObserver>| contain_sync(|| observer.begin(&opening)).ok()?;
        Observed(self.all.iter().filter_map(begin).collect())
    }
}

/// The observations of one turn.
#[derive(Debug)]
pub(crate) struct Observed(Vec<Box<dyn ObservedTurn>>);

impl Observed {
    /// Returns the place of the turn in a distributed trace: that of the first observer that knows one.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        let mut turns = self.0.iter();
        turns.find_map(|turn| contain_sync(|| turn.trace()).ok().flatten())
    }

    pub(crate) fn event(&mut self, event: &TurnEvent) {
        // An observer that fails hears no more of the turn.
        self.0
            .retain_mut(|turn| contain_sync(|| turn.event(event)).is_ok());
    }
}
