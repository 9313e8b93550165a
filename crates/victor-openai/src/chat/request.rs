//! A request in the form of Chat Completions.

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use victor_core::{
    Document, Image, MediaSource, Message, Part, Role, ToolCall, ToolResult, ToolSpec,
};
use victor_http::ToolCache;
use victor_provider_protocol::{ChatRequest, ToolChoice};

use crate::fields::{self, DataUrl, Fields};
use crate::{InstructionRole, MaxTokensField, Quirks, ReasoningField};

/// The body of a request, without the conversation.
pub(crate) struct Body<'a> {
    pub(crate) request: &'a ChatRequest,
    pub(crate) provider: &'a str,
    pub(crate) quirks: Quirks,
    pub(crate) stream: bool,
    pub(crate) tools: &'a ToolCache,
}

impl<'a> Body<'a> {
    /// Messages of the conversation, as the list of them is sent.
    pub(crate) fn messages<'m>(&self, messages: &'m [&'m Message]) -> Messages<'m>
    where
        'a: 'm,
    {
        Messages {
            provider: self.provider,
            quirks: self.quirks,
            messages,
        }
    }

    fn instructions(quirks: Quirks) -> &'static str {
        match quirks.instruction_role {
            InstructionRole::System => "system",
            InstructionRole::Developer => "developer",
        }
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (request, quirks) = (self.request, self.quirks);
        let mut fields = Fields::new(serializer.serialize_map(None)?, &request.extra);
        fields.put("model", request.model.as_str())?;
        fields.put("stream", &self.stream)?;
        if self.stream && quirks.stream_options {
            fields.put("stream_options", &json!({"include_usage": true}))?;
        }
        let max_tokens = match quirks.max_tokens {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        fields.put_some(max_tokens, request.max_output_tokens)?;
        fields.put_some("temperature", request.temperature)?;
        if !request.stop_sequences.is_empty() {
            fields.put("stop", &request.stop_sequences)?;
        }
        if let Some(format) = &request.response_format {
            let format = json!({"type": "json_schema", "json_schema": &**format});
            fields.put("response_format", &format)?;
        }
        if quirks.prompt_cache_key {
            let session = request.session.as_ref();
            fields.put_some(
                "prompt_cache_key",
                session.map(|id| fields::cache_key(id.as_str())),
            )?;
        }
        if !request.tools.is_empty() {
            let tools = self.tools.json(&request.tools, || Tools(&request.tools));
            fields.put("tools", &*tools.map_err(Error::custom)?)?;
            fields.put_some("tool_choice", tool_choice(&request.tool_choice))?;
        }
        let system = request.system.as_deref();
        let system = system.map(|text| Item::new(Self::instructions(quirks), Content::Text(text)));
        fields.end("messages", &Vec::from_iter(system))
    }
}

/// Which tools may be called, where it is not the model that decides.
fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
        _ => None,
    }
}

struct Tools<'a>(&'a [ToolSpec]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tool<'a> {
            r#type: &'static str,
            function: Function<'a>,
        }
        #[derive(Serialize)]
        struct Function<'a> {
            name: &'a str,
            description: &'a str,
            parameters: &'a Value,
            #[serde(skip_serializing_if = "Option::is_none")]
            strict: Option<bool>,
        }
        serializer.collect_seq(self.0.iter().map(|tool| Tool {
            r#type: "function",
            function: Function {
                name: &tool.name,
                description: &tool.description,
                parameters: &tool.input_schema,
                strict: fields::strict(tool),
            },
        }))
    }
}

/// Messages of a conversation.
pub(crate) struct Messages<'a> {
    provider: &'a str,
    quirks: Quirks,
    messages: &'a [&'a Message],
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            provider, quirks, ..
        } = self;
        let mut items = serializer.serialize_seq(None)?;
        let mut messages = self.messages.iter().peekable();
        // A result may have nothing but text, so what it shows besides is shown by the user, once all results of
        // the calls are there: nothing may stand between them.
        let mut shown: Vec<&ToolResult> = Vec::new();
        while let Some(message) = messages.next() {
            match message.role() {
                Role::Assistant => {
                    if let Some(item) = assistant(message, provider, *quirks) {
                        items.serialize_element(&item)?;
                    }
                }
                Role::Tool => {
                    for result in message.tool_results() {
                        let text = result.text();
                        let has_media = result.content.iter().any(is_media);
                        let content = match &*text {
                            "" if has_media => "The result is shown in the next message.",
                            text => text,
                        };
                        let mut item = Item::new("tool", Content::Text(content));
                        item.tool_call_id = Some(result.call_id.as_str());
                        items.serialize_element(&item)?;
                        if has_media {
                            shown.push(result);
                        }
                    }
                    if messages
                        .peek()
                        .is_none_or(|next| *next.role() != Role::Tool)
                    {
                        for result in shown.drain(..) {
                            items.serialize_element(&Item::new("user", Content::Shown(result)))?;
                        }
                    }
                }
                role => {
                    let role = if *role == Role::System {
                        Body::instructions(*quirks)
                    } else {
                        "user"
                    };
                    items.serialize_element(&Item::new(role, content(message.parts())))?;
                }
            }
        }
        items.end()
    }
}

/// One message as it is sent.
#[derive(Serialize)]
struct Item<'a> {
    role: &'static str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn new(role: &'static str, content: Content<'a>) -> Self {
        Self {
            role,
            content,
            reasoning_content: None,
            reasoning: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> From<&'a ToolCall> for Call<'a> {
    fn from(call: &'a ToolCall) -> Self {
        let function = Function {
            name: &call.name,
            arguments: fields::arguments(&call.arguments),
        };
        Self {
            id: call.id.as_str(),
            r#type: "function",
            function,
        }
    }
}

/// A message of the model; none if nothing in it is for this server.
fn assistant<'a>(message: &'a Message, provider: &str, quirks: Quirks) -> Option<Item<'a>> {
    let text = message.text();
    let tool_calls: Vec<Call<'a>> = message.tool_calls().map(Call::from).collect();
    let content = match text {
        text if text.is_empty() && tool_calls.is_empty() => return None,
        text if text.is_empty() && !quirks.empty_content => Content::Null,
        text => Content::Joined(text),
    };
    let mut item = Item {
        tool_calls,
        ..Item::new("assistant", content)
    };
    if let Some(field) = quirks.reasoning_replay {
        let thoughts: String = message
            .parts()
            .iter()
            .filter_map(|part| match part {
                Part::Thinking(own) if own.provider.as_deref() == Some(provider) => {
                    Some(&*own.text)
                }
                _ => None,
            })
            .collect();
        let thoughts = Some(thoughts).filter(|thoughts| !thoughts.is_empty());
        match field {
            ReasoningField::ReasoningContent => item.reasoning_content = thoughts,
            ReasoningField::Reasoning => item.reasoning = thoughts,
        }
    }
    Some(item)
}

/// Text as one string, which every server reads; anything else in parts.
fn content(parts: &[Part]) -> Content<'_> {
    let mut sent = parts.iter().filter(|part| is_sent(part));
    match (sent.next(), sent.next()) {
        (None, _) => Content::Text(""),
        (Some(Part::Text(text)), None) => Content::Text(&text.text),
        _ => Content::Parts(parts),
    }
}

fn is_sent(part: &Part) -> bool {
    matches!(part, Part::Text(_)) || is_media(part)
}

fn is_media(part: &Part) -> bool {
    matches!(part, Part::Image(_) | Part::Document(_))
}

enum Content<'a> {
    Null,
    Text(&'a str),
    Joined(std::borrow::Cow<'a, str>),
    Parts(&'a [Part]),
    /// What a result shows besides its text.
    Shown(&'a ToolResult),
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Joined(text) => serializer.serialize_str(text),
            Self::Parts(parts) => serializer.collect_seq(parts.iter().filter_map(content_part)),
            Self::Shown(result) => {
                let name = format!("Shown by tool {} (call {}):", result.name, result.call_id);
                let mut items = serializer.serialize_seq(None)?;
                items.serialize_element(&ContentPart::Text { text: &name })?;
                for part in result.content.iter().filter(|part| is_media(part)) {
                    items.serialize_element(&content_part(part))?;
                }
                items.end()
            }
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Url<'a> },
    File { file: File<'a> },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Url<'a> {
    Data { url: DataUrl<'a> },
    Address { url: &'a str },
}

#[derive(Serialize)]
#[serde(untagged)]
enum File<'a> {
    Data {
        filename: &'a str,
        file_data: DataUrl<'a>,
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

/// Pictures and documents that this dialect has no place for are named, so that the model knows that it lacks them.
fn picture(image: &Image) -> ContentPart<'_> {
    match &image.source {
        MediaSource::Base64 { media_type, data } => ContentPart::ImageUrl {
            image_url: Url::Data {
                url: DataUrl { media_type, data },
            },
        },
        MediaSource::Url(url) => ContentPart::ImageUrl {
            image_url: Url::Address { url },
        },
        _ => ContentPart::Text {
            text: "[a picture that cannot be shown here]",
        },
    }
}

fn file(document: &Document) -> ContentPart<'_> {
    let filename = document.title.as_deref().unwrap_or("document");
    match &document.source {
        MediaSource::Base64 { media_type, data } => ContentPart::File {
            file: File::Data {
                filename,
                file_data: DataUrl { media_type, data },
            },
        },
        MediaSource::File(file_id) => ContentPart::File {
            file: File::Stored { file_id },
        },
        MediaSource::Url(url) => ContentPart::Text { text: url },
        _ => ContentPart::Text {
            text: "[a document that cannot be shown here]",
        },
    }
}
