//! Items of an answer of the Responses API.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use victor_core::wire::Extra;
use victor_core::{Opaque, Part, Text, Thinking, ToolCall};
use victor_model_api::RawFields;
use victor_model_api::lenient::{self, Content, decoded_arguments, unquoted};

pub(crate) use crate::content::PARAGRAPH;
use crate::own;

/// Fields of every item. Only those that are known are looked into further, so that an item that is new breaks nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    r#type: String,
    id: Value,
    call_id: Value,
}

impl Head {
    pub(crate) fn is_known(&self) -> bool {
        ["message", "function_call", "reasoning"].contains(&&*self.r#type)
    }
}

impl From<Head> for Item {
    fn from(head: Head) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (id, call_id) = (text(&head.id), text(&head.call_id));
        Self {
            r#type: head.r#type,
            id,
            call_id,
            ..Self::default()
        }
    }
}

/// An item of an answer, as far as it is looked into.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    r#type: String,
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    call_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    /// JSON in a string; some servers send the object itself.
    arguments: Option<Box<RawValue>>,
    #[serde(deserialize_with = "lenient::text")]
    status: Option<String>,
    content: Option<Content>,
    summary: Option<Content>,
}

impl Item {
    /// By what the item is found again.
    pub(crate) fn key(&self) -> Option<&str> {
        self.id
            .as_deref()
            .or(self.call_id.as_deref())
            .filter(|key| !key.is_empty())
    }

    /// The whole text of a message, refusals with it.
    pub(crate) fn text(&self) -> String {
        if self.r#type != "message" {
            return String::new();
        }
        self.content.iter().flat_map(Content::texts).collect()
    }

    /// The thoughts of a reasoning item: their summary, else themselves.
    pub(crate) fn thoughts(&self) -> String {
        if self.r#type != "reasoning" {
            return String::new();
        }
        let texts = |content: &Option<Content>, between| {
            let texts = content.iter().flat_map(Content::texts);
            texts.collect::<Vec<_>>().join(between)
        };
        let summary = texts(&self.summary, PARAGRAPH);
        if summary.is_empty() {
            texts(&self.content, "")
        } else {
            summary
        }
    }

    pub(crate) fn is_refusal(&self) -> bool {
        self.content.as_ref().is_some_and(Content::is_refusal)
    }

    /// Returns the length of its arguments as they were sent.
    pub(crate) fn arguments_len(&self) -> usize {
        self.arguments.as_ref().map_or(0, |raw| raw.get().len())
    }

    /// Converts the item, with the text and thoughts that were shown of it.
    pub(crate) fn parts(
        self,
        raw: &RawValue,
        provider: &str,
        text: String,
        thoughts: String,
    ) -> Vec<Part> {
        let is_cut = self.status.as_deref() == Some("incomplete");
        let mut extra = Extra::default();
        if let Some(id) = self.id.filter(|id| !id.is_empty()) {
            extra.insert(crate::EXTRA, json!({ "id": id }));
        }
        match &*self.r#type {
            "message" if text.is_empty() => Vec::new(),
            "message" => {
                let others = unknown(raw, &["type", "id", "role", "status", "content"]);
                own::keep(&mut extra, provider, own::FIELDS, others);
                vec![Part::Text(Text::new(text).with_extra(extra))]
            }
            "function_call" => {
                let known = ["type", "id", "call_id", "name", "arguments", "status"];
                own::keep(&mut extra, provider, own::FIELDS, unknown(raw, &known));
                let arguments = self
                    .arguments
                    .as_deref()
                    .map(unquoted)
                    .and_then(Result::ok)
                    .unwrap_or_default();
                let arguments = decoded_arguments(arguments);
                let id = self.call_id.unwrap_or_default();
                let mut call = ToolCall::new(id, self.name.unwrap_or_default(), arguments);
                call.extra = extra;
                // One that was cut is not to be run, and one of no name cannot be.
                if is_cut || call.name.is_empty() {
                    Vec::new()
                } else {
                    vec![Part::ToolCall(call)]
                }
            }
            kind => {
                let opaque = Opaque::new(provider, kind, raw.get().to_owned());
                let mut parts = Vec::new();
                if !thoughts.is_empty() {
                    parts.push(thinking(provider, thoughts));
                }
                parts.push(Part::Opaque(opaque));
                parts
            }
        }
    }
}

/// The fields of an item that are not known here, among them `phase` of a message, and `namespace` and `caller` of a
/// call.
fn unknown(raw: &RawValue, known: &[&str]) -> Option<String> {
    RawFields::parse(raw.get()).ok()?.unknown(known)
}

/// Thoughts that were shown; what the server wants back of them is in the item itself.
pub(crate) fn thinking(provider: &str, text: String) -> Part {
    Part::Thinking(Thinking::new(text).with_provider(provider.to_owned()))
}
