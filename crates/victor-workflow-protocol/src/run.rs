//! Facts about runs.

use std::time::Duration;

use serde_json::Value;
use victor_checkpoint_protocol::ContentHash;
use victor_core::{RunId, Timestamp};

victor_core::open_string_enum! {
    /// The state of a run.
    pub enum RunStatus {
        /// It has work to do. If nobody has a claim on it, its process has ended, or it was not driven yet.
        Running = "running",
        /// It waits for an answer, an event or a time.
        Waiting = "waiting",
        /// It has ended well.
        Finished = "finished",
        /// It has failed.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

impl RunStatus {
    /// Whether nothing more happens in the run.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }
}

/// The facts about a run by which it is found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunInfo {
    /// The identifier.
    pub id: RunId,
    /// The name of the workflow.
    pub workflow: String,
    /// The identity of the definition that it runs under.
    pub definition: ContentHash,
    /// The idempotency key of its start, which no other run of the workflow has.
    pub key: Option<String>,
    /// The state.
    pub status: RunStatus,
    /// Time at which it was started.
    pub created_at: Timestamp,
    /// Time of the last record.
    pub updated_at: Timestamp,
    /// Time at which it goes on by itself, while it waits.
    pub wake_at: Option<Timestamp>,
    /// Number of its records.
    pub records: u64,
    /// The claim of the process that works on it, one that has run out included.
    pub holder: Option<RunHolder>,
}

impl RunInfo {
    /// Creates the facts about a run that begins now.
    pub fn new(workflow: impl Into<String>, definition: ContentHash) -> Self {
        let now = Timestamp::now();
        Self {
            id: RunId::generate(),
            workflow: workflow.into(),
            definition,
            key: None,
            status: RunStatus::Running,
            created_at: now,
            updated_at: now,
            wake_at: None,
            records: 0,
            holder: None,
        }
    }

    /// Sets the idempotency key of the start.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Option<String>>) -> Self {
        self.key = key.into();
        self
    }

    /// Whether the run could go on now: it has work to do or its time has come, and nobody has a claim on it.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let is_held = (self.holder.as_ref()).is_some_and(|holder| !holder.left.is_zero());
        let has_work = match self.status {
            RunStatus::Running => true,
            RunStatus::Waiting => self.wake_at.is_some_and(|at| at <= now),
            _ => false,
        };
        has_work && !is_held
    }
}

/// The holder of a claim on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunHolder {
    /// The name that people are told: `process 4711`.
    pub owner: String,
    /// The process of the owner, in words by which others on the same machine can see whether it has ended.
    pub process: Option<String>,
    /// The fencing token.
    pub fence: u64,
    /// Time that the claim lasts from now on unless it is renewed, by the store's clock. Zero if it has run out.
    pub left: Duration,
}

impl RunHolder {
    /// Creates the holder of a claim that lasts so long.
    pub fn new(owner: impl Into<String>, fence: u64, left: Duration) -> Self {
        Self {
            owner: owner.into(),
            process: None,
            fence,
            left,
        }
    }

    /// Sets the process of the owner.
    #[must_use]
    pub fn with_process(mut self, process: impl Into<Option<String>>) -> Self {
        self.process = process.into();
        self
    }
}

/// The choice of runs. All that it says must be true of a run; the empty one chooses every run.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct RunQuery {
    /// The name of the workflow.
    pub workflow: Option<String>,
    /// The state.
    pub status: Option<RunStatus>,
    /// Only runs that have not ended.
    pub open: bool,
    /// The largest number of runs.
    pub first: Option<usize>,
}

impl RunQuery {
    /// Chooses the runs of a workflow.
    #[must_use]
    pub fn with_workflow(mut self, name: impl Into<String>) -> Self {
        self.workflow = Some(name.into());
        self
    }

    /// Chooses the runs in a state.
    #[must_use]
    pub fn with_status(mut self, status: RunStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Chooses the runs that have not ended.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Chooses so many runs at most, the newest ones.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.first = Some(count);
        self
    }

    /// Whether a run is chosen; the number of runs does not count.
    #[must_use]
    pub fn matches(&self, run: &RunInfo) -> bool {
        let workflow = self.workflow.as_ref();
        let status = self.status.as_ref();
        workflow.is_none_or(|name| *name == run.workflow)
            && status.is_none_or(|status| *status == run.status)
            && !(self.open && run.status.has_ended())
    }
}

/// The start of a run.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct StartRun {
    /// The name of the workflow.
    pub workflow: String,
    /// The input.
    pub input: Value,
    /// The idempotency key: if the workflow has a run of this key, it is that run that is returned.
    pub key: Option<String>,
}

impl StartRun {
    /// Starts a workflow with an input.
    pub fn new(workflow: impl Into<String>, input: impl Into<Value>) -> Self {
        Self {
            workflow: workflow.into(),
            input: input.into(),
            key: None,
        }
    }

    /// Sets the idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}
