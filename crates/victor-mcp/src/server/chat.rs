//! The tool `chat`.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject};
use serde_json::{Value, json};
use victor_chat_protocol::{Agent, ChatResponse, TurnOutcome};
use victor_core::{Effect, SessionId, ToolSpec};

use super::{Chat, McpServer};

/// The name of the tool.
pub(super) const CHAT: &str = "chat";

/// The most bytes of a session's name.
const MAX_SESSION: usize = 128;

/// Returns the spec of the tool, if the server has an agent.
pub(super) fn spec(server: &McpServer) -> Option<ToolSpec> {
    let mut properties = json!({
        "message": { "type": "string", "minLength": 1, "description": "What to say or ask" },
    });
    let description = match &server.chat {
        Chat::None => return None,
        Chat::One(agent) => format!(
            "Sends a message to the agent `{}` and returns its answer. It remembers the conversation.",
            agent.name()
        ),
        Chat::BySession(_) => {
            properties["session"] = json!({
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_SESSION,
                "description": format!(
                    "The conversation to begin or to go on with. Default: `{}`",
                    server.session
                ),
            });
            "Sends a message to the agent and returns its answer. Each session is a conversation that it remembers."
                .to_owned()
        }
    };
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": ["message"],
        "additionalProperties": false,
    });
    // What the agent does with its tools is not known here.
    Some(ToolSpec::new(CHAT, description, schema).with_effect(Effect::Write))
}

/// Reads the arguments: the agent of the session, and the message.
pub(super) fn arguments(
    chat: &Chat,
    default: &SessionId,
    mut arguments: JsonObject,
) -> Result<(Arc<dyn Agent>, String), ErrorData> {
    let mut text = |key: &str| match arguments.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
        Some(_) => Err(invalid(format!("`{key}` must be a non-empty string"))),
    };
    let message = text("message")?.ok_or_else(|| invalid("`message` is missing"))?;
    let agent = match chat {
        Chat::None => return Err(invalid("there is no tool `chat`")),
        Chat::One(agent) => Arc::clone(agent),
        Chat::BySession(of_session) => match text("session")? {
            Some(name) if name.len() > MAX_SESSION => {
                return Err(invalid(format!(
                    "`session` must have at most {MAX_SESSION} bytes"
                )));
            }
            Some(name) => of_session(&SessionId::from(name)),
            None => of_session(default),
        },
    };
    match arguments.keys().next() {
        Some(key) => Err(invalid(format!("`{key}` is not an argument of `chat`"))),
        None => Ok((agent, message)),
    }
}

fn invalid(message: impl Into<String>) -> ErrorData {
    ErrorData::invalid_params(message.into(), None)
}

/// Returns the answer, with a note if the turn did not complete.
pub(super) fn result(response: &ChatResponse) -> CallToolResult {
    let mut content = vec![ContentBlock::text(response.content())];
    let (is_error, note) = match &response.outcome {
        TurnOutcome::Completed => (false, None),
        TurnOutcome::ToolLimit => (false, Some("the allowance of tool calls was used up")),
        TurnOutcome::Truncated => (false, Some("the answer was cut at the model's limit")),
        TurnOutcome::Budget => (true, Some("a budget is used up, so the turn ended early")),
        TurnOutcome::Refused => (true, Some("the model declined to answer")),
        TurnOutcome::Empty => (true, Some("the model answered with nothing")),
        TurnOutcome::AwaitingApproval => (
            true,
            Some("a person must approve tool calls first, which cannot be done here"),
        ),
        _ => (true, Some("the turn did not come to its end")),
    };
    content.extend(note.map(|note| ContentBlock::text(format!("[{note}]"))));
    content.retain(|block| block.as_text().is_none_or(|text| !text.text.is_empty()));
    if is_error {
        CallToolResult::error(content)
    } else {
        CallToolResult::success(content)
    }
}
