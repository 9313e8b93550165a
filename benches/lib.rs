//! The workloads that the benchmarks share: a model that answers at once, and what is asked of it.

mod database;
mod routes;
mod workflow;

pub use database::{DatabaseFile, Size};
pub use routes::{route_of_one, route_of_ten, routed_request};
pub use workflow::{STEPS_IN_A_ROW, steps_in_a_row};

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tokio::runtime::Runtime;
use victor_core::{Context, Effect, Message, ModelId, Part, Role, ToolCall, ToolSpec, Usage};
use victor_http::{HttpBody, SseDecoder};
use victor_openai::{Dialect, OpenAiProvider, Server, StreamDecoder};
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult,
};
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};
use victor_orchestrator::{AgentOrchestrator, Session};

/// What the user says.
pub const QUESTION: &str = "two and two?";

/// A model that answers at once, so that all that is measured beside it is Victor's own work.
#[derive(Debug, Clone, Copy, Default)]
pub struct InstantModel {
    /// Whether it has a tool called before it answers.
    pub calls_tool: bool,
    /// In how many pieces it answers, besides one.
    pub more_pieces: usize,
}

#[async_trait]
impl ChatProvider for InstantModel {
    fn name(&self) -> &str {
        "instant"
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let is_asked = request
            .context
            .messages()
            .last()
            .is_some_and(|message| *message.role() == Role::User);
        let model = request.model_or("instant");
        if self.calls_tool && is_asked {
            let call = ToolCall::new("call-1", "add", r#"{"a":2,"b":2}"#);
            let answer = Completion::new(model, vec![Part::ToolCall(call)], Usage::new(10, 2));
            return Ok(CompletionStream::from_events([Ok(
                CompletionEvent::finished(answer),
            )]));
        }
        let pieces = 1 + self.more_pieces;
        let answer = Completion::new(
            model,
            vec![Part::text("Four.".repeat(pieces))],
            Usage::new(10, 2),
        );
        let deltas = (0..pieces).map(|_| Ok(CompletionEvent::TextDelta("Four.".into())));
        let events = deltas.chain([Ok(CompletionEvent::finished(answer))]);
        Ok(CompletionStream::from_events(events))
    }

    fn capabilities(&self, _model: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.context_window = Some(100_000_000); // nothing is compacted here
        capabilities
    }
}

/// A model whose answer comes as bytes of Chat Completions, in chunks of 1,448 bytes as a network brings them, and is
/// decoded as the adapter decodes it.
#[derive(Debug)]
pub struct ByteModel(Arc<[u8]>);

impl ByteModel {
    /// A model that answers in so many pieces.
    #[must_use]
    pub fn new(pieces: usize) -> Self {
        let chunk = |delta: &str, finish: &str| {
            format!(
                "data: {{\"id\":\"chatcmpl-BzUC1QGuvQxqP8cEy3SSMuzMiWrb\",\"object\":\"chat.completion.chunk\",\
                 \"created\":1754073600,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\
                 \"system_fingerprint\":\"fp_07871e2ad8\",\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\
                 \"logprobs\":null,\"finish_reason\":{finish}}}],\"usage\":null}}\n\n"
            )
        };
        let piece = |n: usize| chunk(&format!("\"content\":\" word{n}\""), "null");
        let mut stream: String = (0..pieces).map(piece).collect();
        stream += &chunk("", "\"stop\"");
        stream += "data: [DONE]\n\n";
        Self(stream.into_bytes().into())
    }

    /// What the model sends.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An answer that is being decoded.
struct Decoding {
    bytes: Arc<[u8]>,
    read: usize,
    events: SseDecoder,
    decoder: StreamDecoder,
    shown: VecDeque<CompletionEvent>,
}

impl Decoding {
    fn next(&mut self) -> Result<CompletionEvent, ProviderError> {
        loop {
            if let Some(event) = self.shown.pop_front() {
                return Ok(event);
            }
            if self.decoder.is_done() {
                return self.decoder.finish().map(CompletionEvent::finished);
            }
            if let Ok(Some(event)) = self.events.next_event() {
                self.decoder.event(event.data, &mut self.shown)?;
                continue;
            }
            let chunk = self.bytes[self.read..]
                .chunks(1_448)
                .next()
                .unwrap_or_default();
            self.events.push(chunk);
            self.read += chunk.len();
        }
    }
}

#[async_trait]
impl ChatProvider for ByteModel {
    fn name(&self) -> &str {
        "bytes"
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let mut decoding = Decoding {
            bytes: self.0.clone(),
            read: 0,
            events: SseDecoder::new(16 << 20),
            decoder: StreamDecoder::new(
                Dialect::ChatCompletions,
                "bytes",
                request.model_or("bytes"),
            ),
            shown: VecDeque::new(),
        };
        Ok(CompletionStream::from_events(std::iter::from_fn(
            move || Some(decoding.next()),
        )))
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        InstantModel::default().capabilities(model)
    }
}

/// A tool that has its result at once.
#[derive(Debug)]
pub struct Add(ToolSpec);

impl Default for Add {
    fn default() -> Self {
        let number = json!({"type": "integer"});
        let schema = json!({
            "type": "object",
            "properties": {"a": number, "b": number},
            "required": ["a", "b"],
        });
        Self(ToolSpec::new("add", "Adds two numbers.", schema).with_effect(Effect::ReadOnly))
    }
}

#[async_trait]
impl Tool for Add {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(
        &self,
        _context: &ToolContext,
        arguments: serde_json::Value,
    ) -> Result<ToolOutput, ToolError> {
        let number = |name: &str| arguments[name].as_i64().unwrap_or_default();
        Ok(ToolOutput::from((number("a") + number("b")).to_string()))
    }
}

/// A conversation of so many messages of 200 characters each, by user and model in turn.
#[must_use]
pub fn history(length: usize) -> Context {
    let text = "What is two and two, and what is it when one of them is three? ".repeat(4);
    let message = |n: usize| {
        let role = if n.is_multiple_of(2) {
            Role::User
        } else {
            Role::Assistant
        };
        let text = format!("{n:6} {}", &text[..193]);
        Message::new(role, vec![Part::text(text)])
    };
    Context::from_iter((0..length).map(message))
}

/// An orchestrator of all default coordinators, with one tool.
///
/// # Panics
///
/// It cannot be built.
#[must_use]
pub fn orchestrator(model: impl ChatProvider) -> AgentOrchestrator {
    orchestrator_with_exporters(model, 0)
}

/// The same with so many exporters of analytics, of which none reaches its destination.
///
/// # Panics
///
/// It cannot be built.
#[must_use]
pub fn orchestrator_with_exporters(model: impl ChatProvider, count: usize) -> AgentOrchestrator {
    let builder = AgentOrchestrator::builder()
        .provider(Arc::new(model))
        .model("m")
        .tool(Arc::new(Add::default()));
    let builder = (0..count).fold(builder, |builder, _| {
        builder.analytics_exporter(DeadExporter)
    });
    builder.build().expect("nothing is missing")
}

/// An exporter that reaches nothing.
#[derive(Debug)]
struct DeadExporter;

#[async_trait]
impl AnalyticsExporter for DeadExporter {
    fn name(&self) -> &str {
        "dead"
    }

    async fn export(&self, _: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        Err(ExportError::new("connection refused"))
    }
}

/// A session whose context is `context`, with one turn behind it, so that nothing is done for the first time.
///
/// # Panics
///
/// The turn fails.
pub async fn warm_session(
    orchestrator: &AgentOrchestrator,
    name: &str,
    context: &Context,
) -> Session {
    let session = orchestrator.session(name);
    session.chat(QUESTION).await.expect("an answer");
    orchestrator
        .context_coordinator()
        .set_context(session.id(), context.clone());
    session.chat(QUESTION).await.expect("an answer");
    session
}

/// A provider of Chat Completions whose requests are written and not sent.
///
/// # Panics
///
/// It cannot be built.
#[must_use]
pub fn openai() -> OpenAiProvider {
    let builder = OpenAiProvider::builder().server(Server::OLLAMA);
    builder.build().expect("nothing is missing")
}

/// A conversation that grows by a turn from one request to the next.
#[derive(Debug)]
pub struct Growing {
    provider: OpenAiProvider,
    request: ChatRequest,
}

/// Requests to go on with a conversation of so many messages. The first has been written.
#[must_use]
pub fn request(provider: OpenAiProvider, length: usize) -> Growing {
    let mut request = ChatRequest::new("m", history(length));
    request.system = Some("You are a helpful assistant.".into());
    request.tools = Arc::new([Add::default().0]);
    request.session = Some("growing".into());
    let mut growing = Growing { provider, request };
    growing.next_body();
    growing
}

impl Growing {
    /// The body of the next request, after two messages more.
    ///
    /// # Panics
    ///
    /// It cannot be written.
    pub fn next_body(&mut self) -> HttpBody {
        self.request.context.push(Message::user(QUESTION));
        let body = self.provider.request_body(&self.request, true);
        self.request.context.push(Message::assistant("Four."));
        body.expect("a body")
    }
}

/// A runtime that works in the thread that waits for it.
///
/// # Panics
///
/// There can be none.
#[must_use]
pub fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}
