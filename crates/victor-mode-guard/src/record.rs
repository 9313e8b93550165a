//! The mode of a session, as far as the store and the events know it.

use std::sync::Arc;

use serde_json::Value;
use victor_core::JsonMap;
use victor_mode_protocol::SwitchedBy;

use crate::facts::NESTED_IN;

/// The mode of a session, as far as the store and the events know it.
#[derive(Debug, Default)]
pub(crate) struct ModeRecord {
    /// The mode that the last event named.
    announced: Option<Arc<str>>,
    /// The mode that the store has.
    stored: Option<Arc<str>>,
    /// The author of a switch that no event has named yet.
    switched_by: Option<Box<SwitchedBy>>,
    parent: Option<Box<ParentFact>>,
}

/// The session that this one is nested in, whose agent lives in this process.
#[derive(Debug)]
struct ParentFact {
    value: Value,
    is_stored: bool,
}

impl ModeRecord {
    pub(crate) fn announced(&self) -> Option<&str> {
        self.announced.as_deref()
    }

    /// Whether nothing would be lost if this record were dropped.
    pub(crate) fn is_settled(&self) -> bool {
        self.switched_by.is_none() && (self.announced.is_none() || self.stored.is_some())
    }

    /// Whether neither the store nor an event has named a mode, and nobody has switched it.
    pub(crate) fn is_new(&self) -> bool {
        self.announced.is_none() && self.stored.is_none() && self.switched_by.is_none()
    }

    /// Enters a mode. Returns the one before and the author of the switch, if there was one before.
    pub(crate) fn enter(&mut self, mode: Arc<str>) -> Option<(Arc<str>, SwitchedBy)> {
        let before = self.announced.replace(mode);
        // A switch without an author was made through the coordinator, as the model's tool does it.
        let by = self.switched_by.take();
        before.map(|before| (before, by.map_or(SwitchedBy::Model, |by| *by)))
    }

    pub(crate) fn note_switch(&mut self, by: SwitchedBy) {
        self.switched_by = Some(Box::new(by));
    }

    /// Whether the store has another mode, or none where `absent_means_mode` is not set.
    pub(crate) fn is_unsaved(&self, mode: &str, absent_means_mode: bool) -> bool {
        match self.stored.as_deref() {
            Some(stored) => stored != mode,
            None => !absent_means_mode,
        }
    }

    /// Whether a session in the mode `now` takes over the stored mode: it has just been loaded, or another process has
    /// switched it and this one has not.
    pub(crate) fn adopts(&self, now: Option<&str>, stored: &str) -> bool {
        if self.announced.is_none() && self.stored.is_none() {
            return true;
        }
        self.stored.as_deref() == now && now != Some(stored)
    }

    /// Takes over the mode that the store has. Loading a session is no switch, so no event names it.
    pub(crate) fn adopt(&mut self, mode: Arc<str>) {
        if self.announced.is_none() {
            self.announced = Some(mode.clone());
            self.switched_by = None;
        }
        self.stored = Some(mode);
    }

    pub(crate) fn nest(&mut self, value: Value) {
        let is_stored = false;
        self.parent = Some(Box::new(ParentFact { value, is_stored }));
    }

    pub(crate) fn is_nested(&self) -> bool {
        self.parent.is_some()
    }

    /// Returns the parent, if the store does not have it yet.
    pub(crate) fn unsaved_parent(&self) -> Option<Value> {
        let parent = self.parent.as_ref().filter(|parent| !parent.is_stored)?;
        Some(parent.value.clone())
    }

    /// Notes that the store has these facts.
    pub(crate) fn saved(&mut self, mode: Option<Arc<str>>, facts: &JsonMap) {
        if mode.is_some() {
            self.stored = mode;
        }
        if let Some(parent) = &mut self.parent {
            parent.is_stored |= facts.contains_key(NESTED_IN);
        }
    }
}
