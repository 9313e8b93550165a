//! An agent that does what a message tells it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;
use victor_chat_protocol::{
    Agent, ChatError, ChatInput, ChatResponse, EventSink, TurnOutcome, TurnStream,
};
use victor_core::{
    Message, Part, Role, SessionId, ToolCall, ToolOutcome, ToolResult, TurnId, Usage,
};
use victor_evaluation_protocol::{Dataset, EvalCase, EvaluationPlan};
use victor_provider_protocol::{NanoDollars, ProviderError, ProviderErrorKind};

/// Does one thing after the other, as the words of a message say; what it does not know, it answers.
#[derive(Debug, Default, Clone)]
pub(crate) struct Puppet {
    /// The number of messages.
    pub(crate) asked: Arc<AtomicUsize>,
    /// The number of turns that run, and the most that ran at once.
    pub(crate) at_once: Arc<Mutex<(usize, usize)>>,
    /// Calls that fail before they go well.
    pub(crate) failures: Arc<AtomicUsize>,
}

impl Puppet {
    /// A plan of cases with these messages, whose names are the messages; what stands behind `->` is expected.
    pub(crate) fn plan(&self, cases: &[&str]) -> EvaluationPlan {
        let cases = cases.iter().map(|case| {
            let (message, expected) = case.split_once(" -> ").unwrap_or((case, ""));
            let case = EvalCase::new(message, message);
            if expected.is_empty() {
                case
            } else {
                case.expect_text(expected)
            }
        });
        let dataset = Dataset::new("suite", cases.collect()).unwrap();
        let agent: Arc<dyn Agent> = Arc::new(self.clone());
        EvaluationPlan::new("run", dataset, move |_: &EvalCase| agent.clone())
    }
}

impl Agent for Puppet {
    fn name(&self) -> &str {
        "puppet"
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(input.text() != "panic early", "as you wish");
        let puppet = self.clone();
        TurnStream::new(
            SessionId::default(),
            TurnId::generate(),
            async move |events| {
                let at_once = puppet.at_once.clone();
                {
                    let mut at_once = at_once.lock().unwrap();
                    at_once.0 += 1;
                    at_once.1 = at_once.1.max(at_once.0);
                }
                let response = puppet.act(&input.text(), &events).await;
                at_once.lock().unwrap().0 -= 1;
                response
            },
        )
    }
}

impl Puppet {
    async fn act(&self, text: &str, events: &EventSink) -> Result<ChatResponse, ChatError> {
        let (session, turn) = (events.session().clone(), events.turn());
        let message = |text: &str| Arc::new(Message::assistant(text));
        let mut response = ChatResponse::new(session, turn, message(text));
        response.usage = Usage::new(10, 5);
        response.cost = Some(NanoDollars::from_nanos(1_000));
        let end = |outcome| {
            let mut ended = ChatResponse::ended(events.session().clone(), turn, outcome);
            ended.usage = Usage::new(10, 0);
            Ok(ended)
        };
        match text.split(' ').next().unwrap_or_default() {
            "fail" => return Err(ChatError::EmptyInput),
            "overloaded" if self.failures.fetch_sub(1, Ordering::Relaxed) > 0 => {
                let error =
                    ProviderError::new(ProviderErrorKind::Overloaded, "puppet", "it is busy");
                let turn =
                    victor_chat_protocol::SuspendedTurn::new(SessionId::default(), turn, ().into());
                return Err(ChatError::Provider {
                    source: Box::new(error.with_usage(Usage::new(10, 0))),
                    turn: Box::new(turn),
                });
            }
            "panic" => panic!("as you wish"),
            "hang" => {
                let _ = events.until_cancelled(std::future::pending::<()>()).await;
                return end(TurnOutcome::Cancelled);
            }
            "deaf" => std::future::pending().await,
            "slow" => sleep(Duration::from_secs(10)).await,
            "refuse" => return end(TurnOutcome::Refused),
            "broke" => return end(TurnOutcome::Budget),
            "ask" => return end(TurnOutcome::AwaitingApproval),
            "free" => response.cost = None,
            "call" => {
                let calls: Vec<_> = text.split(' ').skip(1).enumerate().collect();
                let parts = calls.iter().map(|(number, call)| {
                    let (name, arguments) = call.split_once('=').unwrap_or((call, "{}"));
                    Part::ToolCall(ToolCall::new(format!("call-{number}"), name, arguments))
                });
                let asked = Message::new(Role::Assistant, parts.collect());
                let results = asked
                    .tool_calls()
                    .map(|call| ToolResult::new(call, ToolOutcome::Success, "done"));
                let results = Message::tool_results_of(results.collect::<Vec<_>>());
                response.messages = vec![asked.into(), results.into(), message("done")];
            }
            _ => {}
        }
        Ok(response)
    }
}
