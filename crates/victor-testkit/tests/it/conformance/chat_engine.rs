use std::sync::Arc;

use async_trait::async_trait;
use victor_chat_protocol::{
    ChatEngine, ChatError, ChatResponse, EventSink, ModelCall, ModelCallStarted, TurnEventKind,
    TurnOutcome, TurnPorts, TurnStart, TurnStarted,
};
use victor_core::{Coordinator, Message, Part, Role};
use victor_provider_protocol::CompletionEvent;
use victor_testkit::conformance;

use super::breaks;

/// The smallest engine that keeps the laws: what it commits is always a valid conversation.
#[derive(Debug)]
struct Engine(&'static str);

impl Coordinator for Engine {
    fn name(&self) -> &str {
        "engine"
    }
}

#[async_trait]
impl ChatEngine for Engine {
    async fn run_turn(
        &self,
        start: TurnStart,
        ports: Arc<dyn TurnPorts>,
        events: &EventSink,
    ) -> Result<ChatResponse, ChatError> {
        let TurnStart::Begin {
            session,
            turn,
            input,
            ..
        } = start
        else {
            return Err(ChatError::Resume {
                reason: "it has no memory".into(),
            });
        };
        let mut response = ChatResponse::ended(session, turn, TurnOutcome::Cancelled);
        let started = TurnStarted::new(input.id());
        events.emit(started).await;
        let work = self.work(input, &*ports, events, &mut response);
        let Some(done) = events.until_cancelled(work).await else {
            return Ok(response);
        };
        done?;
        match self.0 {
            "forgets the question" => drop(response.messages.remove(0)),
            "lists a copy" => {
                let text = response.content().into_owned();
                response.messages.pop();
                response.messages.push(Message::assistant(text).into());
            }
            "counts no usage" => response.usage = Default::default(),
            "counts no calls" => response.model_calls = 0,
            _ => {}
        }
        response.outcome = TurnOutcome::Completed;
        Ok(response)
    }
}

impl Engine {
    async fn work(
        &self,
        input: Message,
        ports: &dyn TurnPorts,
        events: &EventSink,
        response: &mut ChatResponse,
    ) -> Result<(), ChatError> {
        self.commit(vec![input], ports, response).await;
        loop {
            response.model_calls += 1;
            events
                .emit(ModelCallStarted::new(response.model_calls))
                .await;
            let mut call = ModelCall::default();
            call.number = response.model_calls;
            call.tools = self.0 != "offers no tools";
            let mut stream = ports.call_model(&call).await.unwrap();
            let completion = loop {
                match stream.next().await.unwrap().unwrap() {
                    CompletionEvent::TextDelta(text) => {
                        events.emit(TurnEventKind::text(text)).await;
                    }
                    CompletionEvent::Finished(completion) => break completion,
                    _ => {}
                }
            };
            response.usage += &completion.usage;
            let calls: Vec<_> = completion.tool_calls().cloned().collect();
            let answer = Message::new(Role::Assistant, completion.parts);
            if calls.is_empty() {
                self.commit(vec![answer], ports, response).await;
                return Ok(());
            }
            let mut pending = vec![answer];
            if self.0 == "commits calls first" {
                self.commit(std::mem::take(&mut pending), ports, response)
                    .await;
            }
            let mut running = ports.run_tools(calls);
            let mut results = Vec::new();
            while let Some(result) = running.next_result().await {
                results.push(Part::ToolResult(result));
            }
            pending.push(Message::new(Role::Tool, results));
            self.commit(pending, ports, response).await;
        }
    }

    async fn commit(
        &self,
        messages: Vec<Message>,
        ports: &dyn TurnPorts,
        response: &mut ChatResponse,
    ) {
        let messages: Vec<_> = messages.into_iter().map(Arc::new).collect();
        ports.commit(&messages, None).await.unwrap();
        response.messages.extend(messages);
    }
}

#[tokio::test]
async fn a_right_engine_passes() {
    conformance::chat_engine(async || Engine("none")).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        (
            "forgets the question",
            "what a turn adds is a valid history",
        ),
        (
            "offers no tools",
            "a turn commits the question, the calls, their results and the answer",
        ),
        (
            "counts no usage",
            "the usage of all model calls is added up",
        ),
        ("counts no calls", "model calls are counted"),
        (
            "commits calls first",
            "a dropped turn leaves a valid conversation",
        ),
        ("lists a copy", "a response lists what the turn committed"),
    ] {
        breaks(law, conformance::chat_engine(async || Engine(bug))).await;
    }
}
