//! The two sides of a tool call.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::Extra;
use crate::{JsonMap, Part, ToolCallId};

/// Description of a tool: its name, what it is good for, what it takes and what it does to the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolSpec {
    /// The name by which models call it. Providers accept 1 to 64 ASCII letters, digits, `_` and `-`.
    pub name: String,
    /// Purpose of the tool and when to use it: all that a model has to choose by.
    pub description: String,
    /// The JSON Schema of its arguments, which must describe an object.
    pub input_schema: Value,
    /// Effect on the world.
    #[serde(default)]
    pub effect: Effect,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ToolSpec {
    /// A tool with these arguments. Its effect is [`Effect::Write`] until [`with_effect`](Self::with_effect) says
    /// otherwise.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        input_schema: Value,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            input_schema,
            effect: Effect::default(),
            extra: Extra::default(),
        }
    }

    /// Declares what the tool does to the world.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

/// Effect of a tool on the world, from harmless to grave. Declared by the tool, enforced by Victor.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes nothing: may be repeated, cached and run at any time.
    ReadOnly,
    /// Changes something, and a second run changes nothing more: may be retried.
    Idempotent,
    /// Changes something, each time anew. What is not declared counts as this.
    #[default]
    Write,
    /// Changes something that cannot be brought back.
    Destructive,
}

/// A model's wish to have a tool called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// The provider's name for the call, by which the result refers to it.
    pub id: ToolCallId,
    /// The tool that is meant; there may be none of that name.
    pub name: String,
    /// The arguments as the model wrote them: usually JSON, possibly not, and never reformatted.
    pub arguments: String,
    /// The same for every attempt at this call, also in another process, so that a tool can tell a repetition from a
    /// new call. Empty until the turn that received the call has set it; not sent to the provider.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub idempotency_key: String,
    /// The digest of what the call would have done when a person approved it. A tool that sees that it would do
    /// something else by now does nothing. Absent where no person was asked; not sent to the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ToolCall {
    /// A call with arguments in JSON text.
    pub fn new(
        id: impl Into<ToolCallId>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            idempotency_key: String::new(),
            evidence: None,
            extra: Extra::default(),
        }
    }

    /// The arguments as a JSON object. No text at all counts as an object without fields, as some providers send it.
    ///
    /// # Errors
    ///
    /// The arguments are not JSON, or JSON but not an object.
    pub fn parse_arguments(&self) -> Result<JsonMap, serde_json::Error> {
        if self.arguments.trim().is_empty() {
            return Ok(JsonMap::new());
        }
        serde_json::from_str(&self.arguments)
    }
}

/// Result of a tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolResult {
    /// The call that it answers.
    pub call_id: ToolCallId,
    /// The name under which the tool was called.
    pub name: String,
    /// Content for the model: text, pictures, documents.
    pub content: Vec<Part>,
    /// Whether it went well, and if not, in which way.
    pub outcome: ToolOutcome,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

crate::open_string_enum! {
    /// Outcome of a tool call.
    pub enum ToolOutcome {
        /// It did what it should.
        Success = "success",
        /// It failed, and its content says why.
        Error = "error",
        /// It was not run: no tool has that name, or the arguments do not fit.
        Rejected = "rejected",
        /// It was not run: a policy, a mode or a person said no.
        Denied = "denied",
        /// It took longer than it may; it may have had an effect.
        TimedOut = "timed_out",
        /// The turn was cancelled while it waited or ran; it may have had an effect.
        Cancelled = "cancelled",
        /// It had begun when the work was interrupted, and was not run again; it may have had its effect.
        Interrupted = "interrupted",
    }
}

impl ToolResult {
    /// The answer to `call`, in text.
    pub fn new(call: &ToolCall, outcome: ToolOutcome, text: impl Into<String>) -> Self {
        Self::with_parts(call, outcome, vec![Part::text(text)])
    }

    /// The answer to `call`, in parts.
    #[must_use]
    pub fn with_parts(call: &ToolCall, outcome: ToolOutcome, content: Vec<Part>) -> Self {
        Self {
            call_id: call.id.clone(),
            name: call.name.clone(),
            content,
            outcome,
            extra: Extra::default(),
        }
    }

    /// Whether the call did not do what it should.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.outcome != ToolOutcome::Success
    }

    /// The text of the content.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        text_of(&self.content)
    }
}

/// The text of the parts, without thoughts, calls and results; borrowed where there is just one, as there usually is.
#[must_use]
pub fn text_of(parts: &[Part]) -> Cow<'_, str> {
    let mut texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    let Some(first) = texts.next() else {
        return Cow::Borrowed("");
    };
    texts.fold(Cow::Borrowed(first), |mut joined, text| {
        joined.to_mut().push_str(text);
        joined
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_parse_or_say_why_not() {
        let parse = |arguments: &str| ToolCall::new("1", "t", arguments).parse_arguments();
        assert_eq!(parse("  ").unwrap(), JsonMap::new());
        assert_eq!(parse(r#"{"a":1}"#).unwrap()["a"], 1);
        assert!(parse(r#"{"a":"#).unwrap_err().is_eof());
        assert!(parse("[1]").unwrap_err().is_data());
    }

    #[test]
    fn an_undeclared_effect_is_a_write() {
        let spec: ToolSpec =
            serde_json::from_str(r#"{"name":"n","description":"d","input_schema":{}}"#).unwrap();
        assert_eq!(spec.effect, Effect::Write);
        assert!(Effect::ReadOnly < Effect::Idempotent && Effect::Write < Effect::Destructive);
    }
}
