//! One block of an answer, from its first bytes to the part that it becomes.

use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::wire::Extra;
use victor_core::{JsonMap, Opaque, Part, Text, Thinking, ToolCall};
use victor_model_api::RawFields as Fields;
use victor_model_api::lenient::{decoded_arguments, text, unquoted};
use victor_model_api::{AnswerMeter, LimitExceeded};

use crate::DIALECT;
use crate::unknown_block::UnknownBlock;

/// A block of an answer, whole or growing.
#[derive(Debug)]
pub(crate) struct Block {
    content: Content,
    /// Whether the API said that nothing more belongs to it.
    pub(crate) closed: bool,
}

#[derive(Debug)]
enum Content {
    Text {
        text: String,
        own: JsonMap,
    },
    Thinking {
        text: String,
        signature: String,
        own: JsonMap,
    },
    ToolUse {
        id: String,
        name: String,
        input: String,
        written: String,
        own: JsonMap,
    },
    Opaque {
        kind: String,
        raw: Box<RawValue>,
        grown: Option<UnknownBlock>,
    },
}

/// The displayable part of a piece of a block.
#[derive(Debug, PartialEq)]
pub(crate) enum Shown {
    Text(String),
    Thinking(String),
    Nothing,
}

impl Block {
    /// The block that `raw` begins with, or is.
    pub(crate) fn start(raw: &RawValue) -> serde_json::Result<Self> {
        let fields = Fields::parse(raw.get())?;
        let content = match fields.kind().as_str() {
            "text" => Content::Text {
                text: fields.read("text")?,
                own: fields.others(&["text"])?,
            },
            "thinking" => Content::Thinking {
                text: fields.read("thinking")?,
                signature: fields.read("signature")?,
                own: fields.others(&["thinking", "signature"])?,
            },
            "tool_use" => Content::ToolUse {
                id: scalar(&fields, "id")?,
                name: scalar(&fields, "name")?,
                input: fields.get("input").map_or("{}", RawValue::get).to_owned(),
                written: String::new(),
                own: without_default_caller(fields.others(&["id", "name", "input"])?),
            },
            kind => Content::Opaque {
                kind: kind.to_owned(),
                raw: raw.to_owned(),
                grown: None,
            },
        };
        Ok(Self {
            content,
            closed: false,
        })
    }

    /// Returns the displayable part of its beginning.
    pub(crate) fn shown(&self) -> Shown {
        match &self.content {
            Content::Text { text, .. } if !text.is_empty() => Shown::Text(text.clone()),
            Content::Thinking { text, .. } if !text.is_empty() => Shown::Thinking(text.clone()),
            _ => Shown::Nothing,
        }
    }

    /// Counts what it brings from its beginning on, besides text and thoughts.
    pub(crate) fn measure(&self, meter: &mut AnswerMeter) -> Result<(), LimitExceeded> {
        match &self.content {
            Content::Text { text, .. } | Content::Thinking { text, .. } => meter.text(text.len()),
            Content::ToolUse { input, .. } => meter.arguments(1, input.len()),
            Content::Opaque { raw, .. } => meter.opaque(raw.get().len()),
        }
    }

    /// Counts a piece of it that was taken, and is so long, besides text and thoughts.
    pub(crate) fn measure_piece(
        &self,
        piece: usize,
        meter: &mut AnswerMeter,
    ) -> Result<(), LimitExceeded> {
        match &self.content {
            Content::Text { .. } | Content::Thinking { .. } => meter.note(piece),
            Content::ToolUse { written, .. } => return meter.arguments(piece, written.len()),
            Content::Opaque { .. } => return meter.opaque(piece),
        }
        Ok(())
    }

    /// Goes on with what was written last.
    pub(crate) fn again(&mut self, more: char) {
        match &mut self.content {
            Content::Text { text, .. }
            | Content::Thinking { text, .. }
            | Content::ToolUse { written: text, .. } => text.push(more),
            Content::Opaque { .. } => {}
        }
    }

    pub(crate) fn is_tool_use(&self) -> bool {
        matches!(self.content, Content::ToolUse { .. })
    }

    /// Takes more text, if it is a block of text.
    pub(crate) fn write(&mut self, more: &str) {
        if let Content::Text { text, .. } = &mut self.content {
            text.push_str(more);
        }
    }

    /// Takes the next piece. Pieces of unknown kinds are taken by blocks of unknown kinds, and skipped by others.
    pub(crate) fn grow(&mut self, delta: &RawValue) -> serde_json::Result<Shown> {
        let delta = Fields::parse(delta.get())?;
        match (&mut self.content, delta.kind().as_str()) {
            (Content::Text { text, .. }, "text_delta") => {
                let more: String = delta.read("text")?;
                text.push_str(&more);
                return Ok(Shown::Text(more));
            }
            (Content::Text { own, .. }, "citations_delta") => {
                let citations = own
                    .entry("citations")
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(citations) = citations {
                    citations.push(delta.read("citation")?);
                }
            }
            (Content::Thinking { text, .. }, "thinking_delta") => {
                let more: String = delta.read("thinking")?;
                text.push_str(&more);
                return Ok(Shown::Thinking(more));
            }
            (Content::Thinking { signature, .. }, "signature_delta") => {
                *signature = delta.read("signature")?;
            }
            (Content::ToolUse { written, .. }, "input_json_delta") => {
                written.push_str(&delta.read::<String>("partial_json")?);
            }
            (Content::Opaque { raw, grown, .. }, _) => {
                let grown = match grown {
                    Some(grown) => grown,
                    None => grown.insert(UnknownBlock::new(raw)?),
                };
                grown.take(&delta)?;
            }
            _ => {}
        }
        Ok(Shown::Nothing)
    }

    /// The part that it becomes; none if it says nothing, or did not come whole and has no meaning in pieces.
    ///
    /// `cut` says that the answer was cut off at a limit, and `position` where the block stands in it.
    pub(crate) fn into_part(self, cut: bool, position: usize) -> Option<Part> {
        match self.content {
            Content::Text { text, own } if text.is_empty() && own.is_empty() => None,
            Content::Text { text, own } => Some(Text::new(text).with_extra(namespaced(own)).into()),
            Content::Thinking {
                text, signature, ..
            } if text.is_empty() && signature.is_empty() => None,
            Content::Thinking {
                text,
                signature,
                own,
            } => Some(
                Thinking::new(text)
                    .with_signature((!signature.is_empty()).then_some(signature))
                    .with_provider(DIALECT.to_owned())
                    .with_extra(namespaced(own))
                    .into(),
            ),
            Content::ToolUse {
                id,
                name,
                input,
                written,
                own,
            } => {
                let arguments = if written.trim().is_empty() {
                    plain(&input)
                } else {
                    written
                };
                let arguments = decoded_arguments(arguments);
                let whole = || serde_json::from_str::<&RawValue>(&arguments).is_ok();
                if !self.closed || (cut && !whole()) {
                    return None;
                }
                let id = if id.is_empty() {
                    format!("call_{position}")
                } else {
                    id
                };
                let mut call = ToolCall::new(id, name, arguments);
                call.extra = namespaced(own);
                Some(call.into())
            }
            Content::Opaque { .. } if !self.closed => None,
            Content::Opaque { kind, raw, grown } => {
                let data = grown.map_or_else(|| raw.get().to_owned(), UnknownBlock::into_json);
                let (provider, extra) = (DIALECT.to_owned(), Extra::default());
                Some(Opaque::new(provider, kind, data).with_extra(extra).into())
            }
        }
    }
}

/// A text in a field, or the digits of a number; empty if there is neither.
fn scalar(fields: &Fields<'_>, name: &str) -> serde_json::Result<String> {
    let Some(value) = fields.get(name) else {
        return Ok(String::new());
    };
    let read = text(&mut serde_json::Deserializer::from_str(value.get()))?;
    Ok(read.unwrap_or_default())
}

/// An input as it came, or the text that it is encoded as.
fn plain(input: &str) -> String {
    let raw = serde_json::from_str::<&RawValue>(input);
    raw.and_then(unquoted).unwrap_or_else(|_| input.to_owned())
}

/// Keeps the fields that only this dialect knows under its name, where others do not stumble over them.
pub(crate) fn namespaced(own: JsonMap) -> Extra {
    let mut extra = Extra::default();
    if !own.is_empty() {
        extra.insert(DIALECT, own);
    }
    extra
}

/// That the model itself called the tool is what goes without saying.
fn without_default_caller(mut own: JsonMap) -> JsonMap {
    let is_default = |caller: &Value| caller.get("type").is_some_and(|kind| kind == "direct");
    if own.get("caller").is_some_and(is_default) {
        own.remove("caller");
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    /// The result of closing a block after its pieces.
    #[track_caller]
    fn check(start: &str, deltas: &[&str], expected: &str) {
        let mut block = Block::start(raw(start)).unwrap();
        for delta in deltas {
            block.grow(raw(delta)).unwrap();
        }
        block.closed = true;
        let part = block
            .into_part(false, 3)
            .map_or(Value::Null, |part| serde_json::to_value(part).unwrap());
        assert_eq!(part, serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn unknown_blocks_keep_every_byte() {
        let start = r#"{ "type":"new", "x": [1.0, 2e0]}"#;
        let mut block = Block::start(raw(start)).unwrap();
        block.closed = true;
        let Some(Part::Opaque(opaque)) = block.into_part(false, 0) else {
            panic!()
        };
        assert_eq!((opaque.kind.as_str(), opaque.data.as_str()), ("new", start));
    }

    #[test]
    fn pieces_of_unknown_blocks_are_folded_in() {
        let opaque = |kind: &str, data: &str| {
            serde_json::json!({"type": "opaque", "provider": "anthropic", "kind": kind, "data": data}).to_string()
        };
        check(
            r#"{"type":"server_tool_use","id":"s","input":{}}"#,
            &[
                r#"{"type":"input_json_delta","partial_json":""}"#,
                r#"{"type":"input_json_delta","partial_json":"{\"q\":"}"#,
                r#"{"type":"input_json_delta","partial_json":" 1.0}"}"#,
            ],
            &opaque(
                "server_tool_use",
                r#"{"type":"server_tool_use","id":"s","input":{"q": 1.0}}"#,
            ),
        );
        check(
            r#"{"type":"new","a":"x","b":null}"#,
            &[
                r#"{"type":"new_delta","a":"y","b":"z\"","c":[1]}"#,
                r#"{"type":"new_delta","a":"!","b":"?","c":[2]}"#,
            ],
            &opaque("new", r#"{"type":"new","a":"xy!","b":"z\"?","c":[2]}"#),
        );
        check(
            r#"{"type":"server_tool_use","input":{}}"#,
            &[r#"{"type":"input_json_delta","partial_json":"{\"q\":"}"#],
            &opaque(
                "server_tool_use",
                r#"{"type":"server_tool_use","input":{}}"#,
            ),
        );
    }

    #[test]
    fn citations_stay_with_their_text() {
        check(
            r#"{"type":"text","text":"a","citations":[]}"#,
            &[
                r#"{"type":"citations_delta","citation":{"cited_text":"c"}}"#,
                r#"{"type":"text_delta","text":"b"}"#,
            ],
            r#"{"type":"text","text":"ab","anthropic":{"citations":[{"cited_text":"c"}]}}"#,
        );
    }

    #[test]
    fn calls_keep_their_arguments_as_written() {
        let start =
            r#"{"type":"tool_use","id":"i","name":"n","input":{},"caller":{"type":"direct"}}"#;
        let json = |partial: &str| {
            serde_json::json!({"type": "input_json_delta", "partial_json": partial}).to_string()
        };
        check(
            start,
            &[],
            r#"{"type":"tool_call","id":"i","name":"n","arguments":"{}"}"#,
        );
        check(
            start,
            &[&json("{\"a\""), &json(" : 1.0}")],
            r#"{"type":"tool_call","id":"i","name":"n","arguments":"{\"a\" : 1.0}"}"#,
        );
        // The chat refuses such a call and tells the model why; left out, the model would wait for its result.
        check(
            start,
            &[&json("{oops")],
            r#"{"type":"tool_call","id":"i","name":"n","arguments":"{oops"}"#,
        );
        check(
            r#"{"type":"tool_use","name":"n","input":{"a":[1,  2]},"caller":{"type":"code","tool_id":"s"}}"#,
            &[],
            concat!(
                r#"{"type":"tool_call","id":"call_3","name":"n","arguments":"{\"a\":[1,  2]}","#,
                r#""anthropic":{"caller":{"type":"code","tool_id":"s"}}}"#
            ),
        );
    }

    #[test]
    fn arguments_become_the_object_that_is_meant() {
        let check = |input: &str, expected: &str| {
            let start = format!(r#"{{"type":"tool_use","id":7,"name":"n","input":{input}}}"#);
            let mut block = Block::start(raw(&start)).unwrap();
            block.closed = true;
            let Some(Part::ToolCall(call)) = block.into_part(false, 0) else {
                panic!("{input}")
            };
            assert_eq!((call.id.as_str(), &*call.arguments), ("7", expected));
        };
        check(r#""{\"a\": 1}""#, r#"{"a": 1}"#);
        check(
            r#"{"n":12345678901234567890123}"#,
            r#"{"n":12345678901234567890123}"#,
        );
        check("null", "{}");
        check(r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#);
    }

    #[test]
    fn what_is_cut_off_is_no_call() {
        let block = |written: &str, closed: bool| {
            let mut block =
                Block::start(raw(r#"{"type":"tool_use","id":"i","name":"n","input":{}}"#)).unwrap();
            let delta = serde_json::json!({"type": "input_json_delta", "partial_json": written})
                .to_string();
            block.grow(raw(&delta)).unwrap();
            block.closed = closed;
            block
        };
        assert!(block("{}", false).into_part(false, 0).is_none());
        assert!(block("{\"a\":", true).into_part(true, 0).is_none());
        assert!(block("{}", true).into_part(true, 0).is_some());
    }

    #[test]
    fn empty_blocks_are_no_parts_and_sealed_ones_are() {
        check(r#"{"type":"text","text":""}"#, &[], "null");
        check(
            r#"{"type":"thinking","thinking":"","signature":""}"#,
            &[],
            "null",
        );
        check(
            r#"{"type":"thinking","thinking":"","signature":""}"#,
            &[
                r#"{"type":"signature_delta","signature":"s=="}"#,
                r#"{"type":"unknown_delta","x":1}"#,
            ],
            r#"{"type":"thinking","text":"","signature":"s==","provider":"anthropic"}"#,
        );
    }
}
