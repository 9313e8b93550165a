use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use victor_chat_protocol::{
    Approval, ApprovalRequested, ChatResponse, ContextCompacted, ModeSwitched, ModelCallFinished,
    ModelCallStarted, OutputContract, PendingApproval, PromptUsed, SuspendedTurn, TextWithdrawn,
    TooLong, ToolCallFinished, ToolCallProgressed, ToolCallStarted, TurnEvent, TurnEventKind,
    TurnFailed, TurnFinished, TurnLimits, TurnOutcome, TurnStarted,
};
use victor_core::{
    Message, MessageId, ModelId, Part, Role, SessionId, StopReason, Timestamp, ToolCall,
    ToolOutcome, ToolResult, TurnId, Usage,
};
use victor_prompt_protocol::PromptVersion;
use victor_provider_protocol::{
    NanoDollars, ProviderError, ProviderErrorKind, Refusal, ResponseFormat, RetryNotice, WaitNotice,
};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};
use victor_tool_protocol::ApprovalScope;

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const TURN: TurnId = TurnId::from_u128(1);

/// The only objects that never have a field of a later version: durations are serde's.
const CLOSED: &[&str] = &["delay", "expected"];

fn session() -> SessionId {
    SessionId::new("docs-456")
}

fn call() -> ToolCall {
    ToolCall::new("call_1", "write_file", r#"{"path": "a.txt"}"#)
}

fn suspended() -> SuspendedTurn {
    let mut turn = SuspendedTurn::new(session(), TURN, json!({ "phase": "approving" }));
    turn.last_message = Some(TURN.message_id(1));
    turn.usage = Usage::new(3, 4);
    turn.approvals = vec![PendingApproval::new(call(), "write a.txt?")];
    turn
}

fn response() -> ChatResponse {
    let user = Message::with_id(TURN.message_id(0), Role::User, vec![Part::text("Hi")]);
    let answer = Message::with_id(
        TURN.message_id(1),
        Role::Assistant,
        vec![Part::ToolCall(call())],
    );
    let mut response = ChatResponse::ended(session(), TURN, TurnOutcome::AwaitingApproval);
    response.messages = vec![Arc::new(user), Arc::new(answer)];
    response.usage = Usage::new(3, 4);
    response.model_calls = 1;
    response.stop_reason = Some(StopReason::ToolUse);
    response.model = Some("claude-sonnet-4-5".into());
    response.suspended = Some(Box::new(suspended()));
    response
}

/// An event of every kind.
fn events() -> Vec<TurnEvent> {
    let model = ModelId::new("claude-sonnet-4-5");
    let retry = RetryNotice::new(
        1,
        ProviderErrorKind::Overloaded,
        "busy",
        Duration::from_millis(1500),
    )
    .with_targets("main".into(), Some("spare".into()))
    .with_withdrawn(true);
    let kinds: Vec<TurnEventKind> = vec![
        TurnStarted::new(MessageId::from_u128(2))
            .with_resumed(true)
            .into(),
        PromptUsed::new(vec![
            PromptVersion::new("review", "7").with_label("production"),
        ])
        .into(),
        ContextCompacted::new("truncate".into(), 9, 4, 900, 400).into(),
        ModelCallStarted::new(1).into(),
        WaitNotice::new("main", Duration::from_secs(2)).into(),
        retry.into(),
        TurnEventKind::text("Hello"),
        TurnEventKind::thinking("Hm"),
        TextWithdrawn::new(1).into(),
        ModelCallFinished::new(1, model, StopReason::ToolUse, Usage::new(3, 4))
            .with_context_tokens(Some(2))
            .with_elapsed_us(1_250)
            .with_first_token_us(Some(300))
            .with_queued_us(100)
            .into(),
        ToolCallStarted::new(call()).into(),
        ToolCallProgressed::new(call().id, "half of it".into()).into(),
        ToolCallFinished::new(ToolResult::new(&call(), ToolOutcome::Success, "done"))
            .with_elapsed_us(12)
            .into(),
        ApprovalRequested::new(suspended().approvals).into(),
        ModeSwitched::new("build".into(), "plan".into(), "person".into()).into(),
        TurnEventKind::notice("analytics", "the exporter fails"),
        TurnFinished::new(Box::new(response()))
            .with_elapsed_us(2_000)
            .into(),
        TurnFailed::new("out of cheese".into(), Usage::new(1, 0))
            .with_class("rate_limit".into())
            .with_coordinator("provider".into())
            .with_elapsed_us(2_000)
            .into(),
    ];
    let tags: Vec<&str> = kinds.iter().map(TurnEventKind::kind).collect();
    assert_eq!(
        tags,
        TurnEventKind::KINDS,
        "the golden file has every event"
    );
    let event = |(sequence, kind)| {
        let mut event = TurnEvent::new(session(), TURN, sequence, kind);
        event.at = Timestamp::UNIX_EPOCH;
        event
    };
    (0..).zip(kinds).map(event).collect()
}

#[test]
fn logs_keep_nothing_of_the_conversation() {
    let logged: Vec<Value> = events()
        .iter()
        .map(|event| json!({ event.kind.kind(): serde_json::to_value(event.redacted()).unwrap() }))
        .collect();
    check_golden(HERE, "redacted_events", &logged);
    for (event, logged) in events().iter().zip(&logged) {
        let later = serde_json::to_value(event.to_redacted()).unwrap();
        assert_eq!(json!({ event.kind.kind(): later }), *logged);
    }
    let text = serde_json::to_string(&logged).unwrap();
    for said in ["Hello", "Hm", "done", "a.txt", "half of it", "docs-456"] {
        assert!(!text.contains(said), "{said}: {text}");
    }
}

#[test]
fn suspended_turn() {
    check_golden(HERE, "suspended_turn", &suspended());
    check_unknown_fields("suspended_turn", &suspended(), CLOSED);
}

#[test]
fn chat_response() {
    check_golden(HERE, "chat_response", &response());
    check_unknown_fields("chat_response", &response(), CLOSED);
}

#[test]
fn typed_response() {
    let mut response = response();
    response.suspended = None;
    response.outcome = TurnOutcome::InvalidOutput;
    response.output = Some(r#"{"population": "many"}"#.into());
    check_golden(HERE, "typed_response", &response);
    assert_eq!(response.content(), r#"{"population": "many"}"#);
}

#[test]
fn a_turn_over_budget() {
    let mut response = response();
    response.outcome = TurnOutcome::Budget;
    response.cost = Some(NanoDollars::from_nanos(1_250_000));
    check_golden(HERE, "budget_response", &response);
    check_unknown_fields("budget_response", &response, CLOSED);
}

#[test]
fn refused_response() {
    let mut response = response();
    response.suspended = None;
    response.outcome = TurnOutcome::Refused;
    response.stop_reason = Some(StopReason::Refusal);
    let mut refusal = Refusal::default();
    refusal.category = Some("cyber".into());
    refusal.explanation = Some("It could do harm.".into());
    refusal.recommended_model = Some("claude-opus-4-7".into());
    response.refusal = Some(Box::new(refusal));
    check_golden(HERE, "refused_response", &response);
    check_unknown_fields("refused_response", &response, CLOSED);
}

#[test]
fn too_long() {
    let kind = ProviderErrorKind::ContextTooLong;
    let error = ProviderError::new(kind, "llama", "too many").with_overflow(Some(1024), Some(9000));
    check_golden(HERE, "too_long", &TooLong::from(&error));
    check_unknown_fields("too_long", &TooLong::from(&error), CLOSED);
}

#[test]
fn output_contract() {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let contract = OutputContract::new(ResponseFormat::new("final_answer", schema));
    check_golden(HERE, "output_contract", &contract);
}

#[test]
fn turn_events() {
    check_golden(HERE, "turn_events", &events());
    check_unknown_fields("turn_events", &events(), CLOSED);
}

#[test]
fn every_kind_of_event_is_among_them() {
    let events = events();
    let mut kinds: Vec<_> = events.iter().map(|event| event.kind.kind()).collect();
    kinds.dedup();
    assert_eq!(kinds.len(), 18);
    let deltas = events.iter().filter(|event| event.kind.is_delta());
    assert_eq!(
        deltas.map(TurnEvent::content).collect::<Vec<_>>(),
        ["Hello", ""]
    );
}

#[test]
fn approvals() {
    let approvals = vec![
        Approval::approve("call_1"),
        Approval::deny("call_2", "not today"),
        Approval::approve_for("call_3", ApprovalScope::Arguments),
        Approval::approve_for("call_4", ApprovalScope::Tool),
    ];
    check_golden(HERE, "approvals", &approvals);
    assert_eq!(approvals[1].call().as_str(), "call_2");
    // A decision that is not known must not be taken for one.
    check_refused::<Approval>(
        &json!({ "decision": "perhaps", "call": "call_1" }),
        "unknown variant `perhaps`",
    );
}

#[test]
fn turn_limits() {
    check_golden(HERE, "turn_limits", &TurnLimits::default());
    let limits: TurnLimits = serde_json::from_value(json!({ "max_pauses": 1 })).unwrap();
    assert_eq!((limits.max_pauses, limits.max_tool_iterations), (1, 20));
}

fn event(kind: Value) -> Value {
    let mut event = json!({
        "version": 1, "session": "s", "turn": TURN.to_string(), "sequence": 0, "at": "1970-01-01T00:00:00Z",
    });
    let (Value::Object(event_map), Value::Object(kind)) = (&mut event, kind) else {
        panic!("both are objects")
    };
    event_map.extend(kind);
    event
}

#[test]
fn unknown_variants_survive() {
    let later = event(json!({ "event": "tool_progress", "done": 0.5, "call": { "id": "1" } }));
    check_survives::<TurnEvent>(&later);
    let read: TurnEvent = serde_json::from_value(later).unwrap();
    assert_eq!((read.kind.kind(), read.content()), ("tool_progress", ""));

    let mut response = serde_json::to_value(response()).unwrap();
    response["outcome"] = "postponed".into();
    response["stop_reason"] = "solar_flare".into();
    response["messages"][0]["role"] = "critic".into();
    response["messages"][0]["parts"][0] = json!({ "type": "video", "frames": [1] });
    check_survives::<ChatResponse>(&response);
    check_survives::<TurnEvent>(&event(
        json!({ "event": "turn_finished", "response": response }),
    ));
    for word in [
        "completed",
        "tool_limit",
        "truncated",
        "budget",
        "refused",
        "invalid_output",
        "empty",
        "awaiting_approval",
        "merged",
        "cancelled",
        "later",
    ] {
        check_survives::<TurnOutcome>(&json!(word));
    }
    assert_eq!(TurnOutcome::from("tool_limit"), TurnOutcome::ToolLimit);
}

#[test]
fn a_known_event_with_a_body_that_does_not_fit_is_an_error() {
    check_refused::<TurnEvent>(
        &event(json!({ "event": "text_delta" })),
        "in `text_delta`: missing field `text`",
    );
    check_refused::<TurnEvent>(
        &event(json!({ "event": "model_call_started", "number": "one" })),
        "in `model_call_started`: invalid type",
    );
    check_refused::<TurnEvent>(&event(json!({})), "missing field `event`");
    let later = json!({ "event": "turn_finished", "response": { "version": 2 } });
    check_refused::<TurnEvent>(&event(later), "use a later version of Victor");
}
