//! Answers of people to questions about tool calls.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use victor_chat_protocol::{Approval, PendingApproval};

/// The reason that the model is told where the person gave none.
const NO_REASON: &str = "the person has not approved it";

/// The decision of a person.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    pub(crate) approved: bool,
    #[serde(default, alias = "text")]
    reason: Option<String>,
    /// Decisions about single calls, by their identifiers.
    #[serde(default)]
    calls: BTreeMap<String, bool>,
}

impl Decision {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// It is no decision; the message is for the person.
    pub(crate) fn read(answer: &Value) -> Result<Self, String> {
        if let Value::Bool(approved) = answer {
            return Ok(Self {
                approved: *approved,
                reason: None,
                calls: BTreeMap::new(),
            });
        }
        Self::deserialize(answer).map_err(|error| {
            format!("the answer was not understood ({error}): answer with {{\"approved\": true}} or {{\"approved\": false}}")
        })
    }

    pub(crate) fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or(NO_REASON)
    }

    /// The decisions about calls that wait.
    pub(crate) fn about(&self, calls: &[PendingApproval]) -> Vec<Approval> {
        let decide = |pending: &PendingApproval| {
            let id = &pending.call.id;
            match self.calls.get(id.as_str()).unwrap_or(&self.approved) {
                true => Approval::approve(id.clone()),
                false => Approval::deny(id.clone(), self.reason()),
            }
        };
        calls.iter().map(decide).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use victor_core::ToolCall;

    use super::*;

    #[test]
    fn an_answer_is_a_decision_or_asked_for_again() {
        for (answer, expected) in [
            (json!(true), Some(true)),
            (json!({ "approved": false, "reason": "no" }), Some(false)),
            (json!("yes"), None),
            (json!(null), None),
            (json!({ "approve": true }), None),
            (json!({ "approved": true, "call": {} }), None),
        ] {
            let decision = Decision::read(&answer);
            assert_eq!(
                decision.map(|found| found.approved).ok(),
                expected,
                "{answer}"
            );
        }
    }

    #[test]
    fn single_calls_are_decided_about() {
        let calls = ["a", "b"].map(|id| PendingApproval::new(ToolCall::new(id, "rm", "{}"), "rm?"));
        let decision =
            Decision::read(&json!({ "approved": false, "calls": { "b": true } })).unwrap();
        let expected = [Approval::deny("a", NO_REASON), Approval::approve("b")];
        assert_eq!(decision.about(&calls), expected);
    }
}
