//! Observers of turns: what they are told, and what their failures do not affect.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Lock, ToolSpec, TraceContext};
use victor_orchestrator::chat::{
    ChatInput, ObservedTurn, TurnEvent, TurnEventKind, TurnObserver, TurnOpening, model_call_trace,
};
use victor_orchestrator::provider::{LedgerEntry, LedgerObserver};
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};
use victor_testkit::ScriptedModel;

use crate::builder;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Writes down what it is told, one line each, beginning with the name of the agent.
#[derive(Debug, Clone, Default)]
struct Log {
    lines: Arc<Lock<Vec<String>>>,
    /// The word in a line at which it panics.
    panics_at: Option<&'static str>,
}

impl Log {
    fn note(&self, line: String) {
        let panics = self.panics_at.is_some_and(|word| line.contains(word));
        self.lines.lock().push(line);
        assert!(!panics, "an observer that fails");
    }
}

impl LedgerObserver for Log {
    fn attempt_begun(&self, entry: &LedgerEntry) {
        self.note(format!("attempt {} begins", entry.model));
    }

    fn attempt_ended(&self, entry: &LedgerEntry) {
        self.note(format!(
            "attempt ends: {}, {}",
            entry.outcome, entry.usage.output
        ));
    }
}

impl TurnObserver for Log {
    fn begin(&self, turn: &TurnOpening<'_>) -> Option<Box<dyn ObservedTurn>> {
        let agent = turn.agent.unwrap_or("main").to_owned();
        let user = turn
            .facts
            .and_then(|facts| facts.get("user")?.as_str())
            .unwrap_or("nobody");
        self.note(format!("{agent} begins for {user} {:?}", turn.tags));
        let trace = turn.trace.cloned().map(|caller| caller.child("turn"));
        let (log, trace) = (self.clone(), trace.unwrap_or_else(TraceContext::generate));
        Some(Box::new(Watch { agent, log, trace }))
    }
}

#[derive(Debug)]
struct Watch {
    agent: String,
    log: Log,
    trace: TraceContext,
}

impl ObservedTurn for Watch {
    fn trace(&self) -> Option<TraceContext> {
        Some(self.trace.clone())
    }

    fn event(&mut self, event: &TurnEvent) {
        self.log
            .note(format!("{} {}", self.agent, event.kind.kind()));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.log
            .lines
            .lock()
            .push(format!("{} is let go of", self.agent));
    }
}

/// Remembers where its calls are in the trace.
#[derive(Debug)]
struct Traced(ToolSpec, Arc<Lock<Vec<(String, TraceContext)>>>);

#[async_trait]
impl Tool for Traced {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, cx: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        let trace = cx.trace.clone().unwrap();
        self.1.lock().push((cx.idempotency_key.clone(), trace));
        Ok("ok".into())
    }
}

#[tokio::test]
async fn observers_hear_of_turns_attempts_and_nested_agents_in_order() {
    let log = Log::default();
    let places = Arc::<Lock<Vec<_>>>::default();
    let tool = Traced(
        ToolSpec::new("look", "Looks", json!({"type": "object"})),
        places.clone(),
    );
    let inner = ScriptedModel::new().calls("look", json!({})).says("inner");
    let (inner, agent) = builder(inner);
    let outer = ScriptedModel::new()
        .calls("helper", json!({"task": "help"}))
        .says("outer done");
    let (outer, orchestrator) = builder(outer);
    let orchestrator = orchestrator.agent_tool("helper", "Helps", agent.tool(tool));
    let orchestrator = orchestrator.turn_observer(log.clone()).build().unwrap();
    let session = orchestrator.session("s").with_tag("acme");
    let caller = TraceContext::parse(CALLER).unwrap().with_state("a=1");
    let input = ChatInput::from("hi")
        .with("user", "ada")
        .with_trace(caller.clone());
    session.chat(input).await.unwrap();

    let lines = log.lines.lock().clone();
    let starts = |begin: &str| lines.iter().position(|line| line.starts_with(begin));
    assert_eq!(lines[0], r#"main begins for ada ["acme"]"#);
    assert!(starts("main tool_call_started") < starts("helper begins for nobody []"));
    assert!(starts("helper is let go of") < starts("main tool_call_finished"));
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("attempt ends: answered"))
            .count(),
        4
    );
    assert!(
        starts("attempt scripted") > starts("main model_call_started"),
        "{lines:#?}"
    );
    assert_eq!(
        lines[lines.len() - 2..],
        ["main turn_finished", "main is let go of"]
    );

    // The calls of tools and models are below the turn, which is below its caller.
    let turn = caller.child("turn");
    let request = &outer.requests()[1];
    assert_eq!(request.trace, Some(model_call_trace(&turn, 2)));
    assert_eq!(request.trace.as_ref().unwrap().state(), Some("a=1"));
    let key = format!("{}/1/0", request.turn.unwrap());
    let nested = turn.child(&key).child("turn");
    assert_eq!(
        inner.requests()[0].trace,
        Some(model_call_trace(&nested, 1)),
        "{key}"
    );
    let (key, place) = places.lock()[0].clone();
    assert_eq!(place, nested.child(&key));
}

#[tokio::test]
async fn a_failing_observer_affects_neither_the_turn_nor_others() {
    for panics_at in [
        "begins for",
        "attempt scripted",
        "attempt ends",
        "model_call_started",
        "turn_finished",
    ] {
        let (failing, log) = (
            Log {
                panics_at: Some(panics_at),
                ..Log::default()
            },
            Log::default(),
        );
        let (_, builder) = builder(ScriptedModel::new().says("Hello!"));
        let builder = builder
            .turn_observer(failing.clone())
            .turn_observer(log.clone());
        let orchestrator = builder.build().unwrap();
        assert_eq!(orchestrator.chat("hi").await.unwrap().content(), "Hello!");
        assert!(
            failing
                .lines
                .lock()
                .iter()
                .any(|line| line.contains(panics_at))
        );
        let lines = log.lines.lock();
        assert!(
            lines.contains(&"main turn_finished".to_owned()),
            "{panics_at}: {lines:?}"
        );
    }
}

#[tokio::test]
async fn a_turn_that_is_dropped_lets_go_of_its_observer_after_its_attempt() {
    let log = Log::default();
    let (_, builder) = builder(ScriptedModel::new().says("one two three"));
    let orchestrator = builder.turn_observer(log.clone()).build().unwrap();
    let mut turn = orchestrator.stream_chat("hi");
    while let Some(event) = turn.next().await {
        if matches!(event.unwrap().kind, TurnEventKind::TextDelta(_)) {
            break;
        }
    }
    drop(turn);
    let lines = log.lines.lock();
    let [.., attempt, end] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert!(attempt.starts_with("attempt ends: cancelled"), "{lines:?}");
    assert_eq!(end, "main is let go of");
}
