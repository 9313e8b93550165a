//! The model.

use std::time::Duration;

use async_trait::async_trait;
use victor_core::{Messages, ModelId, Part, StopReason, ToolCall, Usage};
use victor_provider_protocol::{
    Capabilities, CapabilitySource, ChatProvider, ChatRequest, Completion, CompletionStream,
    ProviderError,
};

use crate::answer::Material;
use crate::history::History;
use crate::request::clauses;
use crate::stream::{WordStream, next_word};
use crate::tools::{next_calls, plan, to_text};

/// The extractive model: it calls tools with arguments from the user's words, and answers with sentences that are
/// already there.
///
/// It has no state, so the same request always has the same answer, and it never fails. Reading takes time in
/// proportion to the conversation, some 30 milliseconds for a megabyte, during which it does not yield.
///
/// It answers whatever model a request names, and says that it was [`MODEL`](Self::MODEL).
#[derive(Debug, Clone)]
pub struct OfflineModel {
    delay: Duration,
    advice: String,
}

impl OfflineModel {
    /// The name of the model.
    pub const MODEL: &'static str = "offline-extractive";
    /// The name of the provider.
    pub const PROVIDER: &'static str = "offline";

    /// A model that writes without delay.
    #[must_use]
    pub fn new() -> Self {
        Self {
            delay: Duration::ZERO,
            advice: "For real answers, choose a provider with a language model: one with an API key, for example in \
                     `ANTHROPIC_API_KEY` or `OPENAI_API_KEY`, or a local server such as Ollama."
                .to_owned(),
        }
    }

    /// Waits before each word, to look like a model that thinks. Default: no wait. It needs a tokio runtime with time
    /// enabled.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The sentence by which the model says how to get a better one, which may name the program's own options.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Decides the next step: calls, or a text.
    fn reply(&self, request: &ChatRequest) -> Reply {
        let history = History::new(request.context.messages());
        let clauses = clauses(&history.request);
        let planned = plan(&clauses, &request.tools, &request.tool_choice);
        let made: Vec<_> = history
            .made
            .iter()
            .map(|made| (made.name, made.arguments.clone()))
            .collect();
        let next = next_calls(&planned, &made);
        if !next.is_empty() {
            let calls = next.iter().enumerate().map(|(index, call)| {
                ToolCall::new(
                    history.call_id(index),
                    &call.tool.name,
                    to_text(&call.arguments),
                )
            });
            return Reply::Calls(calls.collect());
        }
        let called: Vec<usize> = planned.iter().map(|call| call.clause).collect();
        let (history, clauses, tools, advice) = (&history, &clauses, &request.tools, &self.advice);
        Reply::Text(
            Material {
                history,
                clauses,
                called: &called,
                tools,
                advice,
            }
            .answer(),
        )
    }
}

enum Reply {
    Calls(Vec<ToolCall>),
    Text(String),
}

impl Default for OfflineModel {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ChatProvider for OfflineModel {
    fn name(&self) -> &str {
        Self::PROVIDER
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let (text, parts, stop_reason) = match self.reply(request) {
            Reply::Calls(calls) => {
                let parts = calls.into_iter().map(Part::ToolCall).collect();
                (String::new(), parts, StopReason::ToolUse)
            }
            Reply::Text(text) => {
                let (text, stop_reason) = limited(text, request);
                let parts = if text.is_empty() {
                    Vec::new()
                } else {
                    vec![Part::text(text.as_str())]
                };
                (text, parts, stop_reason)
            }
        };
        let usage = Usage::new(tokens_of_request(request), tokens_of_parts(&parts));
        let completion =
            Completion::new(Self::MODEL.into(), parts, usage).with_stop_reason(stop_reason);
        Ok(CompletionStream::new(WordStream::new(
            text, completion, self.delay,
        )))
    }

    fn default_model(&self) -> Option<ModelId> {
        Some(ModelId::from(Self::MODEL))
    }

    fn capabilities(&self, _model: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.source = CapabilitySource::Provider;
        capabilities.context_window = Some(1_000_000);
        capabilities.tools = true;
        capabilities
    }
}

/// A text up to the first stop sequence, and up to the limit on output tokens.
fn limited(mut text: String, request: &ChatRequest) -> (String, StopReason) {
    let mut stop_reason = StopReason::EndTurn;
    let stops = request
        .stop_sequences
        .iter()
        .filter(|stop| !stop.is_empty());
    if let Some(at) = stops.filter_map(|stop| text.find(stop.as_str())).min() {
        text.truncate(at);
        stop_reason = StopReason::StopSequence;
    }
    if let Some(limit) = request.max_output_tokens.map(u64::from)
        && tokens(text.len()) > limit
    {
        let mut end = 0;
        while let Some(word) = next_word(&text[end..])
            && tokens(end + word.len()) <= limit
        {
            end += word.len();
        }
        text.truncate(end);
        stop_reason = StopReason::MaxTokens;
    }
    (text, stop_reason)
}

/// The usual rule of thumb: four bytes are a token.
fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

fn tokens_of_request(request: &ChatRequest) -> u64 {
    let system = request
        .system
        .as_ref()
        .map_or(0, |system| tokens(system.len()));
    let tools = request.tools.iter().map(|tool| {
        tokens(tool.name.len() + tool.description.len())
            + tokens(tool.input_schema.to_string().len())
    });
    system + tools.sum::<u64>() + tokens_of_messages(request.context.messages())
}

/// Each message has a few tokens around it.
fn tokens_of_messages(messages: &Messages) -> u64 {
    messages
        .iter()
        .map(|message| 3 + tokens_of_parts(message.parts()))
        .sum()
}

fn tokens_of_parts(parts: &[Part]) -> u64 {
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => tokens(text.text.len()),
            Part::Thinking(thinking) => tokens(thinking.text.len()),
            Part::ToolCall(call) => tokens(call.name.len() + call.arguments.len()) + 3,
            Part::ToolResult(result) => tokens_of_parts(&result.content) + 3,
            _ => 0,
        })
        .sum()
}
