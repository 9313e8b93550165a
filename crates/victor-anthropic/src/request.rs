//! A neutral request, as the API takes it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use victor_core::{JsonMap, Message, Messages, Part, Role, ToolSpec};
use victor_http::body_cache::{BodyCache, JSON_TAIL, json_items, open_json, stable_prefix_len};
use victor_http::{HttpBody, ToolCache};
use victor_model_api::{Answer, CallIds, EMPTY, LEFT_OUT, Side};
use victor_provider_protocol::{ChatRequest, ToolChoice};

use crate::content::{Block, NAMES, Thoughts, is_sent, own};
use crate::{CONTAINER, DIALECT};

/// Settings of a body that the request does not hold itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding<'a> {
    /// The model that is to answer.
    pub(crate) model: &'a str,
    pub(crate) mode: Mode,
    pub(crate) max_tokens: u64,
    /// Whether the prompt is to be cached.
    pub(crate) caching: bool,
    /// Whether thoughts that the model refuses are to be left out by the API.
    pub(crate) drop_refused_thinking: bool,
    pub(crate) thoughts: Thoughts,
}

/// The kind of answer that is asked for.
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

/// State that is kept of encoded messages.
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
        encoding: Encoding<'_>,
    ) -> serde_json::Result<HttpBody> {
        let (session, messages) = (request.session.as_ref(), request.context.messages());
        let settled = stable_prefix_len(messages, Side::of);
        let mut written = self.conversations.take(session, 0, messages, settled);
        let from = written.count();
        let Sent { ids, system } = &mut written.state;
        system.extend(system_messages(messages, from..settled));
        let turns = |range, ids: &mut _| turns(messages, range, ids, encoding.thoughts);
        let closed = json_items(&turns(from..settled, ids))?;
        // What is open is written again with the next request, from the same state.
        ids.mark();
        let open = json_items(&turns(settled..messages.len(), ids))?;
        ids.rewind();
        let later = system_messages(messages, settled..messages.len());
        let system: Vec<_> = system.iter().cloned().chain(later).collect();
        written.add(closed, settled);
        let body = Body {
            request,
            encoding,
            system: system_texts(request, &system),
            tools: &self.tools,
        };
        let body = if request.extra.contains_key("messages") {
            serde_json::to_vec(&body)?.into()
        } else {
            written.body(open_json(&body)?, [&open, JSON_TAIL].concat())
        };
        self.conversations.put(session, written);
        Ok(body)
    }
}

/// A request without its conversation.
struct Body<'a> {
    request: &'a ChatRequest,
    encoding: Encoding<'a>,
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
        field!("model", encoding.model);
        if !is_count {
            field!("max_tokens", encoding.max_tokens);
            field!("stream", encoding.mode == Mode::Stream);
            if let Some(container) = container(request.context.messages()) {
                field!("container", container);
            }
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
        let system: Vec<_> = system
            .iter()
            .enumerate()
            .map(|(index, text)| SystemText {
                kind: "text",
                text,
                cache_control: marker.as_deref().filter(|_| Some(index) == last),
            })
            .collect();
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

/// The container in which the model's code waits for the results of the calls that it made. The API wants it named
/// then: <https://platform.claude.com/docs/en/agents-and-tools/tool-use/programmatic-tool-calling>.
fn container(messages: &Messages) -> Option<Value> {
    let mut messages = messages.iter().rev();
    let answer = messages.find(|message| *message.role() == Role::Assistant)?;
    let container = answer.parts().iter().find_map(|part| match part {
        Part::Opaque(opaque) if opaque.provider == DIALECT && opaque.kind == CONTAINER => {
            serde_json::from_str::<Value>(&opaque.data).ok()
        }
        _ => None,
    })?;
    container.get("id").cloned()
}

/// The additional fields that the endpoint for counting tokens takes.
const COUNTED: [&str; 7] = [
    "context_management",
    "mcp_servers",
    "model",
    "output_config",
    "output_format",
    "thinking",
    "tool_choice",
];

/// Returns the cache mark: the caller's, since all marks must last equally long.
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

/// The system's messages in a range.
fn system_messages(
    messages: &Messages,
    range: Range<usize>,
) -> impl Iterator<Item = Arc<Message>> + '_ {
    let messages = messages.iter().skip(range.start).take(range.len());
    let system = messages.filter(|message| *message.role() == Role::System);
    system.cloned()
}

/// The system prompt, and the system's messages.
fn system_texts<'a>(request: &'a ChatRequest, messages: &'a [Arc<Message>]) -> Vec<&'a str> {
    let texts = messages
        .iter()
        .flat_map(|message| message.parts())
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.text.as_str()),
            _ => None,
        });
    let texts = request.system.as_deref().into_iter().chain(texts);
    texts.filter(|text| !text.trim().is_empty()).collect()
}

/// The turns of user and assistant in a range, which alternate. The user begins.
fn turns<'a>(
    messages: &'a Messages,
    range: Range<usize>,
    ids: &mut CallIds,
    thoughts: Thoughts,
) -> Vec<Turn<'a>> {
    let side = |message: &Message| match message.role() {
        Role::Assistant => {
            let mut parts = message.parts().iter();
            let is_sent = parts.any(|part| is_sent(part, thoughts));
            is_sent.then_some(Side::Assistant)
        }
        _ => Side::of(message),
    };
    let begins = range.start == 0;
    let mut turns = Vec::new();
    for turn in victor_model_api::turns(messages, range, side) {
        let (role, content) = match turn.side {
            Side::User => ("user", asked(&turn, ids, thoughts)),
            Side::Assistant => {
                let parts = turn.messages.iter().flat_map(|message| message.parts());
                let blocks = parts.filter_map(|part| Block::new(part, ids, thoughts));
                ("assistant", blocks.collect())
            }
        };
        if begins && turns.is_empty() && turn.side == Side::Assistant {
            turns.push(Turn {
                role: "user",
                content: vec![Block::plain(LEFT_OUT)],
            });
        }
        turns.push(Turn { role, content });
    }
    turns
}

/// Writes a turn of the user: results of tools before everything else, as the API demands.
fn asked<'a>(
    turn: &victor_model_api::Turn<'a>,
    ids: &mut CallIds,
    thoughts: Thoughts,
) -> Vec<Block<'a>> {
    let mut results = Vec::new();
    let mut said = Vec::new();
    for answer in turn.answers() {
        match answer {
            Answer::Result(result) => results.push(Block::result(result, ids, thoughts)),
            Answer::Lost(call) => results.push(Block::lost(call, answer.text(), ids)),
            Answer::Stray(result) => {
                said.push(Block::plain(answer.text()));
                let shown = result
                    .content
                    .iter()
                    .filter(|part| !matches!(part, Part::Text(_)));
                said.extend(shown.filter_map(|part| Block::new(part, ids, thoughts)));
            }
        }
    }
    for message in &turn.messages {
        let parts = message
            .parts()
            .iter()
            .filter(|part| !matches!(part, Part::ToolResult(_)));
        let before = said.len();
        said.extend(parts.filter_map(|part| Block::new(part, ids, thoughts)));
        if said.len() == before && *message.role() != Role::Tool {
            said.push(Block::plain(EMPTY));
        }
    }
    results.append(&mut said);
    results
}

#[cfg(test)]
mod tests;
