//! Victor's jobs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use victor_sql::{Database, DatabaseOptions, Synchronous};
use victor_workflow::WorkflowCoordinator;
use victor_workflow::protocol::{
    RunOutcome, RunQuery, StartRun, Step, StepContext, StepError, StepHandler, StepOutcome,
    Workflow, WorkflowRunner as _,
};

const STEPS: u64 = 100;
const RUNS: usize = 1_000;

/// Counts, and ends the process in the last step if it is to.
#[derive(Debug)]
struct Count {
    crashes: bool,
}

#[async_trait]
impl StepHandler for Count {
    async fn call(&self, _: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        let n = input.as_u64().unwrap_or(0);
        if self.crashes && n + 1 == STEPS {
            std::process::abort();
        }
        Ok(json!(n + 1).into())
    }
}

/// Does a job, and returns the time that it took.
pub(crate) fn run(job: &str, folder: &Path) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work(job, folder))
}

async fn work(job: &str, folder: &Path) -> Duration {
    let recovery = Instant::now();
    let options = DatabaseOptions::default().with_synchronous(Synchronous::Normal);
    let path = folder.join("victor.db").display().to_string();
    let database = Database::open_with(&path, &options).await.expect("a database");
    let count = Count { crashes: job == "crash" };
    let runner = WorkflowCoordinator::builder(database.workflow_journal()).handler("count", count).build();
    runner.register(sequence("sequence", STEPS)).expect("a definition");
    runner.register(sequence("small", 2)).expect("a definition");
    let fan_out = (0..STEPS).map(|n| Step::call(format!("s{n}"), "count", n).after([""; 0]));
    let outputs: Vec<_> = (0..STEPS).map(|n| format!("steps.s{n}")).collect();
    let end = Step::transform("end", format!("{{{{ [{}] | length }}}}", outputs.join(", ")));
    let end = end.after((0..STEPS).map(|n| format!("s{n}")));
    runner.register(Workflow::new("fan-out", fan_out.chain([end]))).expect("a definition");
    let runner = Arc::new(runner);
    if job == "recover" {
        for run in runner.find(&RunQuery::default().open()).await.expect("runs") {
            let outcome = runner.drive(run.id).await.expect("an outcome");
            assert_eq!(outcome, RunOutcome::Finished(STEPS.into()));
        }
        return recovery.elapsed();
    }
    let start = async |name: &str, expected: u64| {
        let (_, outcome) = runner.run(&StartRun::new(name, Value::Null)).await.expect("an outcome");
        assert_eq!(outcome, RunOutcome::Finished(expected.into()), "{name}");
    };
    start("small", 2).await;
    let began = Instant::now();
    match job {
        "fan-out" => start("fan-out", STEPS).await,
        "small" => {
            // A task for each run, as the peers have it: a run goes on in the task that drives it.
            let runs = (0..RUNS).map(|_| {
                let runner = Arc::clone(&runner);
                tokio::spawn(async move { runner.run(&StartRun::new("small", Value::Null)).await })
            });
            for run in join_all(runs).await {
                let (_, outcome) = run.expect("no panic").expect("an outcome");
                assert_eq!(outcome, RunOutcome::Finished(2.into()));
            }
        }
        _ => start("sequence", STEPS).await,
    }
    began.elapsed()
}

/// Steps that each need the result of the one before.
fn sequence(name: &str, count: u64) -> Workflow {
    let input = |n: u64| match n {
        0 => json!(0),
        n => format!("{{{{ steps.s{} }}}}", n - 1).into(),
    };
    Workflow::new(name, (0..count).map(|n| Step::call(format!("s{n}"), "count", input(n))))
}
