//! Swiftide 0.32, the agents of `swiftide-agents`.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use swiftide_agents::{Agent, DefaultContext};
use swiftide_core::chat_completion::errors::{LanguageModelError, ToolError};
use swiftide_core::chat_completion::{
    ChatCompletion, ChatCompletionRequest, ChatCompletionResponse, ChatMessage, Tool, ToolCall,
    ToolOutput, ToolSpec, Usage,
};
use swiftide_core::{AgentContext, ChatCompletionStream};

use crate::bench::Bench;
use crate::{
    ADD, ADDS, ANSWER, ARGUMENTS, Numbers, PIECE, PIECES, QUESTION, Row, Script, history, schema,
};

#[derive(Clone)]
struct Model(Script);

#[async_trait]
impl ChatCompletion for Model {
    async fn complete(
        &self,
        request: &ChatCompletionRequest,
    ) -> Result<ChatCompletionResponse, LanguageModelError> {
        let answered = matches!(request.messages().last(), Some(ChatMessage::ToolOutput(..)));
        let mut response = ChatCompletionResponse::default();
        match self.0 {
            Script::Tool if !answered => {
                let call = ToolCall::builder()
                    .id("call-1")
                    .name(ADD)
                    .args(ARGUMENTS)
                    .build();
                response.tool_calls = Some(vec![call.expect("a call")]);
            }
            _ => response.message = Some(ANSWER.to_owned()),
        }
        response.usage = Some(usage());
        Ok(response)
    }

    /// As the providers do it: every item has the answer so far, and one more the whole.
    async fn complete_stream(&self, _request: &ChatCompletionRequest) -> ChatCompletionStream {
        let mut response = ChatCompletionResponse::default();
        Box::pin(stream::iter((0..=PIECES).map(move |n| {
            if n < PIECES {
                response.append_message_delta(Some(PIECE));
            } else {
                response.usage = Some(usage());
            }
            Ok(response.clone())
        })))
    }
}

fn usage() -> Usage {
    Usage {
        prompt_tokens: 10,
        completion_tokens: 2,
        total_tokens: 12,
    }
}

#[derive(Clone)]
struct Add;

#[async_trait]
impl Tool for Add {
    async fn invoke(
        &self,
        _context: &dyn AgentContext,
        call: &ToolCall,
    ) -> Result<ToolOutput, ToolError> {
        let numbers: Numbers = serde_json::from_str(call.args().unwrap_or_default())?;
        Ok((numbers.a + numbers.b).to_string().into())
    }

    fn name(&self) -> Cow<'_, str> {
        ADD.into()
    }

    fn tool_spec(&self) -> ToolSpec {
        let parameters = serde_json::from_value(schema()).expect("a schema");
        ToolSpec {
            name: ADD.to_owned(),
            description: ADDS.to_owned(),
            parameters_schema: Some(parameters),
        }
    }
}

pub fn row(bench: &Bench) -> Row {
    // Its request is made within the call that sends it, and its client takes no other way to send.
    let (stream, body) = (Some(stream(bench)), None);
    Row::new(
        "swiftide 0.32.1",
        |script, length| turn(bench, script, length),
        stream,
        body,
    )
}

/// An agent with the history.
async fn agent(script: Script, history: Vec<ChatMessage>, pieces: &Arc<AtomicUsize>) -> Agent {
    let mut context = DefaultContext::default();
    let filled = context.with_existing_messages(history).await;
    filled.expect("no store that fails");
    let mut builder = Agent::builder();
    builder
        .context(context)
        .llm(&Model(script))
        .no_system_prompt();
    match script {
        Script::Answer => {}
        Script::Tool => {
            builder.add_tool(Add);
        }
        Script::Pieces => {
            let pieces = pieces.clone();
            builder.on_stream(move |_, _| {
                pieces.fetch_add(1, Ordering::Relaxed);
                Box::pin(async { Ok(()) })
            });
        }
    }
    builder.build().expect("an agent")
}

/// Checks the answer, which is the last message.
async fn check(agent: &Agent, answer: &str, length: usize) {
    let history = agent.history().await.expect("a history");
    assert_eq!(history.len(), length);
    let answer = ChatMessage::new_assistant(Some(answer), None);
    assert_eq!(history.last(), Some(&answer));
}

fn turn(bench: &Bench, script: Script, length: usize) -> Duration {
    let messages = history(length, ChatMessage::User, |text| {
        ChatMessage::new_assistant(Some(text), None)
    });
    bench.time(
        async || agent(script, messages.clone(), &Arc::default()).await,
        async |mut agent| (agent.query(QUESTION).await, agent),
        async |(ended, agent)| {
            ended.expect("an end");
            check(&agent, ANSWER, length + script.added()).await;
        },
    )
}

fn stream(bench: &Bench) -> Duration {
    bench.time(
        async || {
            let pieces = Arc::default();
            (agent(Script::Pieces, Vec::new(), &pieces).await, pieces)
        },
        async |(mut agent, pieces)| (agent.query(QUESTION).await, agent, pieces),
        async |(ended, agent, pieces)| {
            ended.expect("an end");
            assert_eq!(pieces.load(Ordering::Relaxed), PIECES + 1);
            check(&agent, &PIECE.repeat(PIECES), 2).await;
        },
    )
}
