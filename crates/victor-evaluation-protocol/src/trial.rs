//! Trials: what came of one attempt at a case.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::{Timestamp, ToolOutcome, Usage};
use victor_provider_protocol::NanoDollars;

/// One attempt at a case, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// The case.
    pub case: String,
    /// The number of the repetition, from 1.
    pub repeat: u32,
    /// The number of attempts that it took: more than 1 after an error that may pass.
    pub attempts: u32,
    /// The way in which it ended.
    pub state: TrialState,
    /// The reason of a state that is not [`Completed`](TrialState::Completed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The turns that ended, and the one that did not with what there is of it.
    pub turns: Vec<TrialTurn>,
    /// Contents of the files that the case names, after the last turn.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Option<String>>,
    /// State of the environment after the last turn, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_after: Option<Value>,
    /// The time at which it began.
    pub started: Timestamp,
    /// The time that the agent took, without the wait for a place, in whole microseconds.
    #[serde(with = "micros", rename = "duration_us")]
    pub duration: Duration,
    /// Usage of all attempts.
    pub usage: Usage,
    /// Cost of all attempts; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<NanoDollars>,
}

/// A turn of a trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialTurn {
    /// The message that was sent.
    pub input: String,
    /// The answer.
    pub content: String,
    /// The tool calls, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ObservedCall>,
}

/// A tool call that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObservedCall {
    /// The name of the tool.
    pub name: String,
    /// The arguments; a string where they are no JSON.
    pub arguments: Value,
    /// The outcome, if there is a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ToolOutcome>,
    /// The text of the result.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

victor_core::open_string_enum! {
    /// The way in which a trial ended. None of them is a score.
    pub enum TrialState {
        /// The agent answered every message.
        Completed = "completed",
        /// The model, or a filter behind it, declined.
        Refused = "refused",
        /// The agent failed.
        Failed = "failed",
        /// The agent panicked.
        Panicked = "panicked",
        /// The agent took longer than the limit of a case.
        TimedOut = "timed_out",
        /// The budget of the case or of the run was reached.
        OverBudget = "over_budget",
        /// The agent stopped before it had answered: it waits for an approval, or used up its allowance of tool calls.
        Unfinished = "unfinished",
    }
}

impl Trial {
    /// A trial in this state, in which nothing has happened.
    pub fn new(case: impl Into<String>, repeat: u32, state: TrialState) -> Self {
        Self {
            case: case.into(),
            repeat,
            attempts: 1,
            state,
            reason: None,
            turns: Vec::new(),
            files: BTreeMap::new(),
            state_after: None,
            started: Timestamp::now(),
            duration: Duration::ZERO,
            usage: Usage::default(),
            cost: None,
        }
    }

    /// A completed trial of one turn.
    pub fn answered(case: impl Into<String>, content: impl Into<String>) -> Self {
        let mut trial = Self::new(case, 1, TrialState::Completed);
        trial.turns.push(TrialTurn::new("", content));
        trial
    }

    /// The last answer; empty if there is none.
    #[must_use]
    pub fn answer(&self) -> &str {
        self.turns.last().map_or("", |turn| &turn.content)
    }

    /// The tool calls of all turns, in their order.
    pub fn calls(&self) -> impl Iterator<Item = &ObservedCall> {
        self.turns.iter().flat_map(|turn| &turn.calls)
    }
}

impl TrialTurn {
    /// A turn without tool calls.
    pub fn new(input: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            input: input.into(),
            content: content.into(),
            calls: Vec::new(),
        }
    }
}

impl ObservedCall {
    /// A call without a result. Arguments that are no JSON become a string.
    pub fn new(name: impl Into<String>, arguments: &str) -> Self {
        let text = || Value::String(arguments.to_owned());
        Self {
            name: name.into(),
            arguments: serde_json::from_str(arguments).unwrap_or_else(|_| text()),
            outcome: None,
            output: String::new(),
        }
    }
}

/// Durations as whole microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_micros().try_into().unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}
