//! Messages and results, in the form of the conventions' JSON schemas.

use serde_json::{Value, json};
use victor_core::{Message, Part, text_of};

/// Most bytes of a text that is recorded. The rest is left out, and the text says so.
const MAX_TEXT: usize = 64 * 1024;

/// Returns a message for `gen_ai.input.messages` or `gen_ai.output.messages`.
pub(crate) fn message(role: &str, parts: &[Part], finish_reason: Option<&str>) -> String {
    let parts: Vec<_> = parts.iter().filter_map(part).collect();
    let mut message = json!({ "role": role, "parts": parts });
    if let Some(reason) = finish_reason {
        message["finish_reason"] = reason.into();
    }
    json!([message]).to_string()
}

/// Returns a message of the user.
pub(crate) fn input(input: &Message) -> String {
    message("user", input.parts(), None)
}

/// Returns a result of a tool: the object that it is in JSON, or else its text.
pub(crate) fn result(parts: &[Part]) -> String {
    cut(&text_of(parts))
}

/// Cuts a text at the limit.
pub(crate) fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(MAX_TEXT)];
    format!(
        "{kept}\n[{} more bytes are left out]",
        text.len() - kept.len()
    )
}

fn part(part: &Part) -> Option<Value> {
    Some(match part {
        Part::Text(text) => json!({ "type": "text", "content": cut(&text.text) }),
        Part::Thinking(thinking) => json!({ "type": "reasoning", "content": cut(&thinking.text) }),
        Part::ToolCall(call) => {
            let arguments = serde_json::from_str(&call.arguments);
            let arguments = arguments.unwrap_or_else(|_| Value::from(cut(&call.arguments)));
            json!({ "type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments })
        }
        Part::ToolResult(result) => {
            json!({ "type": "tool_call_response", "id": result.call_id, "response": self::result(&result.content) })
        }
        // Pictures and documents are large, and the conventions want them kept elsewhere.
        _ => return None,
    })
}
