//! Cases: the messages to send, and what is expected of the agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::JsonMap;

/// A case of a [`Dataset`](crate::Dataset).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EvalCase {
    /// The name, unique in the dataset.
    pub id: String,
    /// The source that the case shares with others, such as a document. Cases of one group are not independent, so
    /// intervals are computed over groups where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The messages, sent one after the other in one conversation.
    pub turns: Vec<CaseTurn>,
    /// Contents of the files that the agent finds when it begins, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// The expectation.
    #[serde(default, skip_serializing_if = "Expectation::is_empty")]
    pub expected: Expectation,
    /// Tags, to choose cases by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Further facts, for evaluators and subjects.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub metadata: JsonMap,
}

/// A message of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CaseTurn {
    /// The text of the user.
    pub input: String,
    /// Facts about the request ([`ChatInput::with`](victor_chat_protocol::ChatInput::with)).
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub metadata: JsonMap,
}

/// The expected result of a case. An evaluator looks at the part that it knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Expectation {
    /// Right answers: one of them is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// Tool calls, in their order. Absent where any are fine; empty where there must be none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<ExpectedCall>>,
    /// Contents of files after the last turn, by path; `None` of a file that must not be there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Option<String>>,
    /// State of the environment after the last turn: every field that is named must have its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
}

/// A tool call that is expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedCall {
    /// The name of the tool.
    pub name: String,
    /// Arguments: every field that is named must have its value. Absent where any are fine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
}

impl EvalCase {
    /// A case of one message, of which nothing is expected yet.
    pub fn new(id: impl Into<String>, input: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            group: None,
            turns: vec![CaseTurn::new(input)],
            files: BTreeMap::new(),
            expected: Expectation::default(),
            tags: Vec::new(),
            metadata: JsonMap::new(),
        }
    }

    /// Adds a message, which is sent after the answer to those before it.
    #[must_use]
    pub fn then(mut self, input: impl Into<String>) -> Self {
        self.turns.push(CaseTurn::new(input));
        self
    }

    /// Adds a right answer.
    #[must_use]
    pub fn expect_text(mut self, text: impl Into<String>) -> Self {
        self.expected.text.push(text.into());
        self
    }

    /// Adds a file that the agent finds when it begins.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, content: impl Into<String>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    /// Adds a tool call to those that are expected.
    #[must_use]
    pub fn expect_call(mut self, call: ExpectedCall) -> Self {
        self.expected.tools.get_or_insert_default().push(call);
        self
    }

    /// Sets the [group](Self::group).
    #[must_use]
    pub fn with_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

impl CaseTurn {
    /// A message without metadata.
    pub fn new(input: impl Into<String>) -> Self {
        Self {
            input: input.into(),
            metadata: JsonMap::new(),
        }
    }
}

impl Expectation {
    /// Whether nothing is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ExpectedCall {
    /// A call of a tool with any arguments.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: None,
        }
    }

    /// Sets the [arguments](Self::arguments).
    #[must_use]
    pub fn with_arguments(mut self, arguments: Value) -> Self {
        self.arguments = Some(arguments);
        self
    }
}
