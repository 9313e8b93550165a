//! The data that expressions see.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::Object;
use victor_core::SharedLock;

use crate::expression::Value;

/// The data of a body that runs: what it was given, and what its steps have put out.
#[derive(Debug, Default)]
pub(crate) struct ScopeData {
    given: Vec<(&'static str, Value)>,
    outputs: SharedLock<HashMap<Arc<str>, Value>>,
    errors: SharedLock<HashMap<Arc<str>, Value>>,
    /// The body around it, whose data are seen too.
    outer: Option<Arc<Self>>,
}

impl ScopeData {
    pub(crate) fn new(given: Vec<(&'static str, Value)>, outer: Option<Arc<Self>>) -> Self {
        Self {
            given,
            outer,
            ..Self::default()
        }
    }

    /// The data as an expression sees them.
    pub(crate) fn value(self: &Arc<Self>) -> Value {
        Value::from_dyn_object(Arc::clone(self))
    }

    /// These data, with more names.
    pub(crate) fn with(self: &Arc<Self>, given: Vec<(&'static str, Value)>) -> Value {
        Value::from_object(Self::new(given, Some(Arc::clone(self))))
    }

    pub(crate) fn put(&self, step: &Arc<str>, output: Value) {
        self.outputs.write().insert(Arc::clone(step), output);
    }

    pub(crate) fn put_error(&self, step: &Arc<str>, message: &str) {
        self.errors.write().insert(Arc::clone(step), message.into());
    }

    pub(crate) fn output(&self, step: &str) -> Option<Value> {
        self.outputs.read().get(step).cloned()
    }

    /// Looks through this body and those around it.
    fn find<T>(&self, look: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let mut data = self;
        loop {
            match (look(data), &data.outer) {
                (None, Some(outer)) => data = outer,
                (found, _) => return found,
            }
        }
    }
}

impl Object for ScopeData {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "steps" => Some(Value::from_object(Outputs(Arc::clone(self)))),
            "errors" => Some(Value::from_object(Errors(Arc::clone(self)))),
            name => self.find(|data| {
                let given = data.given.iter().find(|(known, _)| *known == name);
                given.map(|(_, value)| value.clone())
            }),
        }
    }
}

/// The outputs of steps by their names.
#[derive(Debug)]
struct Outputs(Arc<ScopeData>);

impl Object for Outputs {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let step = key.as_str()?;
        self.0.find(|data| data.output(step))
    }
}

/// The messages of steps that have failed, by their names.
#[derive(Debug)]
struct Errors(Arc<ScopeData>);

impl Object for Errors {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let step = key.as_str()?;
        self.0.find(|data| data.errors.read().get(step).cloned())
    }
}
