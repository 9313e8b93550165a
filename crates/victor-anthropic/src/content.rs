//! Parts of messages, as the API takes them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use victor_core::wire::Extra;
use victor_core::{
    Document, JsonMap, MediaSource, Opaque, Part, Text, Thinking, ToolCall, ToolResult,
};
use victor_model_api::{CallIds, NameRule, arguments};

use crate::{CONTAINER, DIALECT};

/// The form of identifiers and names: <https://platform.claude.com/docs/en/api/messages>.
pub(crate) const NAMES: NameRule = NameRule::new(128);

/// A block of a message.
///
/// `own` are the fields that a part has for this dialect alone, under its name.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(flatten)]
        own: Option<&'a JsonMap>,
    },
    Image {
        source: Source<'a>,
        #[serde(flatten)]
        own: Option<&'a JsonMap>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(flatten)]
        own: Option<&'a JsonMap>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
        #[serde(flatten)]
        own: Option<&'a JsonMap>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Cow<'a, RawValue>,
        #[serde(flatten)]
        own: Option<&'a JsonMap>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(flatten)]
        own: Option<&'a JsonMap>,
    },
    /// A block of the API, as it came.
    #[serde(untagged)]
    Raw(&'a RawValue),
}

/// The source of a picture or document.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'a str, data: String },
    Url { url: &'a str },
    File { file_id: &'a str },
}

impl<'a> Block<'a> {
    /// The block of a part; none if the API would not take it: blank text, thoughts without a seal, what belongs to
    /// another provider, and what this version does not know.
    pub(crate) fn new(part: &'a Part, ids: &mut CallIds, thoughts: Thoughts) -> Option<Self> {
        Some(match part {
            Part::Text(text) => Self::text(text)?,
            Part::Image(image) => Self::Image {
                source: Source::new(&image.source)?,
                own: own(&image.extra),
            },
            Part::Document(document) => Self::document(document)?,
            Part::Thinking(thinking) => Self::Thinking {
                thinking: &thinking.text,
                signature: thoughts.seal(thinking)?,
                own: own(&thinking.extra),
            },
            Part::ToolCall(call) => Self::ToolUse {
                id: ids.of_call(call.id.as_str()),
                name: NAMES.name(&call.name),
                input: arguments(&call.arguments),
                own: own(&call.extra),
            },
            Part::ToolResult(result) => Self::result(result, ids, thoughts),
            Part::Opaque(opaque) => Self::Raw(raw(opaque)?),
            _ => return None,
        })
    }

    /// A text of ours.
    pub(crate) fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text {
            text: text.into(),
            own: None,
        }
    }

    /// Returns the block in place of a missing result.
    pub(crate) fn lost(call: &'a ToolCall, text: Cow<'a, str>, ids: &CallIds) -> Self {
        Self::ToolResult {
            tool_use_id: ids.of_result(call.id.as_str()),
            content: vec![Self::plain(text)],
            is_error: true,
            own: None,
        }
    }

    fn text(text: &'a Text) -> Option<Self> {
        (!text.text.trim().is_empty()).then(|| Self::Text {
            text: (&*text.text).into(),
            own: own(&text.extra),
        })
    }

    fn document(document: &'a Document) -> Option<Self> {
        let source = match &document.source {
            MediaSource::Base64 { media_type, data } if media_type.starts_with("text/") => {
                match decoded(data) {
                    // The API takes every text under this one type.
                    Some(data) => Source::Text {
                        media_type: "text/plain",
                        data,
                    },
                    None => Source::Base64 { media_type, data },
                }
            }
            source => Source::new(source)?,
        };
        Some(Self::Document {
            source,
            title: document.title.as_deref(),
            own: own(&document.extra),
        })
    }

    pub(crate) fn result(result: &'a ToolResult, ids: &mut CallIds, thoughts: Thoughts) -> Self {
        Self::ToolResult {
            tool_use_id: ids.of_result(result.call_id.as_str()),
            content: result
                .content
                .iter()
                .filter_map(|part| Self::new(part, ids, thoughts))
                .collect(),
            is_error: result.is_error(),
            own: own(&result.extra),
        }
    }
}

impl<'a> Source<'a> {
    fn new(source: &'a MediaSource) -> Option<Self> {
        Some(match source {
            MediaSource::Base64 { media_type, data } => Self::Base64 { media_type, data },
            MediaSource::Url(url) => Self::Url { url },
            MediaSource::File(file_id) => Self::File { file_id },
            _ => return None,
        })
    }
}

/// The thoughts that are sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thoughts {
    /// Those with a seal: Anthropic's own API refuses others.
    Sealed,
    /// All. Other servers show them open, and want them back, with a seal that is empty.
    All,
}

impl Thoughts {
    /// The seal with which thoughts go back; none if they do not.
    fn seal(self, thinking: &Thinking) -> Option<&str> {
        let is_open = self == Self::All && !thinking.text.is_empty();
        let seal = thinking
            .signature
            .as_deref()
            .or_else(|| is_open.then_some(""))?;
        (thinking.provider.as_deref() == Some(DIALECT)).then_some(seal)
    }
}

/// Whether a part of a message becomes a block.
pub(crate) fn is_sent(part: &Part, thoughts: Thoughts) -> bool {
    match part {
        Part::Text(text) => !text.text.trim().is_empty(),
        Part::Image(image) => Source::new(&image.source).is_some(),
        Part::Document(document) => Source::new(&document.source).is_some(),
        Part::Thinking(thinking) => thoughts.seal(thinking).is_some(),
        Part::ToolCall(_) | Part::ToolResult(_) => true,
        Part::Opaque(opaque) => raw(opaque).is_some(),
        _ => false,
    }
}

/// The fields that a part or a tool has for this dialect alone.
pub(crate) fn own(extra: &Extra) -> Option<&JsonMap> {
    extra.get(DIALECT)?.as_object()
}

/// The block that was kept as it came; none if it is of another provider, or no object.
fn raw(opaque: &Opaque) -> Option<&RawValue> {
    let is_block = opaque.provider == DIALECT && opaque.kind != CONTAINER;
    let ours = is_block.then_some(opaque.data.as_str())?;
    let raw = serde_json::from_str::<&RawValue>(ours).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

/// The text that is encoded in base64, if it is one.
fn decoded(base64: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in base64.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use victor_core::{Image, ToolOutcome};

    use super::*;

    #[track_caller]
    fn check(part: impl Into<Part>, expected: &str) {
        let part = part.into();
        let block = Block::new(&part, &mut CallIds::new(NAMES), Thoughts::Sealed);
        assert_eq!(is_sent(&part, Thoughts::Sealed), block.is_some());
        assert_eq!(serde_json::to_string(&block).unwrap(), expected);
    }

    fn opaque(provider: &str, data: &str) -> Opaque {
        Opaque::new(provider, "k", data)
    }

    fn thinking(signature: Option<&str>, provider: &str) -> Thinking {
        Thinking::new("hm")
            .with_signature(signature.map(str::to_owned))
            .with_provider(provider.to_owned())
    }

    #[test]
    fn texts() {
        check(Text::new("a"), r#"{"type":"text","text":"a"}"#);
        check(Text::new(" \n"), "null");
        let mut cited = Text::new("a");
        cited.extra.insert(DIALECT, json!({"citations": []}));
        cited.extra.insert("other", 1);
        check(cited, r#"{"type":"text","text":"a","citations":[]}"#);
    }

    #[test]
    fn thoughts_and_opaque_parts_go_back_as_they_came_and_only_to_their_provider() {
        check(
            thinking(Some("s=="), "anthropic"),
            r#"{"type":"thinking","thinking":"hm","signature":"s=="}"#,
        );
        check(thinking(None, "anthropic"), "null");
        check(thinking(Some("s"), "openai"), "null");
        check(
            opaque("anthropic", r#"{ "type":"new", "x": 1.0}"#),
            r#"{ "type":"new", "x": 1.0}"#,
        );
        check(opaque("anthropic", "[]"), "null");
        check(opaque("anthropic", "{"), "null");
        check(opaque("openai", "{}"), "null");
        let mut container = opaque("anthropic", "{}");
        container.kind = CONTAINER.into();
        check(container, "null");
    }

    #[test]
    fn open_thoughts_go_back_to_servers_that_show_them() {
        let sent = |thinking: Thinking| {
            let part = Part::from(thinking);
            let block = Block::new(&part, &mut CallIds::new(NAMES), Thoughts::All);
            serde_json::to_string(&block).unwrap()
        };
        let block =
            |seal: &str| format!(r#"{{"type":"thinking","thinking":"hm","signature":"{seal}"}}"#);
        assert_eq!(sent(thinking(None, "anthropic")), block(""));
        assert_eq!(sent(thinking(Some("s"), "anthropic")), block("s"));
        assert_eq!(sent(thinking(None, "deepseek")), "null");
    }

    #[test]
    fn calls_have_objects_for_arguments_whatever_was_written() {
        let check = |arguments: &str, input: &str| {
            let block = format!(r#"{{"type":"tool_use","id":"1","name":"t","input":{input}}}"#);
            check(ToolCall::new("1", "t", arguments), &block);
        };
        check(r#" {"a" : 1.0}"#, r#"{"a" : 1.0}"#);
        check("", "{}");
        check(r#"{"a":"#, r#"{"invalid_arguments":"{\"a\":"}"#);
    }

    #[test]
    fn results() {
        let call = ToolCall::new("1", "t", "{}");
        let result = |outcome, text: &str| ToolResult::new(&call, outcome, text);
        check(
            result(ToolOutcome::Success, "ok"),
            r#"{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"ok"}]}"#,
        );
        check(
            result(ToolOutcome::Denied, "no"),
            r#"{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"no"}],"is_error":true}"#,
        );
        check(
            result(ToolOutcome::Success, ""),
            r#"{"type":"tool_result","tool_use_id":"1"}"#,
        );
    }

    #[test]
    fn pictures_and_documents() {
        let image = Image::new;
        let base64 = |media_type: &str, data: &str| MediaSource::Base64 {
            media_type: media_type.into(),
            data: data.into(),
        };
        check(
            image(base64("image/png", "iVBO")),
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}"#,
        );
        check(
            image(MediaSource::Url("https://x".into())),
            r#"{"type":"image","source":{"type":"url","url":"https://x"}}"#,
        );
        check(image(MediaSource::Unknown(JsonMap::new())), "null");
        let document = |source, title: Option<&str>| {
            Document::new(source).with_title(title.map(str::to_owned))
        };
        check(
            document(MediaSource::File("f".into()), Some("t")),
            r#"{"type":"document","source":{"type":"file","file_id":"f"},"title":"t"}"#,
        );
        check(
            document(base64("application/pdf", "JVBE"), None),
            r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}}"#,
        );
        check(
            document(base64("text/markdown", "IyBIw6k="), None),
            r##"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"# Hé"}}"##,
        );
        check(
            document(base64("text/plain", "?"), None),
            r#"{"type":"document","source":{"type":"base64","media_type":"text/plain","data":"?"}}"#,
        );
    }
}
