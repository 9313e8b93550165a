//! Rig 0.44, `rig-core` and the agents of `rig-agent`.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rig_044::completion::options::{Mapping, OptionFields, OptionMap};
use rig_044::completion::{Accepts, CompletionRequest, FinishReason, Message, ReplayTarget, Usage};
use rig_044::driver::{Exchange, Opened, Opening, Transport};
use rig_044::error::{EncodeError, ProviderError};
use rig_044::message::{Api, UserContent};
use rig_044::operation::{Block, CallFragment, Completion, Finish};
use rig_044::providers::openai::OpenAIConfig;
use rig_044::streaming::{Item, StreamEvent};
use rig_044::tool::PortableTool;
use rig_044::wire::document::{Reassemble, Serves};
use rig_044::wire::{Body, Decoder, Descriptor, Flow, Mode, Out, Wire, WireEvent};
use rig_agent_044::agent::MultiTurnStreamItem;
use rig_agent_044::{Agent, AgentBuilder};

use crate::bench::Bench;
use crate::{
    ADD, ADDS, ANSWER, ARGUMENTS, BODY, Numbers, PIECE, PIECES, QUESTION, Row, Script, history,
    schema,
};

const NAME: &str = "instant";

/// What goes to the model and comes from it, without a form of its own.
#[derive(Debug, Clone)]
struct Plain;

#[derive(Clone)]
enum Frame {
    Text(&'static str),
    Call,
    End(FinishReason),
}

impl Wire for Plain {
    type Op = Completion;
    type Payload = CompletionRequest;
    type Frame = Frame;
    type Decoder<'id> = Frames<'id>;
    type Reassembler = NoDocument;

    fn describe(&self) -> Descriptor<'_> {
        Descriptor::new(NAME).replay(self)
    }

    fn encode(
        &self,
        request: CompletionRequest,
        _mode: Mode,
    ) -> Result<CompletionRequest, EncodeError> {
        Ok(request)
    }

    fn decoder<'id>(&self) -> Frames<'id> {
        Frames(PhantomData)
    }
}

impl ReplayTarget for Plain {
    fn api(&self) -> Api {
        Api::from_static(NAME)
    }

    fn provider(&self) -> &str {
        NAME
    }

    fn model(&self) -> &str {
        "m"
    }

    fn accepts(&self, _model: &str) -> Accepts {
        Accepts::ALL
    }

    /// No option is ever set.
    fn map_options(&self, _request: &CompletionRequest, _fields: OptionFields<'_>) -> OptionMap {
        OptionMap {
            reasoning: Mapping::Nothing,
            cache: Mapping::Nothing,
            service_tier: Mapping::Nothing,
            verbosity: Mapping::Nothing,
            parallel_tool_calls: Mapping::Nothing,
            top_p: Mapping::Nothing,
            seed: Mapping::Nothing,
            stop: Mapping::Nothing,
        }
    }
}

struct Frames<'id>(PhantomData<fn(&'id ()) -> &'id ()>);

impl<'id> Decoder<'id, Completion, Frame> for Frames<'id> {
    type Event = Frame;

    fn classify(&self, frame: Frame) -> WireEvent<Frame> {
        WireEvent::Known(frame)
    }

    fn decode(
        &mut self,
        frame: Frame,
        mut out: Out<'id, Completion>,
    ) -> Result<Flow, ProviderError> {
        match frame {
            Frame::Text(text) => {
                out.run(Block::Text, text)?;
            }
            Frame::Call => {
                let (id, name, arguments) = (Some("call-1"), Some(ADD), Some(ARGUMENTS));
                out.fragment(
                    Some(0),
                    CallFragment {
                        id,
                        name,
                        arguments,
                    },
                )?;
            }
            Frame::End(reason) => {
                out.end_run()?;
                out.finish_open()?;
                let usage = Usage::new().input_tokens(10).output_tokens(2);
                return Ok(out.end(Finish {
                    usage: usage.total_tokens(12),
                    reason: Some(reason),
                    ..Finish::default()
                }));
            }
        }
        Ok(Flow::More)
    }
}

/// The answer as its provider wrote it, of which there is nothing.
#[derive(Default)]
struct NoDocument;

impl Serves<Completion> for NoDocument {}

impl Reassemble<Frame> for NoDocument {
    fn absorb(&mut self, _frame: &Frame) {}

    fn finish(self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

#[derive(Clone)]
struct Model(Script);

impl Transport<Plain> for Model {
    fn send(&self, request: CompletionRequest, _exchange: Exchange) -> Opening<Frame> {
        let answered = match request.chat_history.last() {
            Some(Message::User { content }) => {
                matches!(content.last(), Some(UserContent::ToolResult(_)))
            }
            _ => false,
        };
        let (mut frames, reason) = match self.0 {
            Script::Tool if !answered => (vec![Frame::Call], FinishReason::ToolCalls),
            Script::Pieces => (vec![Frame::Text(PIECE); PIECES], FinishReason::Stop),
            Script::Answer | Script::Tool => (vec![Frame::Text(ANSWER)], FinishReason::Stop),
        };
        frames.push(Frame::End(reason));
        Opening::ready(Opened::new(stream::iter(frames.into_iter().map(Ok))))
    }
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
    let model = rig_044::Model::new(Plain, Model(script));
    let builder = AgentBuilder::new(model).default_max_turns(2);
    match script {
        Script::Tool => builder.tool(Add).build(),
        _ => builder.build(),
    }
}

pub fn row(bench: &Bench) -> Row {
    let (stream, body) = (Some(stream(bench)), Some(body(bench)));
    Row::new(
        "rig 0.44.0",
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
        async |(response, messages)| {
            assert_eq!(response.expect("an answer").output(), ANSWER);
            assert_eq!(messages.len(), length + script.added());
        },
    )
}

fn stream(bench: &Bench) -> Duration {
    let agent = agent(Script::Pieces);
    bench.time(
        async || (),
        async |()| {
            let mut stream = agent.prompt(QUESTION).stream();
            let (mut pieces, mut end) = (0, None);
            while let Some(item) = stream.next().await {
                match item.expect("an item") {
                    MultiTurnStreamItem::StreamAssistantItem(Item::Event(StreamEvent::Text {
                        ..
                    })) => pieces += 1,
                    MultiTurnStreamItem::FinalResponse(response) => end = Some(response),
                    _ => {}
                }
            }
            (pieces, end)
        },
        async |(pieces, end)| {
            assert_eq!(pieces, PIECES);
            assert_eq!(end.expect("an end").output(), PIECE.repeat(PIECES));
        },
    )
}

fn body(bench: &Bench) -> Duration {
    let wire = OpenAIConfig::new("key").chat("m");
    let mut request = CompletionRequest::new(QUESTION);
    request.chat_history = messages(BODY);
    bench.time(
        async || request.clone(),
        async |request| wire.encode(request, Mode::Unary),
        async |encoded| match encoded.expect("a request").request.into_body() {
            Body::Bytes(body) => assert_eq!(crate::messages_in(&body), BODY),
            Body::Multipart(_) => panic!("a form"),
        },
    )
}

fn messages(length: usize) -> Vec<Message> {
    history(length, Message::user, Message::assistant)
}
