//! The reading of a definition that does not end at the first fault of its form.
//!
//! The types tell which keys they have when they are read, so an unknown key is noted and left out. A step of which
//! something else is wrong is noted and read once more as one that does nothing, so that the others are checked as well.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize as _, forward_to_deserialize_any};
use serde_json::{Value, json};
use victor_core::UnknownName;
use victor_workflow_protocol::{DefinitionFault, Workflow};

/// A definition as far as it could be read.
pub(super) struct Form {
    pub(super) workflow: Option<Workflow>,
    /// The faults, each with the key at its place if it is the key that is wrong.
    pub(super) faults: Vec<(DefinitionFault, Option<String>)>,
    /// Whether every step is as it was written.
    pub(super) is_whole: bool,
}

/// Reads a definition.
pub(super) fn read(mut document: Value) -> Form {
    let unknown = Unknown::default();
    let mut failures: Vec<DefinitionFault> = Vec::new();
    let workflow = loop {
        let root = Node {
            value: &document,
            path: String::new(),
            unknown: &unknown,
        };
        let Failure { path, message } = match Workflow::deserialize(root) {
            Ok(workflow) => break Some(workflow),
            Err(failure) => failure,
        };
        let path = path.unwrap_or_default();
        let message = message
            .replace("expected u32", "expected a whole number")
            .replace("expected a sequence", "expected a list");
        let is_new = failures.iter().all(|failure| failure.path != path);
        if is_new {
            failures.push(DefinitionFault::new(&path, message));
        }
        match step_around(&mut document, &path) {
            Some(step) if is_new => *step = without_work(step),
            _ => break None,
        }
    };
    let is_whole = failures.is_empty();
    let unknown = unknown.into_inner();
    // A step whose key is misspelt does nothing, which the key tells already.
    failures.retain(|failure| {
        let mut keys = unknown.keys();
        !(failure.message.contains(NO_WORK) && keys.any(|(path, _)| *path == failure.path))
    });
    let unknown = unknown
        .into_iter()
        .map(|((path, key), message)| (DefinitionFault::new(path, message), Some(key)));
    let failures = failures.into_iter().map(|failure| (failure, None));
    Form {
        workflow,
        faults: failures.chain(unknown).collect(),
        is_whole,
    }
}

/// Words of the fault of a step that does nothing or several things.
const NO_WORK: &str = "must do one thing";

/// The innermost step around a place.
fn step_around<'d>(document: &'d mut Value, path: &str) -> Option<&'d mut Value> {
    let end = path.rfind("steps[")?;
    let end = end + path[end..].find(']')?;
    let parts = path[..end]
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty());
    let pointer: String = parts
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect();
    document.pointer_mut(&pointer)
}

/// A step of the same name and edges that computes nothing.
fn without_work(step: &Value) -> Value {
    let mut plain = json!({ "id": step["id"].as_str().unwrap_or("unreadable"), "transform": "" });
    let after = &step["after"];
    if after.is_string()
        || after
            .as_array()
            .is_some_and(|names| names.iter().all(Value::is_string))
    {
        plain["after"] = after.clone();
    }
    plain
}

/// Messages about unknown keys, by the place of their map and the key.
type Unknown = RefCell<BTreeMap<(String, String), String>>;

/// A value at its place.
struct Node<'de, 'u> {
    value: &'de Value,
    path: String,
    unknown: &'u Unknown,
}

impl<'de, 'u> Node<'de, 'u> {
    fn field(&self, key: &str, value: &'de Value) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        Self {
            value,
            path,
            ..*self
        }
    }

    fn map<V: Visitor<'de>>(self, keys: Option<&[&str]>, visitor: V) -> Result<V::Value, Failure> {
        let Value::Object(map) = self.value else {
            return self.deserialize_any(visitor);
        };
        let mut fields = Vec::new();
        for (key, value) in map {
            match keys {
                Some(keys) if !keys.contains(&&**key) => {
                    let message = UnknownName::new("key", key, keys.iter().copied()).to_string();
                    self.unknown
                        .borrow_mut()
                        .insert((self.path.clone(), key.clone()), message);
                }
                _ => fields.push((&**key, self.field(key, value))),
            }
        }
        let access = Fields {
            fields: fields.into_iter(),
            value: None,
        };
        visitor
            .visit_map(access)
            .map_err(|failure| failure.at(&self.path))
    }
}

impl<'de> Deserializer<'de> for Node<'de, '_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Value::Object(_) => self.map(None, visitor),
            Value::Array(items) => {
                let access = Items {
                    node: &self,
                    items: items.iter().enumerate(),
                };
                visitor
                    .visit_seq(access)
                    .map_err(|failure| failure.at(&self.path))
            }
            plain => plain.deserialize_any(visitor).map_err(|error| Failure {
                path: Some(self.path),
                message: error.to_string(),
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.map(Some(keys), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let read = self.value.deserialize_enum(name, variants, visitor);
        read.map_err(|error| Failure {
            path: Some(self.path),
            message: error.to_string(),
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Fields<'de, 'u> {
    fields: std::vec::IntoIter<(&'de str, Node<'de, 'u>)>,
    value: Option<Node<'de, 'u>>,
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some((key, value)) = self.fields.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let key: StrDeserializer<'_, Failure> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let node = self
            .value
            .take()
            .ok_or_else(|| de::Error::custom("a value without a key"))?;
        let path = node.path.clone();
        seed.deserialize(node).map_err(|failure| failure.at(&path))
    }
}

struct Items<'n, 'de, 'u> {
    node: &'n Node<'de, 'u>,
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some((index, value)) = self.items.next() else {
            return Ok(None);
        };
        let path = format!("{}[{index}]", self.node.path);
        let node = Node {
            value,
            path: path.clone(),
            unknown: self.node.unknown,
        };
        seed.deserialize(node)
            .map(Some)
            .map_err(|failure| failure.at(&path))
    }
}

/// A fault, and its place once that is known.
#[derive(Debug)]
struct Failure {
    path: Option<String>,
    message: String,
}

impl Failure {
    fn at(mut self, path: &str) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            path: None,
            message: message.to_string(),
        }
    }
}
