//! Runners with bugs, each of which breaks the law that it should.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::{Coordinator, RunId};
use victor_testkit::conformance::{self, Handlers};
use victor_workflow::WorkflowCoordinator;
use victor_workflow::protocol::checkpoint::ContentHash;
use victor_workflow::protocol::{
    ClaimRequest, InMemoryJournal, JournalError, PendingWait, RunClaim, RunCommit, RunInfo,
    RunOutcome, RunQuery, RunRecord, Signal, StartRun, StepHandler, Workflow, WorkflowError,
    WorkflowEvent, WorkflowJournal, WorkflowRunner,
};

use crate::laws::make;

/// A runner with a bug, over a journal that has it too.
#[derive(Debug)]
struct Broken {
    inner: WorkflowCoordinator,
    bug: &'static str,
}

impl Broken {
    fn new(bug: &'static str, journal: Arc<dyn WorkflowJournal>, handlers: Handlers) -> Self {
        let journal = Arc::new(Forgetful {
            inner: journal,
            bug,
        });
        let inner = make(journal, handlers);
        Self { inner, bug }
    }
}

impl Coordinator for Broken {
    fn name(&self) -> &str {
        self.inner.name()
    }
}

#[async_trait]
impl WorkflowRunner for Broken {
    fn register(&self, workflow: Workflow) -> Result<ContentHash, WorkflowError> {
        let hash = workflow.hash();
        match self.inner.register(workflow) {
            Err(_) if self.bug == "takes anything" => Ok(hash),
            registered => registered,
        }
    }

    fn add_handler(&self, name: &str, handler: Arc<dyn StepHandler>) {
        self.inner.add_handler(name, handler);
    }

    fn workflows(&self) -> Vec<Arc<Workflow>> {
        self.inner.workflows()
    }

    async fn start(&self, request: &StartRun) -> Result<RunInfo, WorkflowError> {
        let mut request = request.clone();
        if self.bug == "knows no keys" {
            request.key = None;
        }
        self.inner.start(&request).await
    }

    async fn drive(&self, run: RunId) -> Result<RunOutcome, WorkflowError> {
        let outcome = self.inner.drive(run).await;
        match (self.bug, outcome) {
            ("has no outputs", Ok(RunOutcome::Finished(_))) => {
                Ok(RunOutcome::Finished(Value::Null))
            }
            ("fails in silence", Ok(RunOutcome::Failed { .. })) => {
                Ok(RunOutcome::Finished(Value::Null))
            }
            ("cancels for no reason", Ok(RunOutcome::Cancelled(_))) => {
                Ok(RunOutcome::Cancelled(String::new()))
            }
            ("waits for its turn", Err(WorkflowError::Journal(JournalError::Held { .. }))) => {
                Ok(RunOutcome::Running)
            }
            (_, outcome) => outcome,
        }
    }

    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, WorkflowError> {
        match self.inner.signal(run, signal).await {
            Err(WorkflowError::NotWaiting { .. }) if self.bug == "hears everybody" => Ok(true),
            Err(WorkflowError::NotWaiting {
                run, step, epoch, ..
            }) if self.bug == "tells nothing" => Err(WorkflowError::NotWaiting {
                run,
                step,
                epoch,
                answered: None,
            }),
            taken => taken,
        }
    }

    async fn pending(&self, run: RunId) -> Result<Vec<PendingWait>, WorkflowError> {
        let mut pending = self.inner.pending(run).await?;
        if self.bug == "shows one question" {
            pending.truncate(1);
        }
        Ok(pending)
    }

    async fn outcome(&self, run: RunId) -> Result<RunOutcome, WorkflowError> {
        match self.bug {
            "forgets outcomes" => Ok(RunOutcome::Running),
            _ => self.inner.outcome(run).await,
        }
    }

    async fn follow(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, WorkflowError> {
        let records = self.inner.follow(run, from, max).await?;
        match self.bug {
            "skips events" => Ok(records
                .into_iter()
                .take(2)
                .skip(usize::from(from > 0))
                .collect()),
            _ => Ok(records),
        }
    }

    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, WorkflowError> {
        let mut runs = self.inner.find(query).await?;
        if self.bug == "strands older runs" {
            runs.clear();
        }
        Ok(runs)
    }

    async fn verify(&self, run: RunId, workflow: &Workflow) -> Result<(), WorkflowError> {
        match self.bug {
            "verifies anything" => Ok(()),
            _ => self.inner.verify(run, workflow).await,
        }
    }

    async fn migrate(
        &self,
        run: RunId,
        steps: &BTreeMap<String, Option<String>>,
    ) -> Result<RunInfo, WorkflowError> {
        match self.inner.migrate(run, steps).await {
            Err(WorkflowError::Diverged(_)) if self.bug == "migrates anything" => {
                let runs = self.inner.find(&RunQuery::default()).await?;
                let run = runs.into_iter().find(|info| info.id == run);
                run.ok_or(WorkflowError::ShutDown)
            }
            migrated => migrated,
        }
    }
}

/// A journal that forgets some of what it is told.
#[derive(Debug)]
struct Forgetful {
    inner: Arc<dyn WorkflowJournal>,
    bug: &'static str,
}

#[async_trait]
impl WorkflowJournal for Forgetful {
    victor_core::forward! {
        inner =>
        async fn put_definition<'a>(&self, hash: ContentHash, text: &'a str) -> Result<(), JournalError>;
        async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError>;
        async fn create<'a, 'b>(
            &self,
            run: &'a RunInfo,
            commit: &'b RunCommit,
        ) -> Result<(RunInfo, bool), JournalError>;
        async fn claim<'a>(&self, run: RunId, request: &'a ClaimRequest) -> Result<RunClaim, JournalError>;
        async fn signal<'a>(&self, run: RunId, signal: &'a Signal) -> Result<bool, JournalError>;
        async fn records(
            &self,
            run: RunId,
            from: u64,
            max: usize,
        ) -> Result<Vec<RunRecord>, JournalError>;
        async fn values<'a>(
            &self,
            run: RunId,
            hashes: &'a [ContentHash],
        ) -> Result<Vec<Arc<str>>, JournalError>;
        async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError>;
        async fn find<'a>(&self, query: &'a RunQuery) -> Result<Vec<RunInfo>, JournalError>;
        async fn delete(&self, run: RunId) -> Result<bool, JournalError>;
    }

    async fn commit(
        &self,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError> {
        let mut commit = commit.clone();
        match self.bug {
            "repeats questions" => commit.events.retain(|event| !matches!(event, WorkflowEvent::StepWaiting(_))),
            "repeats steps" => commit.events.retain(|event| {
                !matches!(event, WorkflowEvent::StepFinished(event) if event.step.as_str() == "first")
            }),
            _ => {}
        }
        self.inner.commit(run, claim, &commit).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("has no outputs", "steps do what their kind says"),
        ("fails in silence", "a failure is what its step says"),
        ("cancels for no reason", "a run can be cancelled"),
        (
            "forgets outcomes",
            "the outcome of a run that has ended stays",
        ),
        ("shows one question", "who comes late sees what is pending"),
        (
            "hears everybody",
            "an answer that nobody waits for is refused",
        ),
        (
            "tells nothing",
            "of two answers the first counts, and the second is told so",
        ),
        (
            "knows no keys",
            "a start with a key that exists returns that run",
        ),
        (
            "waits for its turn",
            "of two processes that drive one run, one does",
        ),
        (
            "skips events",
            "the events of a run can be followed from any number",
        ),
        ("takes anything", "a definition with faults is refused"),
        (
            "strands older runs",
            "open runs of an older definition are listed",
        ),
        (
            "verifies anything",
            "a definition that computes something else is told",
        ),
        (
            "migrates anything",
            "a migration to which the history does not lead is refused",
        ),
        ("repeats questions", ""),
        ("repeats steps", ""),
    ] {
        let suite = async {
            let journal = async || Arc::new(InMemoryJournal::default()) as Arc<dyn WorkflowJournal>;
            conformance::workflow_runner(journal, |journal, handlers| {
                Broken::new(bug, journal, handlers)
            })
            .await;
        };
        let found = match victor_core::contain(suite).await {
            Ok(()) => "none".to_owned(),
            Err(panicked) => panicked.message,
        };
        assert!(
            found.starts_with(&format!("law broken: {law}")),
            "{bug}: expected `{law}`, found `{found}`"
        );
    }
}
