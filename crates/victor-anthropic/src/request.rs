//! A neutral request, as the API takes it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use victor_core::{JsonMap, Message, Part, Role, ToolSpec};
use victor_http::{BodyCache, END, HttpBody, ToolCache, head, items, settled};
use victor_model_api::CallIds;
use victor_provider_protocol::{ChatRequest, ToolChoice};

use crate::content::{Block, NAMES, own};

/// What is said for a user who says nothing that can be sent, so that the turns still alternate.
const NOTHING: &str = "(empty)";

/// What the request does not say itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    pub(crate) mode: Mode,
    pub(crate) max_tokens: u64,
    /// Whether the prompt is to be cached.
    pub(crate) caching: bool,
    /// Whether thoughts that the model refuses are to be left out by the API.
    pub(crate) drop_refused_thinking: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// An answer, event by event.
    Stream,
    /// An answer, when it is whole.
    Whole,
    /// The number of tokens.
    Count,
}

/// Writes requests, and of each session only what is new.
///
/// What changes from turn to turn comes last and only grows, so that the bytes of a request, without the brackets that
/// close it, are the beginning of those of the next.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    conversations: BodyCache<Sent>,
    tools: ToolCache,
}

/// What is to be remembered of messages that have been written.
#[derive(Debug)]
struct Sent {
    ids: CallIds,
    /// The system's messages, which go elsewhere.
    system: Vec<Arc<Message>>,
}

impl Default for Sent {
    fn default() -> Self {
        Self {
            ids: CallIds::new(NAMES),
            system: Vec::new(),
        }
    }
}

impl Bodies {
    /// The body of a request.
    ///
    /// # Errors
    ///
    /// None that a request can cause.
    pub(crate) fn encode(
        &self,
        request: &ChatRequest,
        encoding: Encoding,
    ) -> serde_json::Result<HttpBody> {
        let (session, messages) = (request.session.as_ref(), request.context.messages());
        let settled = settled(messages, side);
        let mut written = self.conversations.take(session, 0, messages, settled);
        let closed = messages
            .iter()
            .skip(written.count())
            .take(settled - written.count());
        let closed = turns(closed, &mut written.state);
        written.add(items(&closed)?, settled);
        // What is open is written again with the next request, from the same state.
        let mut open = Sent {
            ids: written.state.ids.clone(),
            system: Vec::new(),
        };
        let open_turns = turns(messages.iter().skip(settled), &mut open);
        let system = written.state.system.iter().chain(&open.system);
        let body = Body {
            request,
            encoding,
            system: system_texts(request, system),
            tools: &self.tools,
        };
        let body = if request.extra.contains_key("messages") {
            serde_json::to_vec(&body)?.into()
        } else {
            written.body(head(&body)?, [&items(&open_turns)?, END].concat())
        };
        self.conversations.put(session, written);
        Ok(body)
    }
}

/// A request without its conversation.
struct Body<'a> {
    request: &'a ChatRequest,
    encoding: Encoding,
    system: Vec<&'a str>,
    tools: &'a ToolCache,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            request,
            encoding,
            system,
            tools: kept,
        } = self;
        let is_count = encoding.mode == Mode::Count;
        // What is given for this API alone goes before what is derived.
        let extra = &request.extra;
        let mut map = serializer.serialize_map(None)?;
        macro_rules! field {
            ($name:literal, $value:expr) => {
                if !extra.contains_key($name) {
                    map.serialize_entry($name, &$value)?;
                }
            };
        }
        field!("model", request.model.as_str());
        if !is_count {
            field!("max_tokens", encoding.max_tokens);
            field!("stream", encoding.mode == Mode::Stream);
            if let Some(temperature) = request.temperature {
                field!("temperature", temperature);
            }
            if !request.stop_sequences.is_empty() {
                field!("stop_sequences", request.stop_sequences);
            }
        }
        if encoding.drop_refused_thinking {
            let binding = json!({"prefix_mismatch_behavior": "drop_block"});
            field!(
                "thinking",
                json!({"type": "adaptive", "block_binding": binding})
            );
        }
        if let Some(choice) = tool_choice(request) {
            field!("tool_choice", choice);
        }
        let marker = encoding.caching.then(|| marker(extra));
        if let Some(marker) = marker.as_ref().filter(|_| !is_count) {
            field!("cache_control", **marker);
        }
        let output_config = output_config(request);
        if let Some(config) = &output_config {
            map.serialize_entry("output_config", config)?;
        }
        for (name, value) in extra {
            let is_merged = output_config.is_some() && name == "output_config";
            let is_sent = !is_merged && (!is_count || COUNTED.contains(&name.as_str()));
            if is_sent && !matches!(name.as_str(), "tools" | "system" | "messages") {
                map.serialize_entry(name, value)?;
            }
        }
        let tools = || tools(request, marker.as_deref());
        if ["tools", "cache_control"]
            .iter()
            .any(|own| extra.contains_key(*own))
        {
            let tools = tools();
            if !tools.is_empty() {
                map.serialize_entry("tools", &tools)?;
            }
        } else if !request.tools.is_empty() {
            let tools = kept.json(&request.tools, tools).map_err(Error::custom)?;
            map.serialize_entry("tools", &*tools)?;
        }
        let last = system.len().checked_sub(1);
        let system = system.iter().enumerate().map(|(index, text)| SystemText {
            kind: "text",
            text,
            cache_control: marker.as_deref().filter(|_| Some(index) == last),
        });
        let system: Vec<_> = system.collect();
        match extra.get("system") {
            Some(system) => map.serialize_entry("system", system)?,
            None if system.is_empty() => {}
            None => map.serialize_entry("system", &system)?,
        }
        match extra.get("messages") {
            Some(messages) => map.serialize_entry("messages", messages)?,
            None => map.serialize_entry("messages", &[(); 0])?,
        }
        map.end()
    }
}

/// Which of the additional fields the endpoint that counts tokens takes.
const COUNTED: [&str; 7] = [
    "context_management",
    "mcp_servers",
    "model",
    "output_config",
    "output_format",
    "thinking",
    "tool_choice",
];

/// How to mark what is to be cached: as the caller does, since all marks must last equally long.
fn marker(extra: &JsonMap) -> Cow<'_, Value> {
    extra
        .get("cache_control")
        .map_or_else(|| Cow::Owned(json!({"type": "ephemeral"})), Cow::Borrowed)
}

#[derive(Serialize)]
#[serde(untagged)]
enum Tool<'a> {
    Ours {
        name: &'a str,
        description: &'a str,
        input_schema: Cow<'a, Value>,
        #[serde(flatten)]
        own: Option<&'a JsonMap>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Value>,
    },
    /// One that is given for this API alone: it runs on its side.
    Theirs(&'a Value),
}

/// The tools, and after them those that are given for this API alone. The mark is on the last one that may have it.
fn tools<'a>(request: &'a ChatRequest, marker: Option<&'a Value>) -> Vec<Tool<'a>> {
    let is_deferred = |tool: &ToolSpec| {
        own(&tool.extra).and_then(|own| own.get("defer_loading")) == Some(&Value::Bool(true))
    };
    let last = request.tools.iter().rposition(|tool| !is_deferred(tool));
    let ours = request
        .tools
        .iter()
        .enumerate()
        .map(|(index, tool)| Tool::Ours {
            name: &tool.name,
            description: &tool.description,
            input_schema: schema(&tool.input_schema),
            own: own(&tool.extra),
            cache_control: marker.filter(|_| Some(index) == last),
        });
    let theirs = request.extra.get("tools").and_then(Value::as_array);
    ours.chain(theirs.into_iter().flatten().map(Tool::Theirs))
        .collect()
}

/// The schema of the arguments, which the API wants to say that it describes an object.
fn schema(schema: &Value) -> Cow<'_, Value> {
    match schema {
        Value::Object(fields) if !fields.contains_key("type") => {
            let mut fields = fields.clone();
            fields.insert("type".to_owned(), "object".into());
            Cow::Owned(fields.into())
        }
        schema => Cow::Borrowed(schema),
    }
}

/// The form of the answer, beside what else is configured for this API alone, a form among it.
fn output_config(request: &ChatRequest) -> Option<JsonMap> {
    let format = request.response_format.as_ref()?;
    let own = request
        .extra
        .get("output_config")
        .and_then(Value::as_object);
    let mut config = own.cloned().unwrap_or_default();
    config
        .entry("format")
        .or_insert_with(|| json!({"type": "json_schema", "schema": format.schema}));
    Some(config)
}

fn tool_choice(request: &ChatRequest) -> Option<Value> {
    let has_tools = !request.tools.is_empty() || request.extra.contains_key("tools");
    match &request.tool_choice {
        _ if !has_tools => None,
        ToolChoice::None => Some(json!({"type": "none"})),
        ToolChoice::Required => Some(json!({"type": "any"})),
        ToolChoice::Named(name) => Some(json!({"type": "tool", "name": name})),
        _ => None,
    }
}

#[derive(Debug, Serialize)]
struct SystemText<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

/// Which side of the conversation a message is on; unknown if it may be left out.
fn side(message: &Message) -> Option<&'static str> {
    let is_kept = |part: &Part| match part {
        Part::Text(text) => !text.text.trim().is_empty(),
        part => matches!(part, Part::ToolCall(_)),
    };
    match message.role() {
        Role::System => None,
        Role::Assistant => message.parts().iter().any(is_kept).then_some("assistant"),
        _ => Some("user"),
    }
}

/// The system prompt, and the system's messages.
fn system_texts<'a>(
    request: &'a ChatRequest,
    messages: impl Iterator<Item = &'a Arc<Message>>,
) -> Vec<&'a str> {
    let texts = messages
        .flat_map(|message| message.parts())
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.text.as_str()),
            _ => None,
        });
    let texts = request.system.as_deref().into_iter().chain(texts);
    texts.filter(|text| !text.trim().is_empty()).collect()
}

/// The turns of user and assistant, which alternate.
fn turns<'a>(messages: impl Iterator<Item = &'a Arc<Message>>, sent: &mut Sent) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in messages {
        let role = match message.role() {
            Role::System => {
                sent.system.push(message.clone());
                continue;
            }
            Role::Assistant => "assistant",
            _ => "user",
        };
        let mut blocks: Vec<Block<'a>> = message
            .parts()
            .iter()
            .filter_map(|part| Block::new(part, &mut sent.ids))
            .collect();
        if blocks.is_empty() {
            if role == "assistant" {
                continue;
            }
            blocks.push(Block::Text {
                text: NOTHING,
                own: None,
            });
        }
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.add(blocks),
            _ => {
                let mut turn = Turn {
                    role,
                    content: Vec::new(),
                };
                turn.add(blocks);
                turns.push(turn);
            }
        }
    }
    turns
}

impl<'a> Turn<'a> {
    /// Adds blocks: results of tools before everything else, as the API demands.
    fn add(&mut self, blocks: Vec<Block<'a>>) {
        let mut results = self
            .content
            .iter()
            .take_while(|block| block.is_result())
            .count();
        for block in blocks {
            if block.is_result() {
                self.content.insert(results, block);
                results += 1;
            } else {
                self.content.push(block);
            }
        }
    }
}

#[cfg(test)]
mod tests;
