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

/// How many bytes the name of a session may have.
const MAX_SESSION: usize = 128;

/// What the tool is, where there is somebody to chat with.
pub(super) fn spec(server: &McpServer) -> Option<ToolSpec> {
    let mut properties = json!({
        "message": { "type": "string", "minLength": 1, "description": "What to say or ask" },
    });
    let description = match &server.chat {
        Chat::Nobody => return None,
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

/// Who is meant, and what is said.
pub(super) fn arguments(
    chat: &Chat,
    default: &SessionId,
    mut arguments: JsonObject,
) -> Result<(Arc<dyn Agent>, String), ErrorData> {
    let mut text = |key: &str| match arguments.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
        Some(_) => Err(invalid(format!("`{key}` must be a text that is not empty"))),
    };
    let message = text("message")?.ok_or_else(|| invalid("`message` is missing"))?;
    let agent = match chat {
        Chat::Nobody => return Err(invalid("there is no tool `chat`")),
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
        Some(key) => Err(invalid(format!("`{key}` is no argument of `chat`"))),
        None => Ok((agent, message)),
    }
}

fn invalid(message: impl Into<String>) -> ErrorData {
    ErrorData::invalid_params(message.into(), None)
}

/// The answer, with how the turn ended where that is not how it should.
pub(super) fn result(response: &ChatResponse) -> CallToolResult {
    let mut content = vec![ContentBlock::text(response.content())];
    let (is_error, note) = match &response.outcome {
        TurnOutcome::Completed => (false, None),
        TurnOutcome::ToolLimit => (false, Some("the allowance of tool calls was used up")),
        TurnOutcome::Truncated => (false, Some("the answer was cut at the model's limit")),
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
