//! The coordinator of metrics through its public API.

mod allocations;
mod background;
mod bounds;
mod events;
mod laws;

use victor_chat_protocol::{
    ChatResponse, ModelCallFinished, ToolCallFinished, TurnEvent, TurnEventKind, TurnFinished,
    TurnOutcome, TurnStarted,
};
use victor_core::{
    MessageId, SessionId, StopReason, ToolCall, ToolOutcome, ToolResult, TurnId, Usage,
};

/// An event of a session.
fn event(session: &str, kind: impl Into<TurnEventKind>) -> TurnEvent {
    TurnEvent::new(SessionId::new(session), TurnId::from_u128(1), 0, kind)
}

/// A tool call with a result, after so many microseconds.
fn tool_call(tool: &str, outcome: ToolOutcome, elapsed_us: u64) -> ToolCallFinished {
    let call = ToolCall::new("c", tool, "{}");
    ToolCallFinished::new(ToolResult::new(&call, outcome, "done")).with_elapsed_us(elapsed_us)
}

/// A model call of one second that wrote 90 tokens, the first after a tenth of it.
fn model_call() -> ModelCallFinished {
    let usage = Usage::new(10, 90);
    ModelCallFinished::new(1, "acme-1".into(), StopReason::EndTurn, usage)
        .with_elapsed_us(1_000_000)
        .with_first_token_us(Some(100_000))
}

/// The events of a turn.
fn turn(session: &str) -> [TurnEvent; 4] {
    let id = SessionId::new(session);
    let response = ChatResponse::ended(id, TurnId::from_u128(1), TurnOutcome::Completed);
    let finished = TurnFinished::new(Box::new(response)).with_elapsed_us(2_000_000);
    [
        event(session, TurnStarted::new(MessageId::from_u128(1))),
        event(session, model_call()),
        event(session, tool_call("read", ToolOutcome::Success, 500)),
        event(session, finished),
    ]
}
