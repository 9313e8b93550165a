//! The question that a person is asked about a call.

use serde_json::Value;
use victor_core::Effect;
use victor_text::{json_escaped, one_line, shortened};
use victor_tool_protocol::ApprovalRequest;

use crate::arguments;

/// Describes the effect of a tool, in a sentence about it.
pub(crate) fn does(effect: Effect) -> &'static str {
    match effect {
        Effect::ReadOnly => "only reads",
        Effect::Idempotent | Effect::Write => "changes something",
        Effect::Destructive => "may change something that cannot be brought back",
    }
}

/// The longest arguments that a question shows whole, in characters.
const SHOWN_ARGUMENTS: usize = 400;

/// Writes the question to a person about a call. Its arguments are those that the tool will see; where they are long,
/// the question says how much of them it leaves out.
pub(crate) fn question(request: &ApprovalRequest) -> String {
    let ApprovalRequest { call, spec, .. } = request;
    let shown = match arguments::parse(call, spec) {
        Ok(arguments) => json_escaped(&Value::Object(arguments).to_string()).into_owned(),
        // The executor has read them before.
        Err(_) => one_line(&call.arguments),
    };
    format!(
        "run `{}`, which {}, with {}?",
        spec.name,
        does(spec.effect),
        shortened(&shown, SHOWN_ARGUMENTS)
    )
}
