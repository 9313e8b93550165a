//! A request in the form of the Responses API, without its conversation.

use std::borrow::Cow;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use victor_core::ToolSpec;
use victor_http::ToolCache;
use victor_provider_protocol::{ChatRequest, ToolChoice};

use crate::Quirks;
use crate::fields::{self, Fields};

/// The body of a request, without the conversation.
pub(crate) struct Body<'a> {
    pub(crate) request: &'a ChatRequest,
    pub(crate) model: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) quirks: Quirks,
    pub(crate) stream: bool,
    pub(crate) tools: &'a ToolCache,
    /// Whether the model thinks. One that does not refuses to be asked for its reasoning.
    pub(crate) thinks: bool,
    /// The system prompt, and the system's messages at the beginning.
    pub(crate) system: Option<Cow<'a, str>>,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.request;
        let mut fields = Fields::new(serializer.serialize_map(None)?, &request.extra);
        fields.put("model", self.model)?;
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
        fields.put_some("instructions", self.system.as_deref())?;
        if !request.tools.is_empty() {
            let tools = self.tools.json(&request.tools, || Tools(&request.tools));
            fields.put("tools", &*tools.map_err(Error::custom)?)?;
            fields.put_some("tool_choice", tool_choice(&request.tool_choice))?;
        }
        fields.end("input", &[(); 0])
    }
}

/// Returns the tools that may be called, unless the model decides.
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

#[derive(Serialize)]
struct Typed<T> {
    r#type: &'static str,
    #[serde(flatten)]
    item: T,
}
