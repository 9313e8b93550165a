//! Turns of agents.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Lock, Message, SessionId, ToolCall, TurnId};
use victor_workflow_steps::chat::{
    Agent, Approval, ChatError, ChatInput, ChatResponse, PendingApproval, SuspendedTurn,
    TurnOutcome, TurnStream,
};
use victor_workflow_steps::protocol::{AgentRequest, AgentTurn, StepAgent, StepError, StepHandler};
use victor_workflow_steps::{AgentHandler, PlainAgent};

use crate::{Seen, answered, context, failure, output, pause};

/// The way in which a turn ends.
#[derive(Debug, Clone)]
enum End {
    Says(&'static str),
    Ends(TurnOutcome),
    Asks(Vec<&'static str>),
    /// It had asked before the attempt began.
    Waits(Vec<&'static str>),
    HasSaid(&'static str),
    Fails,
}

/// Has turns that end in this way, one after the other.
#[derive(Debug, Clone)]
struct Fake {
    ends: Arc<Lock<Vec<End>>>,
    requests: Seen<AgentRequest>,
}

impl Fake {
    fn new(ends: impl IntoIterator<Item = End>) -> Self {
        Self {
            ends: Arc::new(Lock::new(ends.into_iter().collect())),
            requests: Seen::default(),
        }
    }
}

fn suspended(session: &SessionId, calls: &[&str]) -> SuspendedTurn {
    let mut turn = SuspendedTurn::new(session.clone(), TurnId::generate(), json!({}));
    let ask =
        |id: &&str| PendingApproval::new(ToolCall::new(*id, "rm", "{}"), format!("remove {id}?"));
    turn.approvals = calls.iter().map(ask).collect();
    turn
}

fn says(session: SessionId, text: &str) -> ChatResponse {
    ChatResponse::new(
        session,
        TurnId::generate(),
        Arc::new(Message::assistant(text)),
    )
}

#[async_trait]
impl StepAgent for Fake {
    async fn turn(&self, request: AgentRequest) -> Result<AgentTurn, StepError> {
        let session = request.session.clone();
        self.requests.lock().push(request);
        let end = self.ends.lock().remove(0);
        Ok(match end {
            End::Waits(calls) => AgentTurn::Waits(Box::new(suspended(&session, &calls))),
            End::HasSaid(text) => AgentTurn::Ended(Box::new(says(session, text))),
            end => AgentTurn::Runs(Box::new(TurnStream::new(
                session.clone(),
                TurnId::generate(),
                async move |_| match end {
                    End::Says(text) => Ok(says(session, text)),
                    End::Asks(calls) => {
                        let outcome = TurnOutcome::AwaitingApproval;
                        let mut response =
                            ChatResponse::ended(session.clone(), TurnId::generate(), outcome);
                        response.suspended = Some(Box::new(suspended(&session, &calls)));
                        Ok(response)
                    }
                    End::Ends(outcome) => {
                        Ok(ChatResponse::ended(session, TurnId::generate(), outcome))
                    }
                    _ => Err(ChatError::ShutDown),
                },
            ))),
        })
    }
}

fn step() -> Value {
    json!({ "prompt": "Hello" })
}

#[tokio::test]
async fn a_step_asks_for_what_it_names() {
    let (first, second) = (
        Fake::new([End::Says("hi")]),
        Fake::new([End::HasSaid("```json\n[1]\n```")]),
    );
    let handler = AgentHandler::new(first.clone()).agent("other", second.clone());
    let found = output(handler.call(&context(), step()).await);
    assert_eq!(
        (&found["text"], &found["outcome"]),
        (&json!("hi"), &json!("completed"))
    );
    let request = first.requests.lock().remove(0);
    assert!(request.is_plain() && !request.is_repeated && request.prompt == "Hello");

    let input = json!({
        "prompt": "Hi", "agent": "other", "mode": "plan", "model": "m", "tools": ["a"], "max_tokens": 9,
    });
    let cx = context().with_attempt(2);
    assert_eq!(output(handler.call(&cx, input).await)["json"], json!([1]));
    let mut expected = AgentRequest::new(cx.idempotency_key.as_str(), "Hi");
    expected.mode = Some("plan".into());
    expected.model = Some("m".into());
    expected.tools = Some(vec!["a".into()]);
    expected.max_tokens = Some(9);
    expected.is_repeated = true;
    assert_eq!(second.requests.lock()[0], expected);
}

#[tokio::test]
async fn a_turn_that_waits_goes_on_with_the_decisions() {
    let fake = Fake::new([
        End::Asks(vec!["a", "b"]),
        End::Waits(vec!["c"]),
        End::Says("done"),
    ]);
    let handler = AgentHandler::new(fake.clone());
    let (first, prompt, show) = pause(handler.call(&context(), step()).await);
    assert_eq!(prompt, "remove a?\nremove b?");
    assert_eq!(show["calls"][1]["id"], "b");
    // An answer that is none is asked for again, without the agent.
    let (again, prompt, _) = pause(handler.call(&answered(&first, json!("hm")), step()).await);
    assert!(
        prompt.contains("not understood") && prompt.ends_with("remove b?"),
        "{prompt}"
    );
    assert_eq!(
        (again.state.clone(), fake.requests.lock().len()),
        (first.state, 1)
    );
    let decision = json!({ "approved": true, "calls": { "b": false }, "reason": "b is mine" });
    let (third, prompt, _) = pause(handler.call(&answered(&again, decision), step()).await);
    assert_eq!(prompt, "remove c?");
    let given = fake.requests.lock()[1].resumes.clone().unwrap().1;
    assert_eq!(
        given,
        [Approval::approve("a"), Approval::deny("b", "b is mine")]
    );
    assert_eq!(
        output(handler.call(&answered(&third, json!(true)), step()).await)["text"],
        "done"
    );
}

#[tokio::test]
async fn a_turn_without_an_answer_is_a_failure() {
    let ends = [
        TurnOutcome::Budget,
        TurnOutcome::Refused,
        TurnOutcome::Truncated,
        TurnOutcome::Empty,
    ];
    for outcome in ends {
        let handler = AgentHandler::new(Fake::new([End::Ends(outcome.clone())]));
        let expected = (format!("the turn of the agent ended as {outcome}"), false);
        assert_eq!(failure(handler.call(&context(), step()).await), expected);
    }
    let handler = AgentHandler::new(Fake::new([End::Fails]));
    let expected = (
        "the turn of the agent failed: the orchestrator was shut down".to_owned(),
        false,
    );
    assert_eq!(failure(handler.call(&context(), step()).await), expected);
    for (input, expected) in [
        (
            json!({ "prompt": "a", "agent": "nobody" }),
            "unknown agent `nobody`",
        ),
        (json!({ "promt": "a" }), "unknown field `promt`"),
        (json!({}), "missing field `prompt`"),
    ] {
        let (message, _) = failure(handler.call(&context(), input).await);
        assert!(message.contains(expected), "{message}");
    }
}

/// Says everything back.
#[derive(Debug)]
struct Parrot;

impl Agent for Parrot {
    fn name(&self) -> &str {
        "parrot"
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        let session = SessionId::default();
        TurnStream::new(session.clone(), TurnId::generate(), async move |_| {
            Ok(says(session, &input.text()))
        })
    }
}

#[tokio::test]
async fn any_agent_has_plain_turns() {
    let handler = AgentHandler::new(PlainAgent::new(Parrot));
    assert_eq!(
        output(handler.call(&context(), step()).await)["text"],
        "Hello"
    );
    let (message, is_transient) = failure(
        handler
            .call(&context(), json!({ "prompt": "a", "mode": "plan" }))
            .await,
    );
    assert!(
        message.contains("`parrot` takes a prompt and no mode") && !is_transient,
        "{message}"
    );
}
