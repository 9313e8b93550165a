//! Signals that have come and were not taken yet.

use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;
use victor_workflow_protocol::{Signal, SignalTarget, StepPath};

/// Signals that have come and were not taken yet, with the numbers of their records.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    answers: HashMap<(StepPath, u32), (u64, Json)>,
    events: HashMap<String, VecDeque<(u64, Json)>>,
    cancel: Option<String>,
}

impl Signals {
    pub(crate) fn put(&mut self, number: u64, signal: &Signal) {
        let payload = signal.payload.clone();
        match &signal.to {
            SignalTarget::Answer { step, epoch } => {
                let answer = self.answers.entry((step.clone(), *epoch));
                answer.or_insert((number, payload));
            }
            SignalTarget::Event { name } => {
                let events = self.events.entry(name.clone()).or_default();
                events.push_back((number, payload));
            }
            SignalTarget::Cancel => {
                let reason = payload
                    .as_str()
                    .map_or_else(|| payload.to_string(), str::to_owned);
                self.cancel.get_or_insert(reason);
            }
            // Of a later version; it is kept in the journal.
            _ => {}
        }
    }

    pub(crate) fn answer(&self, step: &StepPath, epoch: u32) -> Option<&(u64, Json)> {
        self.answers.get(&(step.clone(), epoch))
    }

    pub(crate) fn event(&self, name: &str) -> Option<&(u64, Json)> {
        self.events.get(name)?.front()
    }

    pub(crate) fn cancel(&self) -> Option<&str> {
        self.cancel.as_deref()
    }

    /// Takes the signal of a record. Returns its payload, or none if there is none that could be taken.
    pub(crate) fn take(&mut self, number: u64) -> Option<Json> {
        let answer = self.answers.iter().find(|(_, (found, _))| *found == number);
        if let Some(key) = answer.map(|(key, _)| key.clone()) {
            // It stays, so that a second answer to the same question finds it.
            return self.answers.get(&key).map(|(_, payload)| payload.clone());
        }
        self.events.values_mut().find_map(|events| {
            let at = events.iter().position(|(found, _)| *found == number)?;
            events.remove(at).map(|(_, payload)| payload)
        })
    }
}
