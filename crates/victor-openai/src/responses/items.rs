//! What an answer of the Responses API consists of.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use victor_core::wire::Extra;
use victor_core::{Opaque, Part, Text, Thinking, ToolCall};
use victor_model_api::RawFields;

pub(crate) use crate::content::PARAGRAPH;
use crate::own;

/// What every item has. Only those that are known are looked into further, so that an item that is new breaks nothing.
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
    id: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
    status: Option<String>,
    content: Option<Vec<Content>>,
    summary: Option<Vec<Content>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
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
        let content = self.content.iter().flatten();
        content
            .filter_map(|part| part.text.as_deref().or(part.refusal.as_deref()))
            .collect()
    }

    /// The thoughts of a reasoning item: their summary, else themselves.
    pub(crate) fn thoughts(&self) -> String {
        if self.r#type != "reasoning" {
            return String::new();
        }
        let texts = |parts: &Option<Vec<Content>>, between| {
            let texts = parts
                .iter()
                .flatten()
                .filter_map(|part| part.text.as_deref());
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
        self.content
            .iter()
            .flatten()
            .any(|part| part.r#type == "refusal")
    }

    /// What the item becomes, with the text and thoughts that were shown of it.
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
                vec![Part::Text(Text { text, extra })]
            }
            "function_call" => {
                let known = ["type", "id", "call_id", "name", "arguments", "status"];
                own::keep(&mut extra, provider, own::FIELDS, unknown(raw, &known));
                let arguments = self.arguments.unwrap_or_default();
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
                let opaque = Opaque {
                    provider: provider.to_owned(),
                    kind: kind.to_owned(),
                    data: raw.get().to_owned(),
                    extra: Extra::default(),
                };
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
    Part::Thinking(Thinking {
        text,
        provider: Some(provider.to_owned()),
        ..Thinking::default()
    })
}
