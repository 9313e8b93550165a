//! The tool from outside: what a search finds, how messages are read, and what holds when the store does not.

mod messages;
mod search;
mod store;

use std::sync::Arc;

use serde_json::Value;
use victor_core::{
    Message, MessageId, Part, Role, SessionId, ToolCall, ToolCallId, ToolOutcome, ToolResult,
    TurnId, text_of,
};
use victor_recall::RecallTool;
use victor_session_protocol::{InMemorySessionStore, SessionStore, TranscriptEntry};
use victor_tool_protocol::{Tool, ToolContext, ToolError};

/// The turn in which the tool is called.
const TURN: TurnId = TurnId::from_u128(0x1000);

/// A session whose messages were all written at the same time, by an earlier turn.
async fn write(store: &InMemorySessionStore, session: &str, messages: &[Message]) {
    let earlier = TurnId::from_u128(1);
    write_by(earlier, store, session, messages).await;
}

async fn write_by(turn: TurnId, store: &InMemorySessionStore, session: &str, messages: &[Message]) {
    let entries: Vec<_> = messages
        .iter()
        .map(|message| {
            let mut entry = TranscriptEntry::new(Some(turn), message.clone());
            entry.at = "2026-05-04T09:30:00Z".parse().unwrap();
            entry
        })
        .collect();
    let session = SessionId::new(session);
    let info = store.info(&session).await.unwrap();
    let length = info.map_or(0, |info| info.entries);
    store.append(&session, length, &entries).await.unwrap();
}

async fn tool(messages: &[Message]) -> (Arc<InMemorySessionStore>, RecallTool) {
    let store = Arc::new(InMemorySessionStore::default());
    write(&store, "s", messages).await;
    (store.clone(), RecallTool::new(store))
}

async fn call(tool: &RecallTool, session: &str, arguments: Value) -> Result<String, ToolError> {
    let cx = ToolContext::new(SessionId::new(session), TURN, ToolCallId::new("1"), "key");
    let output = tool.call(&cx, arguments).await?;
    Ok(text_of(&output.content).into_owned())
}

/// What the tool says in session `s`, also when it fails.
async fn said(tool: &RecallTool, arguments: Value) -> String {
    let said = call(tool, "s", arguments).await;
    said.unwrap_or_else(|error| victor_core::with_causes(&error))
}

fn called(tool: &str, arguments: &str) -> Message {
    let call = ToolCall::new("c", tool, arguments);
    Message::new(Role::Assistant, vec![Part::ToolCall(call)])
}

fn returned(tool: &str, outcome: ToolOutcome, text: &str) -> Message {
    let call = ToolCall::new("c", tool, "{}");
    Message::tool_results_of([ToolResult::new(&call, outcome, text)])
}

fn named(number: u128, text: &str) -> Message {
    Message::with_id(
        MessageId::from_u128(number),
        Role::User,
        vec![Part::text(text)],
    )
}
