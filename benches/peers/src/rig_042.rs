//! Rig 0.42, `rig-core` and the agents of `rig-agent`.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rig_042::completion::{
    AssistantContent, CompletionError, CompletionModel, CompletionRequest, CompletionResponse,
    Message, Usage,
};
use rig_042::message::{ToolCall, ToolFunction, UserContent};
use rig_042::providers::openai;
use rig_042::streaming::{
    RawStreamingChoice, StreamFinal, StreamedAssistantContent, StreamingCompletionResponse,
    normalize_stream,
};
use rig_042::tool::PortableTool;
use rig_agent_042::agent::MultiTurnStreamItem;
use rig_agent_042::completion::Chat;
use rig_agent_042::streaming::StreamingChat;
use rig_agent_042::{Agent, AgentBuilder};

use crate::bench::Bench;
use crate::{
    ADD, ADDS, ANSWER, ARGUMENTS, BODY, Numbers, PIECE, PIECES, QUESTION, Row, Script, history,
    schema,
};

const NAME: &str = "instant";

#[derive(Clone)]
struct Model(Script);

impl CompletionModel for Model {
    async fn completion(
        &self,
        request: CompletionRequest,
    ) -> Result<CompletionResponse, CompletionError> {
        let answered = match request.chat_history.last() {
            Some(Message::User { content }) => {
                matches!(content.last(), Some(UserContent::ToolResult(_)))
            }
            _ => false,
        };
        let content = match self.0 {
            Script::Tool if !answered => {
                let arguments = serde_json::from_str(ARGUMENTS)?;
                let function = ToolFunction::new(ADD.to_owned(), arguments);
                AssistantContent::ToolCall(ToolCall::from_wire("call-1", function))
            }
            _ => AssistantContent::text(ANSWER),
        };
        Ok(CompletionResponse::new(vec![content], usage(), NAME))
    }

    async fn stream(
        &self,
        _request: CompletionRequest,
    ) -> Result<StreamingCompletionResponse, CompletionError> {
        let pieces = (0..PIECES).map(|_| RawStreamingChoice::Message(PIECE.to_owned()));
        let end = RawStreamingChoice::FinalResponse(StreamFinal::new(NAME, usage()));
        let choices = stream::iter(pieces.chain([end]).map(Ok));
        let choices = normalize_stream(Box::pin(choices), Ok);
        Ok(StreamingCompletionResponse::stream(NAME, choices))
    }
}

fn usage() -> Usage {
    let mut usage = Usage::new();
    (usage.input_tokens, usage.output_tokens, usage.total_tokens) = (10, 2, 12);
    usage
}

struct Add;

impl PortableTool for Add {
    const NAME: &'static str = ADD;
    type Args = Numbers;
    type Output = i64;
    type Error = Infallible;

    fn description(&self) -> String {
        ADDS.to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        schema()
    }

    async fn call(&self, numbers: Numbers) -> Result<i64, Infallible> {
        Ok(numbers.a + numbers.b)
    }
}

fn agent(script: Script) -> Agent {
    let builder = AgentBuilder::new(Model(script)).default_max_turns(2);
    match script {
        Script::Tool => builder.tool(Add).build(),
        _ => builder.build(),
    }
}

pub fn row(bench: &Bench) -> Row {
    let (stream, body) = (Some(stream(bench)), Some(body(bench)));
    Row::new(
        "rig 0.42.0",
        |script, length| turn(bench, script, length),
        stream,
        body,
    )
}

fn turn(bench: &Bench, script: Script, length: usize) -> Duration {
    let (agent, messages) = (agent(script), messages(length));
    bench.time(
        async || messages.clone(),
        async |mut messages| (agent.chat(QUESTION, &mut messages).await, messages),
        async |(answer, messages)| {
            assert_eq!(answer.expect("an answer"), ANSWER);
            assert_eq!(messages.len(), length + script.added());
        },
    )
}

fn stream(bench: &Bench) -> Duration {
    let agent = agent(Script::Pieces);
    bench.time(
        async || Vec::<Message>::new(),
        async |messages| {
            let mut stream = agent.stream_chat(QUESTION, messages).await;
            let (mut pieces, mut end) = (0, None);
            while let Some(item) = stream.next().await {
                match item.expect("an item") {
                    MultiTurnStreamItem::StreamAssistantItem(StreamedAssistantContent::Text(_)) => {
                        pieces += 1
                    }
                    MultiTurnStreamItem::FinalResponse(response) => end = Some(response),
                    _ => {}
                }
            }
            (pieces, end)
        },
        async |(pieces, end)| {
            assert_eq!(pieces, PIECES);
            assert_eq!(end.expect("an end").output, PIECE.repeat(PIECES));
        },
    )
}

/// As the provider does it: a value of JSON, then bytes.
fn body(bench: &Bench) -> Duration {
    let mut request = Model(Script::Answer).completion_request(QUESTION).build();
    request.chat_history = messages(BODY);
    bench.time(
        async || request.clone(),
        async |request| {
            let request = openai::CompletionRequest::try_from(("m".to_owned(), request));
            let value = serde_json::to_value(request.expect("a request")).expect("a value");
            serde_json::to_vec(&value).expect("a body")
        },
        async |body| assert_eq!(crate::messages_in(&body), BODY),
    )
}

fn messages(length: usize) -> Vec<Message> {
    history(length, Message::user, Message::assistant)
}
