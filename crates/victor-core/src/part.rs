//! Parts of messages.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::wire::Extra;
use crate::{JsonMap, ToolCall, ToolResult};

crate::open_enum! {
    /// One part of a message.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Part tagged "type" {
        /// Text.
        "text" => Text(Text),
        /// A picture.
        "image" => Image(Image),
        /// A document, for example a PDF.
        "document" => Document(Document),
        /// Thoughts of a model before its answer.
        "thinking" => Thinking(Thinking),
        /// A model's wish to have a tool called.
        "tool_call" => ToolCall(ToolCall),
        /// Result of a tool call.
        "tool_result" => ToolResult(ToolResult),
        /// Content that only one provider understands.
        "opaque" => Opaque(Opaque),
    }
}

impl Part {
    /// A part of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text::new(text))
    }
}

/// Text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Text {
    /// The text itself.
    pub text: String,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Text {
    /// Text without anything else.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            extra: Extra::default(),
        }
    }

    /// Sets the fields that this version does not know.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// Place of its bytes.
    pub source: MediaSource,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Image {
    /// A picture whose bytes are at `source`.
    #[must_use]
    pub fn new(source: MediaSource) -> Self {
        Self {
            source,
            extra: Extra::default(),
        }
    }

    /// Sets the fields that this version does not know.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }
}

/// A document, for example a PDF.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Document {
    /// Place of its bytes.
    pub source: MediaSource,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Document {
    /// A document without a title whose bytes are at `source`.
    #[must_use]
    pub fn new(source: MediaSource) -> Self {
        Self {
            source,
            title: None,
            extra: Extra::default(),
        }
    }

    /// Sets the title.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<Option<String>>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the fields that this version does not know.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }
}

/// Place of the bytes of a picture or document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaSource {
    /// Here, in base64 with padding (RFC 4648, section 4).
    Base64 {
        /// The media type, for example `image/png`.
        media_type: String,
        /// The encoded bytes.
        data: String,
    },
    /// At an address that the provider fetches.
    Url(String),
    /// In the provider's own file store, under this name.
    File(String),
    /// Somewhere that this version does not know, kept whole to be written back.
    #[serde(untagged)]
    Unknown(JsonMap),
}

impl<'de> Deserialize<'de> for MediaSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Known {
            Base64 { media_type: String, data: String },
            Url(String),
            File(String),
        }
        let map = JsonMap::deserialize(deserializer)?;
        let is_known = match (map.keys().next().map(String::as_str), map.values().next()) {
            (Some("base64"), Some(Value::Object(body))) => body
                .keys()
                .all(|key| matches!(key.as_str(), "media_type" | "data")),
            (Some("base64" | "url" | "file"), _) => true,
            _ => false,
        };
        if !is_known || map.len() > 1 {
            return Ok(Self::Unknown(map));
        }
        match serde_json::from_value(Value::Object(map)) {
            Ok(Known::Base64 { media_type, data }) => Ok(Self::Base64 { media_type, data }),
            Ok(Known::Url(url)) => Ok(Self::Url(url)),
            Ok(Known::File(name)) => Ok(Self::File(name)),
            Err(error) => Err(de::Error::custom(format_args!("in `source`: {error}"))),
        }
    }
}

/// Thoughts of a model before its answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Thinking {
    /// The thoughts, or what the provider shows of them; may be empty.
    pub text: String,
    /// The provider's seal on the thoughts, which must be sent back byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The provider that can read the seal; others are not sent the thoughts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Thinking {
    /// Thoughts that no provider has sealed.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Sets the provider's seal.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<Option<String>>) -> Self {
        self.signature = signature.into();
        self
    }

    /// Sets the provider that can read the seal.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<Option<String>>) -> Self {
        self.provider = provider.into();
        self
    }

    /// Sets the fields that this version does not know.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }
}

/// Content that only one provider understands and wants back byte for byte: encrypted reasoning, results of its tools.
///
/// Adapters of other providers leave it out of their requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Opaque {
    /// The wire dialect that it belongs to, for example `anthropic`.
    pub provider: String,
    /// The provider's name for it, for example `redacted_thinking`.
    pub kind: String,
    /// The provider's own JSON, kept as text so that no byte changes.
    pub data: String,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Opaque {
    /// Content of a `provider`, by its name for the kind and its JSON.
    pub fn new(
        provider: impl Into<String>,
        kind: impl Into<String>,
        data: impl Into<String>,
    ) -> Self {
        Self {
            provider: provider.into(),
            kind: kind.into(),
            data: data.into(),
            extra: Extra::default(),
        }
    }

    /// Sets the fields that this version does not know.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }
}
