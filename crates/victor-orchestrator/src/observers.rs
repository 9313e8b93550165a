//! Observers of turns, and what they are told.

use std::sync::Arc;

use victor_chat_protocol::{ObservedTurn, TurnEvent, TurnObserver};
use victor_core::{TraceContext, contain_sync};

use crate::roles::Roles;
use crate::turn::TurnOrder;

/// The observers of an orchestrator's turns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observers {
    pub(crate) all: Vec<Arc<dyn TurnObserver>>,
    /// The name of the agent, if it is a tool of another one.
    pub(crate) agent: Option<Arc<str>>,
}

impl Observers {
    /// Has them told of the attempts at model calls.
    pub(crate) fn subscribe(&self, roles: &Roles) {
        if self.all.is_empty() {
            return;
        }
        if let Ok(Some(ledger)) = contain_sync(|| roles.provider.ledger()) {
            for observer in &self.all {
                ledger.subscribe(observer.clone());
            }
        }
    }

    /// Tells them of a turn that has been asked for.
    pub(crate) fn begin(&self, order: &TurnOrder) -> Observed {
        let mut turns = Vec::new();
        for observer in &self.all {
            let mut opening = order.opening();
            opening.agent = self.agent.as_deref();
            // A failure of an observer does not affect the turn.
            turns.extend(contain_sync(|| observer.begin(&opening)).ok().flatten());
        }
        Observed(turns)
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
