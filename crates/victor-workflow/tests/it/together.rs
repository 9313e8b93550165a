//! Calls and the journal use the same things, and a run that was left tells how it stands.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use victor_core::RunId;
use victor_workflow::protocol::checkpoint::ContentHash;
use victor_workflow::protocol::{
    Body, ClaimRequest, InMemoryJournal, JournalError, RunClaim, RunCommit, RunInfo, RunOutcome,
    RunQuery, RunRecord, Signal, StartRun, Step, StepContext, StepError, StepHandler, StepOutcome,
    Workflow, WorkflowJournal, WorkflowRunner as _,
};
use victor_workflow::{WorkflowCoordinator, from_yaml};

/// The one writer of a database.
type Writer = Arc<Mutex<()>>;

/// A handler that writes to the database of the journal.
#[derive(Debug)]
struct Writes(Writer);

#[async_trait]
impl StepHandler for Writes {
    async fn call(&self, _: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        let _writer = self.0.lock().await;
        // Holds the writer while other calls end and are recorded.
        tokio::time::sleep(Duration::from_millis(input.as_u64().unwrap_or(0))).await;
        Ok(json!(null).into())
    }
}

/// A journal whose commits need the writer.
#[derive(Debug)]
struct OneWriter {
    inner: InMemoryJournal,
    writer: Writer,
}

#[async_trait]
impl WorkflowJournal for OneWriter {
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
        let writer = tokio::time::timeout(Duration::from_secs(5), self.writer.lock()).await;
        let _writer = writer.map_err(|_| JournalError::store("the database is locked"))?;
        self.inner.commit(run, claim, commit).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_holds_the_database_goes_on_while_another_is_recorded() {
    let writer = Writer::default();
    let journal = OneWriter {
        inner: InMemoryJournal::default(),
        writer: Arc::clone(&writer),
    };
    let runner = WorkflowCoordinator::builder(journal)
        .handler("write", Writes(writer))
        .build();
    let calls =
        (0..8_u64).map(|n| Step::call(format!("s{n}"), "write", n * 7 % 5).after(["begin"; 1]));
    let steps = [Step::transform("begin", 1)].into_iter().chain(calls);
    runner.register(Workflow::new("w", steps)).unwrap();
    let (_, outcome) = runner.run(&StartRun::new("w", Value::Null)).await.unwrap();
    assert_eq!(outcome, RunOutcome::Finished(Value::Null));
}

#[tokio::test]
async fn a_run_that_was_left_waiting_tells_so_wherever_it_waits() {
    let ask = || Body::new([Step::approval("ask", "Go on?")]);
    for step in [
        Step::approval("ask", "Go on?"),
        Step::map("each", "[1, 2]", ask()),
        Step::repeat("again", "last.approved", 3, ask()),
    ] {
        let runner = WorkflowCoordinator::builder(InMemoryJournal::default()).build();
        runner
            .register(Workflow::new("w", [Step::transform("begin", 1), step]))
            .unwrap();
        let run = runner
            .start(&StartRun::new("w", Value::Null))
            .await
            .unwrap()
            .id;
        assert_eq!(runner.outcome(run).await.unwrap(), RunOutcome::Running);
        let driven = runner.drive(run).await.unwrap();
        assert!(
            matches!(&driven, RunOutcome::Waiting { pending, .. } if !pending.is_empty()),
            "{driven:?}"
        );
        assert_eq!(runner.outcome(run).await.unwrap(), driven);
        let RunOutcome::Waiting { pending, .. } = driven else {
            unreachable!()
        };
        runner
            .signal(run, &pending[0].answer(json!({ "approved": true })))
            .await
            .unwrap();
        assert_eq!(
            runner.outcome(run).await.unwrap(),
            RunOutcome::Running,
            "it has work to do"
        );
    }
}

#[test]
fn a_definition_of_the_builder_is_one_of_yaml() {
    let text = "{ name: w, steps: [{ id: a, transform: 1 }, { id: b, approval: { prompt: 'Go on?' }, timeout: 2h }] }";
    let built = Workflow::new(
        "w",
        [
            Step::transform("a", 1),
            Step::approval("b", "Go on?").timeout(Duration::from_secs(7_200)),
        ],
    );
    assert_eq!(from_yaml(text).unwrap().hash(), built.hash());
}
