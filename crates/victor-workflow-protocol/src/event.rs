//! Events of a run: its journal, and what those who watch it are told.

mod body;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_checkpoint_protocol::ContentHash;
use victor_core::Timestamp;
use victor_core::wire::FormatVersion;

pub use body::{
    BranchTaken, RunCancelled, RunCompensating, RunFailed, RunFinished, RunMigrated, RunStarted,
    ScopeFinished, ScopeStarted, StepExpanded, StepFailed, StepFinished, StepSkipped, StepStarted,
    StepWaiting,
};

use crate::Signal;

/// An event of a run, as its journal has it. The records of a run are numbered from 0 without gaps, and the state of
/// the run follows from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The number.
    pub number: u64,
    /// Time at which it was written.
    pub at: Timestamp,
    /// The event.
    pub event: WorkflowEvent,
}

impl RunRecord {
    /// Creates the record of an event, written now.
    #[must_use]
    pub fn new(number: u64, event: WorkflowEvent) -> Self {
        Self {
            version: FormatVersion,
            number,
            at: Timestamp::now(),
            event,
        }
    }
}

victor_core::open_enum! {
    /// An event of a run.
    ///
    /// A variant that is not known here was written by a later version: such a run can be shown and not resumed.
    #[derive(Debug, Clone, PartialEq)]
    pub enum WorkflowEvent tagged "type" {
        /// The run begins.
        "run_started" => RunStarted(RunStarted),
        /// A call begins. It is in the journal before the handler is called.
        "step_started" => StepStarted(StepStarted),
        /// A step has ended well. It is in the journal before its output is used.
        "step_finished" => StepFinished(StepFinished),
        /// An attempt has failed.
        "step_failed" => StepFailed(StepFailed),
        /// A step waits.
        "step_waiting" => StepWaiting(StepWaiting),
        /// The condition of a step was not true.
        "step_skipped" => StepSkipped(StepSkipped),
        /// A branch has chosen.
        "branch_taken" => BranchTaken(BranchTaken),
        /// A map has its items.
        "step_expanded" => StepExpanded(StepExpanded),
        /// An item, a repetition or a sub-workflow begins.
        "scope_started" => ScopeStarted(ScopeStarted),
        /// An item, a repetition or a sub-workflow has ended.
        "scope_finished" => ScopeFinished(ScopeFinished),
        /// Somebody outside has sent something. Written by whoever sends it, without a claim on the run.
        "signal" => Signal(Signal),
        /// The run will fail or be cancelled, and finished steps are undone first.
        "run_compensating" => RunCompensating(RunCompensating),
        /// The run goes on under another definition.
        "run_migrated" => RunMigrated(RunMigrated),
        /// The run has ended well.
        "run_finished" => RunFinished(RunFinished),
        /// The run has failed.
        "run_failed" => RunFailed(RunFailed),
        /// The run was cancelled.
        "run_cancelled" => RunCancelled(RunCancelled),
    }
}

/// A value in a record: itself if it is small, else the name of its text among the values of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredValue {
    /// The value itself.
    Value(Value),
    /// The hash of the text that has it.
    Ref(ContentHash),
}

/// The object of a wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Wait {
    /// A person's answer.
    Answer {
        /// The question.
        prompt: String,
        /// The data that are shown with it.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        show: Value,
    },
    /// An event of this name.
    Event {
        /// The name.
        name: String,
    },
    /// A time.
    Time,
}
