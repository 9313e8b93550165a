//! Runs that are interrupted and go on.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use victor_evaluation::evaluators::Exact;
use victor_evaluation::{EvaluationCoordinator, JsonlLog};
use victor_evaluation_protocol::{
    EvaluationError, EvaluationRunner, RunLog, RunLogError, RunOptions, TrialRecord,
};
use victor_testkit::poll_at_most;

use crate::puppet::Puppet;
use crate::runs::run;

const CASES: [&str; 4] = ["a -> a", "b -> b", "c -> d", "fail"];

#[tokio::test]
async fn a_run_goes_on_where_it_was_interrupted() {
    for polls in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let log = JsonlLog::new(folder.path().join("run.jsonl"));
        let puppet = Puppet::default();
        let options = RunOptions::default().with_repeats(2).with_concurrency(2);
        let plan = || {
            puppet
                .plan(&CASES)
                .evaluator(Exact)
                .options(options.clone())
                .log(log.clone())
        };
        let coordinator = EvaluationCoordinator::new();
        let first = poll_at_most(polls, coordinator.run(plan())).await;
        let kept = log.records().await.unwrap().len();
        let asked = puppet.asked.load(Ordering::Relaxed);
        assert!(
            asked <= kept + 3,
            "{asked} trials were begun, and {kept} kept"
        );
        let second = run(plan()).await;
        assert_eq!(
            puppet.asked.load(Ordering::Relaxed) - asked,
            8 - kept,
            "after {polls} polls"
        );
        assert_eq!(second.trials.len(), 8);
        let names = second
            .trials
            .iter()
            .map(|record| (record.trial.case.as_str(), record.trial.repeat));
        let expected = ["a", "b", "c", "fail"]
            .into_iter()
            .flat_map(|case| [(case, 1), (case, 2)]);
        assert!(names.eq(expected));
        if let Some(first) = first {
            assert_eq!(first.unwrap().trials, second.trials);
        }
    }
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let log = JsonlLog::new(&path);
    run(Puppet::default()
        .plan(&CASES)
        .evaluator(Exact)
        .log(log.clone()))
    .await;
    let whole = std::fs::read(&path).unwrap();
    let before = log.records().await.unwrap();
    for cut in [1, 20, before.len() * 3] {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        assert_eq!(log.records().await.unwrap(), before[..3]);
        log.append(&before[3]).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    std::fs::write(&path, "{}\n").unwrap();
    let error = log.records().await.unwrap_err();
    assert!(error.to_string().contains("line 1 of"), "{error}");
}

#[tokio::test]
async fn the_log_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = JsonlLog::new(folder.path().join("run.jsonl"));
    run(Puppet::default()
        .plan(&CASES)
        .evaluator(Exact)
        .log(log.clone()))
    .await;
    let other = Puppet::default().plan(&["e"]).evaluator(Exact).log(log);
    let error = EvaluationCoordinator::new().run(other).await.unwrap_err();
    assert!(
        matches!(error, EvaluationError::ForeignLog { .. }),
        "{error}"
    );
}

/// A log on a full disk.
#[derive(Debug)]
struct Full;

#[async_trait]
impl RunLog for Full {
    async fn append(&self, _: &TrialRecord) -> Result<(), RunLogError> {
        Err(RunLogError::new("the disk is full"))
    }

    async fn records(&self) -> Result<Vec<TrialRecord>, RunLogError> {
        Ok(vec![])
    }
}

#[tokio::test]
async fn a_trial_that_cannot_be_kept_ends_the_run() {
    let plan = Puppet::default().plan(&CASES).evaluator(Exact).log(Full);
    let error = EvaluationCoordinator::new().run(plan).await.unwrap_err();
    assert!(matches!(error, EvaluationError::Log(_)), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let log = JsonlLog::new(folder.path());
    let error = log
        .append(&TrialRecord::new(
            victor_evaluation_protocol::Trial::answered("a", "b"),
            None,
        ))
        .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("could not be written")
    );
}
