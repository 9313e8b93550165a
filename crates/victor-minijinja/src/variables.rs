//! The variables of a template, which remember what was asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, Serde};
use victor_core::{JsonMap, Lock};

/// The variables, and the names that were looked up.
#[derive(Debug)]
pub(crate) struct Variables {
    values: JsonMap,
    asked: Lock<BTreeSet<String>>,
    /// The last name that was looked up in vain.
    missing: Lock<Option<String>>,
}

impl Variables {
    pub(crate) fn new(values: JsonMap) -> Self {
        Self {
            values,
            asked: Lock::default(),
            missing: Lock::default(),
        }
    }

    /// Returns the names that were looked up, whether there is such a variable or not.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().clone()
    }

    /// Returns the last name that was looked up in vain.
    pub(crate) fn missing(&self) -> Option<String> {
        self.missing.lock().clone()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        self.asked.lock().insert(name.to_owned());
        let value = self.values.get(name);
        if value.is_none() {
            *self.missing.lock() = Some(name.to_owned());
        }
        value.map(|value| Value::from(Serde(value)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        // Whoever lists the variables depends on all of them.
        self.asked.lock().extend(self.values.keys().cloned());
        Enumerator::Values(self.values.keys().map(Value::from).collect())
    }
}
