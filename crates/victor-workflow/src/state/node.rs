//! The state of a step.

use serde_json::Value as Json;
use victor_core::Timestamp;
use victor_workflow_protocol::{StepAnswer, Wait};

use crate::expression::Value;

/// The state of a step.
#[derive(Debug)]
pub(crate) enum NodeState {
    /// Edges that lead here are not decided.
    Pending { alive: u32, dead: u32 },
    /// It can begin.
    Ready,
    /// Its handler is called.
    Running(Attempts),
    /// Its handler is to be called again at a time.
    Retrying(Attempts, Timestamp),
    /// It waits.
    Waiting(Pause),
    /// Items are worked on.
    Map(Expansion),
    /// Repetitions are worked on.
    Loop(Repetition),
    /// A sub-workflow is worked on; its output, when it has ended.
    Sub(Option<Value>),
    /// It has ended or was skipped.
    Settled,
}

impl NodeState {
    /// Whether there are steps within it.
    pub(crate) fn has_body(&self) -> bool {
        matches!(self, Self::Map(_) | Self::Loop(_) | Self::Sub(_))
    }
}

/// The calls of a handler for a step until now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Attempts {
    /// Number of calls that have begun.
    pub(crate) begun: u32,
    /// Number of calls that have failed.
    pub(crate) failed: u32,
    /// The number of the next wait.
    pub(crate) epoch: u32,
    /// The answer with which it is called.
    pub(crate) answer: Option<StepAnswer>,
}

/// A wait.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pause {
    /// The calls until now; the epoch is that of this wait.
    pub(crate) attempts: Attempts,
    pub(crate) wait: Wait,
    pub(crate) until: Option<Timestamp>,
    pub(crate) state: Json,
}

/// A map whose items are worked on.
#[derive(Debug)]
pub(crate) struct Expansion {
    pub(crate) items: Vec<Value>,
    pub(crate) outputs: Vec<Option<Value>>,
    /// The item that begins next.
    pub(crate) next: u32,
    /// Number of items that are worked on.
    pub(crate) open: u32,
}

/// A loop.
#[derive(Debug)]
pub(crate) struct Repetition {
    /// The repetition that begins next.
    pub(crate) next: u32,
    /// Whether one is worked on.
    pub(crate) is_open: bool,
    /// The output of the last one that has ended.
    pub(crate) last: Option<Value>,
}
