//! Signals: what somebody outside sends to a run.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::wire::Extra;

use crate::StepPath;

/// Something that somebody outside sends to a run: an answer, an event, a request to end.
///
/// It may come before the run waits for it, also while no process works on the run; it is kept until it is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Signal {
    /// The idempotency key: a run takes one signal of each. Of several answers to one question the first counts, since
    /// they have the same key.
    pub key: String,
    /// The addressee.
    pub to: SignalTarget,
    /// The answer, the payload of the event or the reason.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
    /// The name of the sender, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The addressee of a signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignalTarget {
    /// A question of a step.
    Answer {
        /// The step.
        step: StepPath,
        /// The number of the wait within the step.
        epoch: u32,
    },
    /// Steps that wait for an event of this name. Each event is taken by one of them.
    Event {
        /// The name.
        name: String,
    },
    /// The run: it is to end, and to undo what it has done.
    Cancel,
}

impl Signal {
    /// Creates a signal.
    fn new(key: String, to: SignalTarget, payload: Value) -> Self {
        Self {
            key,
            to,
            payload,
            by: None,
            extra: Extra::default(),
        }
    }

    /// Creates the answer to a question of a step.
    #[must_use]
    pub fn answer(step: impl Into<StepPath>, epoch: u32, answer: impl Into<Value>) -> Self {
        let step = step.into();
        let key = format!("answer {step} {epoch}");
        Self::new(key, SignalTarget::Answer { step, epoch }, answer.into())
    }

    /// Creates an event. Two of the same key are one.
    pub fn event(name: impl Into<String>, key: impl AsRef<str>, payload: impl Into<Value>) -> Self {
        let name = name.into();
        let key = format!("event {name} {}", key.as_ref());
        Self::new(key, SignalTarget::Event { name }, payload.into())
    }

    /// Creates a request to end, with the reason.
    pub fn cancel(reason: impl Into<String>) -> Self {
        Self::new("cancel".into(), SignalTarget::Cancel, reason.into().into())
    }

    /// Names the sender.
    #[must_use]
    pub fn with_sender(mut self, name: impl Into<String>) -> Self {
        self.by = Some(name.into());
        self
    }
}
