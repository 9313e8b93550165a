//! The laws of chat engines.

use std::sync::{Arc, MutexGuard};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use victor_chat_protocol::{
    Agent, ChatEngine, ChatInput, ModelCall, ModelCallError, SuspendedTurn, TurnLimits, TurnPorts,
    TurnStart, TurnStream,
};
use victor_core::{
    BoxError, Lock, Message, Messages, ModelId, Part, Role, SessionId, ToolCall, ToolOutcome,
    ToolResult, TurnId, Usage,
};
use victor_provider_protocol::{Completion, CompletionEvent, CompletionStream};
use victor_tool_protocol::{GivenApproval, ToolResults, Verdict};

use super::agent::read;
use super::{DROPS, agent, succeed};
use crate::poll_at_most;

/// Checks an engine, with ports to a model that calls two tools at once and then answers.
///
/// Its turns must keep the laws of [`agent`](super::agent()) and leave a valid conversation wherever they are dropped.
///
/// # Panics
///
/// A law is broken.
pub async fn chat_engine<E: ChatEngine>(make: impl AsyncFn() -> E) {
    let make = async || EngineAgent {
        engine: Arc::new(make().await),
        ports: Arc::default(),
    };
    agent(&make, "How many cores has this machine?").await;

    let agent = make().await;
    let turn = read(agent.stream_chat("How many cores?".into())).await;
    let response = turn.check();
    let committed = agent.ports.conversation().clone();
    law!(
        committed
            .iter()
            .map(|message| message.id())
            .eq(response.messages.iter().map(|message| message.id())),
        "a response lists what the turn committed",
        "{committed:?} and {:?}",
        response.messages
    );
    law!(
        committed.len() == 4,
        "a turn commits the question, the calls, their results and the answer",
        "{committed:?}"
    );
    law!(
        response.usage == Usage::new(20, 10),
        "the usage of all model calls is added up",
        "{:?}",
        response.usage
    );
    law!(
        response.model_calls == 2,
        "model calls are counted",
        "{}",
        response.model_calls
    );

    for polls in 1..=DROPS {
        let agent = make().await;
        let turn = poll_at_most(polls, async {
            let mut stream = agent.stream_chat("How many cores?".into());
            while let Some(event) = stream.next().await {
                drop(succeed(event));
            }
        });
        if turn.await.is_some() {
            break;
        }
        let left = agent.ports.conversation().clone();
        let validity = left.iter().cloned().collect::<Messages>().validate();
        law!(
            validity.is_ok(),
            "a dropped turn leaves a valid conversation",
            "after {polls} polls: {validity:?}"
        );
        read(agent.stream_chat("And how much memory?".into()))
            .await
            .check();
    }
}

/// An engine as an agent with one conversation.
#[derive(Debug)]
struct EngineAgent<E> {
    engine: Arc<E>,
    ports: Arc<Ports>,
}

impl<E: ChatEngine> Agent for EngineAgent<E> {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        let (session, turn) = (SessionId::default(), TurnId::generate());
        let (engine, ports) = (Arc::clone(&self.engine), Arc::clone(&self.ports));
        TurnStream::new(session.clone(), turn, async move |events| {
            let input = input.into_message();
            let start = TurnStart::Begin {
                session,
                turn,
                input,
                limits: TurnLimits::default(),
                output: None,
            };
            engine.run_turn(start, ports, &events).await
        })
    }
}

/// A conversation, a model and tools, all of which wait once in every call.
#[derive(Debug, Default)]
struct Ports(Lock<Vec<Arc<Message>>>);

impl Ports {
    fn conversation(&self) -> MutexGuard<'_, Vec<Arc<Message>>> {
        // Every change is one push of a whole message.
        self.0.lock()
    }

    fn add(&self, messages: &[Arc<Message>]) {
        let mut conversation = self.conversation();
        for message in messages {
            if !conversation.iter().any(|known| known.id() == message.id()) {
                conversation.push(Arc::clone(message));
            }
        }
    }
}

#[async_trait]
impl TurnPorts for Ports {
    async fn call_model(&self, call: &ModelCall) -> Result<CompletionStream, ModelCallError> {
        tokio::task::yield_now().await;
        let answered = self
            .conversation()
            .last()
            .is_some_and(|message| *message.role() == Role::Tool);
        let mut events = Vec::new();
        let parts = if answered || !call.tools {
            events.extend(
                ["It has ", "two ", "cores."].map(|text| CompletionEvent::TextDelta(text.into())),
            );
            vec![Part::text("It has two cores.")]
        } else {
            events.push(CompletionEvent::TextDelta("I will look.".into()));
            let call = |id: &str| ToolCall::new(id, "count", format!(r#"{{"of":"{id}"}}"#)).into();
            vec![Part::text("I will look."), call("one"), call("two")]
        };
        let completion = Completion::new(ModelId::new("model"), parts, Usage::new(10, 5));
        events.push(CompletionEvent::finished(completion));
        Ok(CompletionStream::new(stream::iter(events).then(
            async |event| {
                tokio::task::yield_now().await;
                Ok(event)
            },
        )))
    }

    async fn review_tools(&self, calls: &[ToolCall], _: &[GivenApproval]) -> Vec<Verdict> {
        tokio::task::yield_now().await;
        calls.iter().map(|_| Verdict::Run).collect()
    }

    fn run_tools(&self, calls: Vec<ToolCall>) -> ToolResults {
        // The last call ends first.
        ToolResults::new(stream::iter(calls.into_iter().rev()).then(async |call| {
            tokio::task::yield_now().await;
            ToolResult::new(&call, ToolOutcome::Success, "2")
        }))
    }

    async fn commit(
        &self,
        messages: &[Arc<Message>],
        _open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        tokio::task::yield_now().await;
        self.add(messages);
        Ok(())
    }

    fn abandon(&self, messages: Vec<Arc<Message>>) {
        self.add(&messages);
    }
}
