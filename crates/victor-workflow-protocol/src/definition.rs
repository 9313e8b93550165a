//! Definitions of workflows, as data.

mod duration;
mod form;
#[cfg(feature = "schema")]
mod schema;
mod step;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_checkpoint_protocol::ContentHash;
use victor_core::wire::FormatVersion;

pub use step::{
    AgentStep, ApprovalStep, BranchCase, BranchStep, CallStep, Join, LoopStep, MapStep, OnFailure,
    Retry, Step, StepAction, ToolStep, WaitStep, WorkflowStep,
};

/// The definition of a workflow: steps and the edges between them.
///
/// It is data, so it can be stored with its runs, sent and compared. Keys that it does not know are an error, since a
/// step that was meant to be retried and is not would be a silent one. `docs/workflows.md` describes every field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a workflow: { name: NAME, steps: [...] }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Workflow {
    /// The version of the form, 1.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "u32", extend("const" = 1)))]
    version: FormatVersion<1>,
    /// The name under which it is started.
    pub name: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Number of calls of handlers that may run at the same time; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The output, a template; that of the last step in the list if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Workflows that steps of this one name. They are part of it, and of its identity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workflows: BTreeMap<String, Body>,
}

/// Steps within a step, or those of a sub-workflow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a workflow: { steps: [...] }")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Body {
    /// The steps.
    pub steps: Vec<Step>,
    /// The output, a template; that of the last step in the list if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

impl Body {
    /// Creates a body of these steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            output: None,
        }
    }

    /// Sets the template of the output.
    #[must_use]
    pub fn with_output(mut self, output: impl Into<Value>) -> Self {
        self.output = Some(output.into());
        self
    }
}

impl Workflow {
    /// Creates a workflow of these steps.
    pub fn new(name: impl Into<String>, steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            version: FormatVersion,
            name: name.into(),
            description: String::new(),
            concurrency: None,
            steps: steps.into_iter().collect(),
            output: None,
            workflows: BTreeMap::new(),
        }
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Limits the number of calls of handlers that may run at the same time.
    #[must_use]
    pub fn with_concurrency(mut self, limit: u32) -> Self {
        self.concurrency = Some(limit);
        self
    }

    /// Sets the template of the output.
    #[must_use]
    pub fn with_output(mut self, output: impl Into<Value>) -> Self {
        self.output = Some(output.into());
        self
    }

    /// Adds a workflow that steps can name.
    #[must_use]
    pub fn with_workflow(mut self, name: impl Into<String>, body: Body) -> Self {
        self.workflows.insert(name.into(), body);
        self
    }

    /// Returns the canonical text of the definition: JSON with sorted keys and without blanks. Two definitions are the
    /// same if their texts are, however their files were laid out.
    #[must_use]
    pub fn canonical(&self) -> String {
        // All keys are strings and no number is infinite, so this cannot fail.
        let value = serde_json::to_value(self).unwrap_or_default();
        let mut text = String::new();
        write_canonical(&mut text, &value);
        text
    }

    /// Returns the identity of the definition: the hash of its canonical text.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(self.canonical().as_bytes())
    }
}

/// Writes a value with sorted keys, whatever order its maps keep in this build.
fn write_canonical(text: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                // A `String` takes everything.
                let _ = write!(text, "{comma}{}:", Value::from(key.as_str()));
                write_canonical(text, &map[key]);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(text, item);
            }
            text.push(']');
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}
