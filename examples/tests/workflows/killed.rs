//! A process that drives a run is killed at each of its writes to the file. The next process drives the run on at once, to
//! the same end, and does nothing again that was done. The process is this test binary, run again.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use victor_sql::Database;
use victor_testkit::die_at_every_write;
use victor_workflow::protocol::{
    Body, RunOutcome, RunQuery, StartRun, Step, StepContext, StepError, StepHandler, StepOutcome,
    Workflow, WorkflowEvent, WorkflowJournal as _, WorkflowRunner as _,
};
use victor_workflow::{WorkflowCoordinator, WorkflowOptions};

/// The folder in which [`the_process_that_is_killed`] works.
const FOLDER: &str = "VICTOR_WORKFLOW_FOLDER";

/// Notes each call in a file, and returns its input.
#[derive(Debug)]
struct Note(PathBuf);

#[async_trait]
impl StepHandler for Note {
    async fn call(&self, cx: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.0)
            .unwrap();
        writeln!(file, "{} {}", cx.step, cx.idempotency_key).unwrap();
        Ok(input.into())
    }
}

fn workflow() -> Workflow {
    let double = Step::call("double", "note", "{{ item * 2 }}");
    let large = json!({ "text": "{{ input.text }}", "list": "{{ input.list }}" });
    Workflow::new(
        "work",
        [
            Step::call("first", "note", large),
            Step::map("items", "steps.first.list", Body::new([double])),
            Step::approval("ok", "Go on?"),
            Step::call("last", "note", "{{ [steps.items, steps.ok] }}"),
        ],
    )
}

fn request() -> StartRun {
    let input = json!({ "text": "x".repeat(2_000), "list": [1, 2] });
    StartRun::new("work", input).with_key("k")
}

/// Starts the run, if it is not there, and drives it to its end.
async fn work(folder: &Path) -> RunOutcome {
    let database = Database::open(folder.join("victor.db").to_str().unwrap())
        .await
        .unwrap();
    // Nobody waits until the claim of a process has run out that has ended.
    let options = WorkflowOptions::default().with_claim_time(Duration::from_secs(3_600));
    let runner = WorkflowCoordinator::builder(database.workflow_journal())
        .options(options)
        .handler("note", Note(folder.join("calls")))
        .build();
    runner.register(workflow()).unwrap();
    let (run, mut outcome) = runner.run(&request()).await.unwrap();
    while let RunOutcome::Waiting { pending, .. } = outcome {
        runner.signal(run, &pending[0].answer("yes")).await.unwrap();
        outcome = runner.drive(run).await.unwrap();
    }
    database.close().await;
    outcome
}

/// The steps that have ended, as the journal has them.
async fn finished(folder: &Path) -> BTreeSet<String> {
    let database = Database::open(folder.join("victor.db").to_str().unwrap())
        .await
        .unwrap();
    let journal = database.workflow_journal();
    let runs = journal.find(&RunQuery::default()).await.unwrap();
    let mut steps = BTreeSet::new();
    for run in runs {
        for record in journal.records(run.id, 0, usize::MAX).await.unwrap() {
            if let WorkflowEvent::StepFinished(event) = record.event {
                steps.insert(event.step.to_string());
            }
        }
    }
    database.close().await;
    steps
}

fn calls(folder: &Path) -> Vec<String> {
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    calls.lines().map(str::to_owned).collect()
}

#[test]
fn the_process_that_is_killed() {
    if let Ok(folder) = std::env::var(FOLDER) {
        Runtime::new().unwrap().block_on(work(Path::new(&folder)));
    }
}

#[test]
fn a_run_outlives_its_process_wherever_that_ends() {
    let runtime = Runtime::new().unwrap();
    let home = TempDir::new().unwrap();
    let (template, folder) = (home.path().join("template"), home.path().join("run"));
    let database = runtime
        .block_on(Database::open(template.join("victor.db").to_str().unwrap()))
        .unwrap();
    runtime.block_on(database.close());
    let renew = || {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        fs::copy(template.join("victor.db"), folder.join("victor.db")).unwrap();
    };
    renew();
    let undisturbed = runtime.block_on(work(&folder));
    assert_eq!(undisturbed, RunOutcome::Finished(json!([[2, 4], "yes"])));
    let start = || {
        renew();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "killed::the_process_that_is_killed"]);
        command.env(FOLDER, &folder);
        command
    };
    let mut ends = BTreeSet::new();
    let deaths = die_at_every_write(start, |death| {
        let before = runtime.block_on(finished(&folder));
        let made = calls(&folder);
        let outcome = runtime.block_on(work(&folder));
        assert_eq!(outcome, undisturbed, "killed at write {death}");
        let again = calls(&folder).split_off(made.len());
        let repeated = again
            .iter()
            .filter(|call| before.contains(call.split(' ').next().unwrap_or_default()));
        assert_eq!(
            repeated.count(),
            0,
            "killed at write {death}: {again:?} after {before:?}"
        );
        // All attempts at a step have one key.
        let keys: BTreeSet<_> = calls(&folder).into_iter().collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        ends.insert(before.len());
    });
    if let Some(deaths) = deaths {
        assert!(deaths > 20, "it was killed {deaths} times");
        assert!(ends.len() > 3, "it was killed after each step: {ends:?}");
    }
}
