//! State of an answer that must have a form.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use victor_chat_protocol::{OutputContract, TurnOutcome};
use victor_core::ToolCall;

use crate::Step;

/// An answer that must have a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) contract: OutputContract,
    /// Number of answers that gave it, or should have given it.
    pub(crate) attempts: u32,
    /// Value that the last answer gave for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) given: Option<String>,
}

impl Output {
    pub(crate) fn new(contract: OutputContract) -> Self {
        Self {
            contract,
            attempts: 0,
            given: None,
        }
    }

    /// An answer gave it, or should have given it.
    pub(crate) fn attempted(&mut self, given: Option<String>) {
        self.attempts += 1;
        self.given = given.map(|text| json_in(&text).to_owned());
    }

    /// Whether no attempt is left.
    pub(crate) fn is_used_up(&self) -> bool {
        self.attempts >= self.contract.max_attempts.max(1)
    }

    /// A wish to have a text checked.
    pub(crate) fn check(&self, text: &str) -> Step {
        Step::CheckOutput {
            contract: self.contract.clone(),
            text: text.to_owned(),
        }
    }

    /// Returns the given value, where the turn ended in a way that says what it is.
    pub(crate) fn given_at(&self, outcome: &TurnOutcome) -> Option<String> {
        use TurnOutcome::{Completed, InvalidOutput, ToolLimit};
        let is_told = matches!(outcome, Completed | ToolLimit | InvalidOutput);
        self.given.clone().filter(|_| is_told)
    }
}

/// Returns the answer that a call gives. Without arguments it is an object without fields, as for every tool.
pub(crate) fn given_by(call: &ToolCall) -> &str {
    match call.arguments.trim() {
        "" => "{}",
        arguments => arguments,
    }
}

/// Returns the message to a model whose answer does not have the form that was asked for.
pub(crate) fn not_taken(reason: &str) -> String {
    format!(
        "The answer was not taken: {reason}. Give it again, whole, as JSON that fits its schema."
    )
}

/// The JSON in a text: all of it, or a fenced block of it; all of it if there is none.
fn json_in(text: &str) -> &str {
    let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    let fenced = || {
        let (_, rest) = text.split_once("```")?;
        let (block, _) = rest.rsplit_once("```")?;
        let block = block.strip_prefix("json").unwrap_or(block).trim();
        is_json(block).then_some(block)
    };
    if is_json(text) {
        return text;
    }
    fenced().unwrap_or(text)
}
