//! Events that wait to be written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use victor_chat_protocol::{EventBatch, TurnEvent};
use victor_core::{SessionId, TurnId};

/// The events of all turns that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    turns: HashMap<TurnId, Waiting>,
    pub(crate) dropped: u64,
}

/// The events of one turn that wait to be written.
#[derive(Debug)]
struct Waiting {
    session: SessionId,
    /// The number of events that the log has, as far as is known.
    length: u64,
    events: Vec<TurnEvent>,
    /// Number of those who record it.
    recorders: usize,
    /// Whether an earlier write may have happened of which the answer was lost.
    is_unsure: bool,
}

/// The outcome of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was appended.
    Yes,
    /// Unknown, since the log has failed.
    Unknown,
    /// The log has so many events of the turn, of which the first are those of the batch.
    Behind { length: u64, known: usize },
}

impl Pending {
    pub(crate) fn begin(&mut self, session: &SessionId, turn: TurnId) {
        let waiting = self.turns.entry(turn).or_insert_with(|| Waiting {
            session: session.clone(),
            length: 0,
            events: Vec::new(),
            recorders: 0,
            is_unsure: false,
        });
        waiting.recorders += 1;
    }

    /// Adds an event, in place of the oldest one if there are `limit`. Returns whether it is the first.
    pub(crate) fn push(&mut self, event: &TurnEvent, limit: usize) -> bool {
        let Some(waiting) = self.turns.get_mut(&event.turn) else {
            return false;
        };
        if waiting.events.len() >= limit.max(1) {
            waiting.events.remove(0);
            self.dropped += 1;
        }
        waiting.events.push(event.clone());
        waiting.events.len() == 1
    }

    pub(crate) fn end(&mut self, turn: TurnId) {
        if let Entry::Occupied(mut waiting) = self.turns.entry(turn) {
            waiting.get_mut().recorders -= 1;
            remove_idle(waiting);
        }
    }

    /// Takes everything that waits, a batch of each turn.
    pub(crate) fn take(&mut self) -> Vec<(EventBatch, bool)> {
        let turns = self.turns.iter_mut();
        let turns = turns.filter(|(_, waiting)| !waiting.events.is_empty());
        turns
            .map(|(turn, waiting)| {
                let events = std::mem::take(&mut waiting.events);
                let session = waiting.session.clone();
                let batch = EventBatch::new(session, *turn, waiting.length, events);
                (batch, waiting.is_unsure)
            })
            .collect()
    }

    /// Takes note of what became of a batch, and puts back what is not written. Returns whether anything is.
    pub(crate) fn settle(&mut self, batch: EventBatch, written: Written) -> bool {
        let Entry::Occupied(mut entry) = self.turns.entry(batch.turn) else {
            return false;
        };
        let waiting = entry.get_mut();
        let rest = match written {
            Written::Yes => {
                waiting.length = batch.end();
                Vec::new()
            }
            Written::Unknown => batch.events,
            Written::Behind { length, known } => {
                waiting.length = length;
                batch.events.into_iter().skip(known).collect()
            }
        };
        waiting.is_unsure = written == Written::Unknown;
        let is_left = !rest.is_empty();
        let newer = std::mem::replace(&mut waiting.events, rest);
        waiting.events.extend(newer);
        remove_idle(entry);
        is_left
    }
}

fn remove_idle(waiting: std::collections::hash_map::OccupiedEntry<'_, TurnId, Waiting>) {
    if waiting.get().recorders == 0 && waiting.get().events.is_empty() {
        waiting.remove();
    }
}
