//! A request in the form of Chat Completions, without its conversation.

use std::borrow::Cow;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use victor_core::ToolSpec;
use victor_http::ToolCache;
use victor_provider_protocol::{ChatRequest, ToolChoice};

use super::messages::Item;
use crate::content::Content;
use crate::fields::{self, Fields};
use crate::{InstructionRole, MaxTokensField, Quirks};

/// The body of a request, without the conversation.
pub(crate) struct Body<'a> {
    pub(crate) request: &'a ChatRequest,
    pub(crate) model: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) quirks: Quirks,
    pub(crate) stream: bool,
    pub(crate) tools: &'a ToolCache,
    /// The system prompt, and the system's messages at the beginning.
    pub(crate) system: Option<Cow<'a, str>>,
}

impl Body<'_> {
    /// As whom the program speaks.
    pub(super) fn instructions(quirks: Quirks) -> &'static str {
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
        fields.put("model", self.model)?;
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
        let system = self
            .system
            .clone()
            .map(Content::Text)
            .map(|text| Item::new(Self::instructions(quirks), text));
        fields.end("messages", &Vec::from_iter(system))
    }
}

/// Returns the tools that may be called, unless the model decides.
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
