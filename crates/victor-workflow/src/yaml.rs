//! Definitions in YAML, with line and column of each fault.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use victor_workflow_protocol::{DefinitionFault, InvalidWorkflow, Workflow};

use crate::graph::Graph;

/// Reads a definition in YAML and checks it. JSON is YAML, too.
///
/// # Errors
///
/// [`InvalidWorkflow`] has all faults, each with its line and column. A text that is no definition at all, or has a key
/// that no definition has, has one.
///
/// ```
/// let text = "
/// name: greet
/// steps:
///   - id: who
///     call: { handler: directory, input: '{{ input.user }}' }
///   - id: greeting
///     transform: Hello, {{ steps.whom.name }}!
/// ";
/// let error = victor_workflow::from_yaml(text).unwrap_err();
/// let expected = "line 7, column 16: steps[1].transform: unknown step `whom`, did you mean `who`?";
/// assert!(error.faults[0].to_string().starts_with(expected), "{error}");
/// ```
pub fn from_yaml(text: &str) -> Result<Workflow, InvalidWorkflow> {
    let invalid = |error: &yaml_serde::Error| {
        let position = error.location().map(|at| (at.line(), at.column()));
        let fault = DefinitionFault::new("", message(error)).at(position);
        InvalidWorkflow::new("", vec![fault])
    };
    // Of two equal keys, this reading alone does not take the last one in silence.
    yaml_serde::from_str::<yaml_serde::Value>(text).map_err(|error| invalid(&error))?;
    let workflow: Workflow = yaml_serde::from_str(text).map_err(|error| invalid(&error))?;
    match Graph::new(workflow) {
        Ok(graph) => Ok(graph.workflow),
        Err(mut error) => {
            for fault in &mut error.faults {
                fault.position = position(text, &fault.path);
            }
            Err(error)
        }
    }
}

/// The words of an error without its position, which is told beside them.
fn message(error: &yaml_serde::Error) -> String {
    let words = error.to_string();
    let end = words.rfind(" at line ").unwrap_or(words.len());
    words[..end].to_owned()
}

/// Line and column of a place such as `steps[2].after[0]`, or of the nearest one around it that is there.
fn position(text: &str, path: &str) -> Option<(usize, usize)> {
    let parts: Vec<_> = path
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .collect();
    (0..=parts.len()).rev().find_map(|count| {
        let document = yaml_serde::Deserializer::from_str(text);
        let found = Probe(&parts[..count]).deserialize(document).err()?;
        found.location().map(|at| (at.line(), at.column()))
    })
}

/// Reads a document up to a place, and fails there: the error has the position.
struct Probe<'p>(&'p [&'p str]);

impl Probe<'_> {
    fn found<E: de::Error>() -> Result<(), E> {
        Err(E::custom("found"))
    }
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a definition")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((key, rest)) = self.0.split_first() else {
            return Self::found();
        };
        while let Some(found) = map.next_key::<String>()? {
            if found == **key {
                map.next_value_seed(Probe(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((index, rest)) = self.0.split_first() else {
            return Self::found();
        };
        for _ in 0..index.parse().unwrap_or(0) {
            seq.next_element::<IgnoredAny>()?;
        }
        seq.next_element_seed(Probe(rest))?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Self::found()
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Self::found()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Self::found()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Self::found()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Self::found()
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Self::found()
    }
}
