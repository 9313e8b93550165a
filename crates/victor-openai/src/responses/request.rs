//! A request in the form of the Responses API.

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracing::debug;
use victor_core::wire::Extra;
use victor_core::{Document, Image, MediaSource, Message, Opaque, Part, Role, ToolSpec};
use victor_http::ToolCache;
use victor_provider_protocol::{ChatRequest, ToolChoice};

use crate::fields::{self, DataUrl, Fields};
use crate::{InstructionRole, Quirks};

/// The body of a request, without the conversation.
pub(crate) struct Body<'a> {
    pub(crate) request: &'a ChatRequest,
    pub(crate) provider: &'a str,
    pub(crate) quirks: Quirks,
    pub(crate) stream: bool,
    pub(crate) tools: &'a ToolCache,
    /// Whether the model thinks. One that does not refuses to be asked for its reasoning.
    pub(crate) thinks: bool,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.request;
        let mut fields = Fields::new(serializer.serialize_map(None)?, &request.extra);
        fields.put("model", request.model.as_str())?;
        fields.put("stream", &self.stream)?;
        // The conversation is kept here and sent whole, so nothing needs to be kept there.
        fields.put("store", &false)?;
        if self.thinks {
            fields.put("include", &["reasoning.encrypted_content"])?;
        }
        fields.put_some("max_output_tokens", request.max_output_tokens)?;
        fields.put_some("temperature", request.temperature)?;
        if let Some(format) = &request.response_format {
            let item = &**format;
            let format = Typed {
                r#type: "json_schema",
                item,
            };
            fields.put("text", &json!({ "format": format }))?;
        }
        if self.quirks.prompt_cache_key {
            let session = request.session.as_ref();
            fields.put_some(
                "prompt_cache_key",
                session.map(|id| fields::cache_key(id.as_str())),
            )?;
        }
        fields.put_some("instructions", request.system.as_deref())?;
        if !request.tools.is_empty() {
            let tools = self.tools.json(&request.tools, || Tools(&request.tools));
            fields.put("tools", &*tools.map_err(Error::custom)?)?;
            fields.put_some("tool_choice", tool_choice(&request.tool_choice))?;
        }
        fields.end("input", &[(); 0])
    }
}

impl<'a> Body<'a> {
    /// Messages of the conversation, as the list of their items is sent.
    pub(crate) fn input<'m>(&self, messages: &'m [&'m Message]) -> Input<'m>
    where
        'a: 'm,
    {
        Input {
            provider: self.provider,
            quirks: self.quirks,
            stored: self.is_stored(),
            messages,
        }
    }

    /// Whether the server was told to store what it answers.
    pub(crate) fn is_stored(&self) -> bool {
        self.request.extra.get("store") == Some(&Value::Bool(true))
    }
}

/// Which tools may be called, where it is not the model that decides.
fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Named(name) => Some(json!({"type": "function", "name": name})),
        _ => None,
    }
}

struct Tools<'a>(&'a [ToolSpec]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tool<'a> {
            r#type: &'static str,
            name: &'a str,
            description: &'a str,
            parameters: &'a Value,
            /// Said always, because this API enforces schemas by default, and makes every argument required for it.
            strict: bool,
        }
        serializer.collect_seq(self.0.iter().map(|tool| Tool {
            r#type: "function",
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.input_schema,
            strict: fields::strict(tool).unwrap_or(false),
        }))
    }
}

/// Messages of a conversation.
pub(crate) struct Input<'a> {
    provider: &'a str,
    quirks: Quirks,
    stored: bool,
    messages: &'a [&'a Message],
}

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(None)?;
        for message in self.messages {
            match message.role() {
                Role::Assistant => self.assistant(message, &mut items)?,
                Role::Tool => {
                    for result in message.tool_results() {
                        items.serialize_element(&Typed {
                            r#type: "function_call_output",
                            item: Output {
                                call_id: result.call_id.as_str(),
                                output: Content(&result.content),
                            },
                        })?;
                    }
                }
                role => {
                    let role = match (role, self.quirks.instruction_role) {
                        (Role::System, InstructionRole::System) => "system",
                        (Role::System, InstructionRole::Developer) => "developer",
                        _ => "user",
                    };
                    let content = Content(message.parts());
                    items.serialize_element(&Said { role, content })?;
                }
            }
        }
        items.end()
    }
}

impl Input<'_> {
    /// What the model wrote, in its order. Where its reasoning goes back, the items after it go back under their names,
    /// because the server looks for them; without it they must have none, because then it would look for the reasoning.
    fn assistant<S: SerializeSeq>(&self, message: &Message, items: &mut S) -> Result<(), S::Error> {
        let mut named = false;
        // Reasoning must be followed by what it led to, so it waits for that.
        let mut waiting: Vec<&RawValue> = Vec::new();
        let mut parts: Vec<&Part> = message.parts().iter().collect();
        let is_own =
            |part: &Part| matches!(part, Part::Opaque(opaque) if self.own(opaque).is_some());
        if !message.parts().iter().any(is_own) {
            // Some servers want the calls of an answer in a row, and only OpenAI's own items have an order that counts.
            parts.sort_by_key(|part| matches!(part, Part::ToolCall(_)));
        }
        for part in parts {
            match part {
                Part::Opaque(opaque) => match self.own(opaque) {
                    Some(raw) if opaque.kind == "reasoning" => waiting.push(raw),
                    Some(raw) => {
                        flush(&mut waiting, &mut named, items)?;
                        items.serialize_element(raw)?;
                    }
                    None => {}
                },
                Part::Text(text) if !text.text.is_empty() => {
                    flush(&mut waiting, &mut named, items)?;
                    match item_id(&text.extra).filter(|_| named) {
                        Some(id) => items.serialize_element(&Typed {
                            r#type: "message",
                            item: Wrote {
                                id,
                                role: "assistant",
                                status: "completed",
                                content: [OutputText {
                                    r#type: "output_text",
                                    text: &text.text,
                                    annotations: [],
                                }],
                            },
                        })?,
                        None => {
                            let content = Content(std::slice::from_ref(part));
                            // The API can do without a type here; llama.cpp cannot.
                            items.serialize_element(&Typed {
                                r#type: "message",
                                item: Said {
                                    role: "assistant",
                                    content,
                                },
                            })?;
                        }
                    }
                }
                Part::ToolCall(call) => {
                    flush(&mut waiting, &mut named, items)?;
                    items.serialize_element(&Typed {
                        r#type: "function_call",
                        item: Call {
                            id: item_id(&call.extra).filter(|_| named),
                            call_id: call.id.as_str(),
                            name: &call.name,
                            arguments: fields::arguments(&call.arguments),
                        },
                    })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An item of this server's own, byte for byte; none if it is another's, or if the server could not read it.
    fn own<'o>(&self, opaque: &'o Opaque) -> Option<&'o RawValue> {
        if opaque.provider != self.provider {
            return None;
        }
        let raw: &RawValue = serde_json::from_str(&opaque.data)
            .inspect_err(|error| debug!(%error, kind = opaque.kind, "an opaque part is not JSON"))
            .ok()?;
        // Without its seal, reasoning is known only to a server that was told to store it.
        let is_known = opaque.kind != "reasoning" || self.stored || is_sealed(raw);
        is_known.then_some(raw)
    }
}

/// The name that a text or a tool call had as an item.
fn item_id(extra: &Extra) -> Option<&str> {
    extra.get(crate::EXTRA)?.get("id")?.as_str()
}

fn is_sealed(raw: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Sealed {
        encrypted_content: Option<String>,
    }
    let sealed = serde_json::from_str::<Sealed>(raw.get()).ok();
    sealed
        .and_then(|item| item.encrypted_content)
        .is_some_and(|content| !content.is_empty())
}

fn flush<S: SerializeSeq>(
    waiting: &mut Vec<&RawValue>,
    named: &mut bool,
    items: &mut S,
) -> Result<(), S::Error> {
    *named |= !waiting.is_empty();
    waiting
        .drain(..)
        .try_for_each(|raw| items.serialize_element(raw))
}

#[derive(Serialize)]
struct Typed<T> {
    r#type: &'static str,
    #[serde(flatten)]
    item: T,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: Content<'a>,
}

#[derive(Serialize)]
struct Wrote<'a> {
    id: &'a str,
    role: &'static str,
    status: &'static str,
    content: [OutputText<'a>; 1],
}

#[derive(Serialize)]
struct OutputText<'a> {
    r#type: &'static str,
    text: &'a str,
    annotations: [(); 0],
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    call_id: &'a str,
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Output<'a> {
    call_id: &'a str,
    output: Content<'a>,
}

/// Text as one string, anything else in parts.
struct Content<'a>(&'a [Part]);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = self.0.iter().filter_map(content_part);
        match (parts.next(), parts.next()) {
            (None, _) => serializer.serialize_str(""),
            (Some(ContentPart::Text { text }), None) => serializer.serialize_str(text),
            _ => serializer.collect_seq(self.0.iter().filter_map(content_part)),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum ContentPart<'a> {
    #[serde(rename = "input_text")]
    Text { text: &'a str },
    #[serde(rename = "input_image")]
    Image(Source<'a>),
    #[serde(rename = "input_file")]
    File(Source<'a>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Source<'a> {
    ImageData {
        image_url: DataUrl<'a>,
    },
    ImageUrl {
        image_url: &'a str,
    },
    FileData {
        filename: &'a str,
        file_data: DataUrl<'a>,
    },
    FileUrl {
        file_url: &'a str,
    },
    Stored {
        file_id: &'a str,
    },
}

fn content_part(part: &Part) -> Option<ContentPart<'_>> {
    match part {
        Part::Text(text) => Some(ContentPart::Text { text: &text.text }),
        Part::Image(image) => Some(picture(image)),
        Part::Document(document) => Some(file(document)),
        _ => None,
    }
}

/// What has an unknown source is named, so that the model knows that it lacks it.
fn picture(image: &Image) -> ContentPart<'_> {
    ContentPart::Image(match &image.source {
        MediaSource::Base64 { media_type, data } => Source::ImageData {
            image_url: DataUrl { media_type, data },
        },
        MediaSource::Url(url) => Source::ImageUrl { image_url: url },
        MediaSource::File(file_id) => Source::Stored { file_id },
        _ => {
            return ContentPart::Text {
                text: "[a picture that cannot be shown here]",
            };
        }
    })
}

fn file(document: &Document) -> ContentPart<'_> {
    let filename = document.title.as_deref().unwrap_or("document");
    ContentPart::File(match &document.source {
        MediaSource::Base64 { media_type, data } => Source::FileData {
            filename,
            file_data: DataUrl { media_type, data },
        },
        MediaSource::Url(url) => Source::FileUrl { file_url: url },
        MediaSource::File(file_id) => Source::Stored { file_id },
        _ => {
            return ContentPart::Text {
                text: "[a document that cannot be shown here]",
            };
        }
    })
}
