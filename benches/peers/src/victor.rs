//! Victor, with the coordinators that it has by default.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use victor_openai::{OpenAiProvider, Server};
use victor_orchestrator::core::{Context, Message, ModelId, Part, Role, ToolCall, ToolSpec, Usage};
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};
use victor_orchestrator::{AgentOrchestrator, Session};

use crate::bench::Bench;
use crate::{
    ADD, ADDS, ANSWER, ARGUMENTS, BODY, PIECE, PIECES, QUESTION, Row, Script, history, schema,
};

#[derive(Debug)]
struct Model(Script);

#[async_trait]
impl ChatProvider for Model {
    fn name(&self) -> &str {
        "instant"
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let last = request.context.messages().last();
        let answered = last.is_some_and(|message| *message.role() == Role::Tool);
        let (pieces, part) = match self.0 {
            Script::Tool if !answered => {
                let call = ToolCall::new("call-1", ADD, ARGUMENTS);
                (vec![], Part::ToolCall(call))
            }
            Script::Pieces => (vec![PIECE; PIECES], Part::text(PIECE.repeat(PIECES))),
            Script::Answer | Script::Tool => (vec![ANSWER], Part::text(ANSWER)),
        };
        let completion = Completion::new(request.model_or("m"), vec![part], Usage::new(10, 2));
        let pieces = pieces
            .into_iter()
            .map(|piece| CompletionEvent::TextDelta(piece.into()));
        let events = pieces.chain([CompletionEvent::finished(completion)]);
        Ok(CompletionStream::from_events(events.map(Ok)))
    }

    fn capabilities(&self, _model: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.context_window = Some(100_000_000); // nothing is compacted here
        capabilities
    }
}

#[derive(Debug)]
struct Add(ToolSpec);

#[async_trait]
impl Tool for Add {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let number = |name| arguments[name].as_i64().unwrap_or_default();
        Ok((number("a") + number("b")).to_string().into())
    }
}

/// An orchestrator for all turns, and the conversation before each of them.
struct Setup {
    orchestrator: AgentOrchestrator,
    /// What is put into the session.
    context: Context,
    /// The length that a turn then brings it to, if the conversation is to be one that is going on.
    ongoing: Option<usize>,
    sessions: AtomicUsize,
}

impl Setup {
    fn new(script: Script, length: usize, ongoing: bool) -> Self {
        let mut builder = AgentOrchestrator::builder()
            .provider(Arc::new(Model(script)))
            .model("m");
        if let Script::Tool = script {
            builder = builder.tool(Arc::new(Add(ToolSpec::new(ADD, ADDS, schema()))));
        }
        let begun = if ongoing {
            length.checked_sub(script.added())
        } else {
            None
        };
        Self {
            orchestrator: builder.build().expect("an orchestrator"),
            context: context(begun.unwrap_or(length)),
            ongoing: begun.map(|_| length),
            sessions: AtomicUsize::new(0),
        }
    }

    /// A new session with the conversation.
    async fn session(&self) -> Session {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        let session = self.orchestrator.session(number.to_string());
        let contexts = self.orchestrator.context_coordinator();
        contexts.set_context(session.id(), self.context.clone());
        if let Some(length) = self.ongoing {
            session.chat(QUESTION).await.expect("an answer");
            assert_eq!(session.context().messages().len(), length);
        }
        session
    }
}

/// Every turn is the first of its session, so that the messages before it are all new to Victor, which checks them.
pub fn row(bench: &Bench) -> Row {
    let (stream, body) = (Some(stream(bench)), Some(body(bench)));
    let turn = |script, length| turn(bench, script, length, false);
    Row::new("victor", turn, stream, body)
}

/// No turn is the first of its session, unless there are no messages before it.
pub fn ongoing(bench: &Bench) -> Row {
    let turn = |script, length| turn(bench, script, length, true);
    Row::new("victor, ongoing", turn, None, None)
}

fn turn(bench: &Bench, script: Script, length: usize, ongoing: bool) -> Duration {
    let setup = Setup::new(script, length, ongoing);
    bench.time(
        async || setup.session().await,
        async |session| (session.chat(QUESTION).await, session),
        async |(response, session)| {
            assert_eq!(response.expect("an answer").content(), ANSWER);
            end(&session, length + script.added()).await;
        },
    )
}

/// Checks how long the conversation is, and forgets the session.
async fn end(session: &Session, length: usize) {
    assert_eq!(session.context().messages().len(), length);
    session.reset().await.expect("no store that fails");
}

fn stream(bench: &Bench) -> Duration {
    let setup = Setup::new(Script::Pieces, 0, false);
    bench.time(
        async || setup.session().await,
        async |session| {
            let mut stream = session.stream_chat(QUESTION);
            let mut pieces = 0;
            while let Some(event) = stream.next().await {
                pieces += usize::from(!event.expect("an event").content().is_empty());
            }
            (pieces, session)
        },
        async |(pieces, session)| {
            assert_eq!(pieces, PIECES);
            end(&session, 2).await;
        },
    )
}

/// No client sends to such an address, and that is found out when the body is written. The rest of the call is timed
/// with it; what is in the body cannot be seen here, and is checked by the tests of `victor-openai`.
fn body(bench: &Bench) -> Duration {
    let builder = OpenAiProvider::builder().server(Server::COMPATIBLE);
    let provider = builder.base_url("nowhere://").build().expect("a provider");
    let request = ChatRequest::new("m", context(BODY));
    bench.time(
        async || (),
        async |()| provider.stream_chat(&request).await.err(),
        async |error| {
            let error = error.expect("an error").message;
            assert!(error.contains("must begin with http"), "{error}");
        },
    )
}

fn context(length: usize) -> Context {
    Context::from_iter(history(length, Message::user, Message::assistant))
}
