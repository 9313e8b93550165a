//! The role of the workflow coordinator.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_checkpoint_protocol::ContentHash;
use victor_core::{Coordinator, RunId, Timestamp};

use crate::{
    RunInfo, RunQuery, RunRecord, Signal, StartRun, StepHandler, StepPath, Wait, Workflow,
    WorkflowError,
};

/// The role of the coordinator that runs workflows.
///
/// Called from many tasks at once. A run goes on only while somebody [drives](Self::drive) it; nothing is spawned. It
/// can be driven by any process that has the journal, and by one at a time.
#[async_trait]
pub trait WorkflowRunner: Coordinator {
    /// Checks a definition and offers it for new runs under its name, in place of an earlier one. Returns its identity.
    /// Runs that began under another definition go on under that.
    ///
    /// # Errors
    ///
    /// [`WorkflowError::Invalid`].
    fn register(&self, workflow: Workflow) -> Result<ContentHash, WorkflowError>;

    /// Has steps that call a handler of this name call this one from now on, in place of an earlier one.
    fn add_handler(&self, name: &str, handler: Arc<dyn StepHandler>);

    /// Returns the definitions that new runs begin under, in the order of their names.
    fn workflows(&self) -> Vec<Arc<Workflow>>;

    /// Starts a run, which is in the journal then and waits to be driven. If the workflow has a run of the same key, it
    /// is that run that is returned.
    ///
    /// # Errors
    ///
    /// [`WorkflowError::UnknownWorkflow`], or the journal does not work.
    async fn start(&self, request: &StartRun) -> Result<RunInfo, WorkflowError>;

    /// Drives a run until it has ended or only waits, and returns how it stands. Whatever is in the journal is not done
    /// again. Of a run that has ended, it returns the outcome.
    ///
    /// # Errors
    ///
    /// Another process drives it ([`JournalError::Held`](crate::JournalError::Held)), or what is needed for it is not
    /// there. The run is as the journal has it, and can be driven when the cause is gone. A run that fails is no error
    /// of this call.
    ///
    /// # Cancel safety
    ///
    /// A dropped call drops the handlers that run. They are called again when the run is driven again; until the claim
    /// has run out, only this process can.
    async fn drive(&self, run: RunId) -> Result<RunOutcome, WorkflowError>;

    /// Starts a run and drives it.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start) and [`drive`](Self::drive).
    async fn run(&self, request: &StartRun) -> Result<(RunId, RunOutcome), WorkflowError> {
        let run = self.start(request).await?.id;
        Ok((run, self.drive(run).await?))
    }

    /// Sends something to a run: an answer, an event, a request to end. Whoever drives the run, here or elsewhere,
    /// takes it; a run that waits is to be driven again. Returns whether it is new.
    ///
    /// # Errors
    ///
    /// [`WorkflowError::NotWaiting`] for an answer that nobody waits for, or the journal refuses it.
    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, WorkflowError>;

    /// Returns the waits of a run that nothing has ended yet, in the order in which they began. Works without driving
    /// the run, also for whoever was not there when they began.
    ///
    /// # Errors
    ///
    /// The journal or its definition cannot be read.
    async fn pending(&self, run: RunId) -> Result<Vec<PendingWait>, WorkflowError>;

    /// Returns how a run stands, without driving it.
    ///
    /// # Errors
    ///
    /// The journal or its definition cannot be read.
    async fn outcome(&self, run: RunId) -> Result<RunOutcome, WorkflowError>;

    /// Returns the records of a run from a number on, at most so many. If there are none yet and the run has not ended,
    /// waits until there are, whichever process writes them.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    async fn follow(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, WorkflowError>;

    /// Returns the runs that a query chooses, newest first.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, WorkflowError>;

    /// Replays the history of a run against a definition, without calling a handler: whether the run could go on under
    /// it.
    ///
    /// # Errors
    ///
    /// [`WorkflowError::Diverged`] names the first record to which the definition does not lead, and
    /// [`WorkflowError::Invalid`] the faults of a definition that cannot be run.
    async fn verify(&self, run: RunId, workflow: &Workflow) -> Result<(), WorkflowError>;

    /// Has a run go on under the definition that is registered under its name, where steps of the old one have the
    /// names that `steps` says; without a name, what they did is forgotten. Nothing runs.
    ///
    /// # Errors
    ///
    /// [`WorkflowError::Diverged`] if the history is none of the new definition even so; the run stays under its own.
    async fn migrate(
        &self,
        run: RunId,
        steps: &BTreeMap<String, Option<String>>,
    ) -> Result<RunInfo, WorkflowError>;
}

/// The state in which a run was left.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RunOutcome {
    /// It has ended well, with this output.
    Finished(Value),
    /// It has failed.
    Failed {
        /// The reason, for people.
        message: String,
        /// The step that failed, if one has.
        step: Option<StepPath>,
    },
    /// It was cancelled, for this reason.
    Cancelled(String),
    /// It waits.
    Waiting {
        /// The waits, in the order in which they began.
        pending: Vec<PendingWait>,
        /// Time at which it goes on by itself.
        wake_at: Option<Timestamp>,
    },
    /// It has work to do, and nobody drives it here.
    Running,
}

/// A wait of a run that nothing has ended yet.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PendingWait {
    /// The step.
    pub step: StepPath,
    /// The number of the wait within the step, for the answer.
    pub epoch: u32,
    /// The object of the wait.
    pub wait: Wait,
    /// The end of the wait, whether or not what is waited for has come.
    pub until: Option<Timestamp>,
}

impl PendingWait {
    /// Creates a wait of a step.
    #[must_use]
    pub fn new(step: StepPath, epoch: u32, wait: Wait, until: Option<Timestamp>) -> Self {
        Self {
            step,
            epoch,
            wait,
            until,
        }
    }

    /// Returns the answer to the question.
    #[must_use]
    pub fn answer(&self, answer: impl Into<Value>) -> Signal {
        Signal::answer(self.step.clone(), self.epoch, answer)
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`WorkflowRunner`], made by mockall.
    #[derive(Debug)]
    pub WorkflowRunner {}

    #[async_trait]
    impl Coordinator for WorkflowRunner {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl WorkflowRunner for WorkflowRunner {
        fn register(&self, workflow: Workflow) -> Result<ContentHash, WorkflowError>;
        fn add_handler(&self, name: &str, handler: Arc<dyn StepHandler>);
        fn workflows(&self) -> Vec<Arc<Workflow>>;
        async fn start(&self, request: &StartRun) -> Result<RunInfo, WorkflowError>;
        async fn drive(&self, run: RunId) -> Result<RunOutcome, WorkflowError>;
        async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, WorkflowError>;
        async fn pending(&self, run: RunId) -> Result<Vec<PendingWait>, WorkflowError>;
        async fn outcome(&self, run: RunId) -> Result<RunOutcome, WorkflowError>;
        async fn follow(
            &self,
            run: RunId,
            from: u64,
            max: usize,
        ) -> Result<Vec<RunRecord>, WorkflowError>;
        async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, WorkflowError>;
        async fn verify(&self, run: RunId, workflow: &Workflow) -> Result<(), WorkflowError>;
        async fn migrate(
            &self,
            run: RunId,
            steps: &BTreeMap<String, Option<String>>,
        ) -> Result<RunInfo, WorkflowError>;
    }
}
