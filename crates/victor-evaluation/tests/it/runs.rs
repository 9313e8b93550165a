//! The coordinator.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use victor_chat_protocol::Agent;
use victor_core::{BoxError, Coordinator};
use victor_evaluation::evaluators::{Contains, Custom, Exact};
use victor_evaluation::{EvaluationCoordinator, EvaluatorSummary, Summary};
use victor_evaluation_protocol::{
    Dataset, Environment, EvalCase, EvaluationError, EvaluationPlan, EvaluationRun,
    EvaluationRunner, Evaluator, EvaluatorError, Judgement, Observation, OpenedAgent, RunEnd,
    RunOptions, Score, Subject, Trial, TrialState,
};
use victor_provider_protocol::NanoDollars;

use crate::puppet::Puppet;

pub(crate) async fn run(plan: EvaluationPlan) -> EvaluationRun {
    EvaluationCoordinator::new().run(plan).await.unwrap()
}

/// The states of the trials, each with the number of its attempts where there was more than one.
fn states(run: &EvaluationRun) -> Vec<String> {
    let states = run.trials.iter().map(|record| match record.trial.attempts {
        1 => record.trial.state.to_string(),
        attempts => format!("{} after {attempts}", record.trial.state),
    });
    states.collect()
}

fn minutes(limit: u64) -> RunOptions {
    RunOptions::default().with_case_timeout(Duration::from_secs(60 * limit))
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_in_one_case_is_its_state_and_no_score() {
    let cases = [
        "hello -> hello",
        "fail",
        "panic",
        "panic early",
        "hang",
        "deaf",
        "refuse",
        "broke",
        "ask",
        "slow -> slow",
        "well -> other",
    ];
    let plan = Puppet::default()
        .plan(&cases)
        .evaluator(Exact)
        .options(minutes(1));
    let run = run(plan).await;
    assert_eq!(
        states(&run),
        [
            "completed",
            "failed",
            "panicked",
            "panicked",
            "timed_out",
            "timed_out",
            "refused",
            "over_budget",
            "unfinished",
            "completed",
            "completed"
        ]
    );
    for record in &run.trials {
        let is_completed = record.trial.state == TrialState::Completed;
        assert_eq!(
            record.judgements.contains_key("exact"),
            is_completed,
            "{record:?}"
        );
        assert_eq!(record.trial.reason.is_none(), is_completed, "{record:?}");
    }
    // What a trial used counts, whatever became of it.
    let hung = &run.trials[4].trial;
    assert_eq!(
        (hung.usage.total_tokens(), hung.duration.as_secs()),
        (10, 60)
    );
    let summary = EvaluatorSummary::of(&run, "exact", 0.95);
    assert_eq!(
        (summary.scored, summary.unjudged, summary.invalid),
        (3, 8, 0)
    );
    assert_eq!(summary.mean.map(|mean| (mean * 3.0).round()), Some(2.0));
    assert_eq!(run.end, RunEnd::Completed);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_may_pass_is_tried_again_and_counted() {
    for (failures, retries, expected) in [
        (1, 1, "completed after 2"),
        (2, 1, "failed after 2"),
        (2, 2, "completed after 3"),
        (1, 0, "failed"),
    ] {
        let puppet = Puppet::default();
        puppet.failures.store(failures, Ordering::Relaxed);
        let options = RunOptions::default().with_retries(retries);
        let run = run(puppet
            .plan(&["overloaded"])
            .evaluator(Exact)
            .options(options))
        .await;
        assert_eq!(states(&run), [expected]);
    }
    let puppet = Puppet::default();
    let run = run(puppet.plan(&["fail"]).evaluator(Exact)).await;
    assert_eq!(
        (states(&run), puppet.asked.load(Ordering::Relaxed)),
        (vec!["failed".to_owned()], 1)
    );
}

#[tokio::test(start_paused = true)]
async fn trials_run_side_by_side_up_to_the_limit() {
    let puppet = Puppet::default();
    let cases: Vec<String> = (0..20).map(|number| format!("slow {number}")).collect();
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    let options = RunOptions::default().with_concurrency(5).with_repeats(2);
    let began = tokio::time::Instant::now();
    let run = run(puppet.plan(&cases).evaluator(Contains).options(options)).await;
    assert_eq!(puppet.at_once.lock().unwrap().1, 5);
    assert_eq!(began.elapsed().as_secs(), 80);
    let order: Vec<_> = run
        .trials
        .iter()
        .map(|record| (record.trial.case.clone(), record.trial.repeat))
        .collect();
    let expected = cases
        .iter()
        .flat_map(|case| [1, 2].map(|repeat| ((*case).to_owned(), repeat)));
    assert_eq!(order, expected.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn budgets_and_deadlines_end_a_case_or_the_run() {
    async fn check(options: RunOptions, made: usize, end: RunEnd) {
        let cases: Vec<String> = (0..10).map(|number| format!("slow {number}")).collect();
        let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
        let plan = Puppet::default().plan(&cases).evaluator(Contains);
        let run = run(plan.options(options.with_concurrency(1))).await;
        assert_eq!((run.trials.len(), &run.end), (made, &end));
    }
    let nanos = |nanos| Some(NanoDollars::from_nanos(nanos));
    check(RunOptions::default(), 10, RunEnd::Completed).await;
    check(
        RunOptions::default().with_run_tokens(Some(31)),
        3,
        RunEnd::Budget,
    )
    .await;
    check(
        RunOptions::default().with_run_cost(nanos(2_000)),
        2,
        RunEnd::Budget,
    )
    .await;
    check(
        RunOptions::default().with_deadline(Some(Duration::from_secs(35))),
        4,
        RunEnd::Deadline,
    )
    .await;

    let talk = EvalCase::new("talk", "one").then("two").then("three");
    let puppet = Puppet::default();
    let mut plan = puppet.plan(&["short"]).evaluator(Exact);
    plan.dataset = Dataset::new("talks", vec![talk, EvalCase::new("short", "one")])
        .unwrap()
        .into();
    for options in [
        RunOptions::default().with_case_tokens(Some(30)),
        RunOptions::default().with_case_cost(nanos(1_500)),
    ] {
        plan.options = options;
        let again = EvaluationPlan::new("run", (*plan.dataset).clone(), {
            let agent: std::sync::Arc<dyn Agent> = std::sync::Arc::new(puppet.clone());
            move |_: &EvalCase| agent.clone()
        });
        let run = run(again.evaluator(Exact).options(plan.options.clone())).await;
        assert_eq!(states(&run), ["over_budget", "completed"]);
        assert_eq!(run.trials[0].trial.turns.len(), 2);
    }
}

#[tokio::test]
async fn a_cost_that_is_not_known_is_not_zero() {
    let dataset = vec![
        EvalCase::new("known", "a").then("b"),
        EvalCase::new("in part", "a").then("free").then("c"),
        EvalCase::new("unknown", "free"),
    ];
    let agent: std::sync::Arc<dyn Agent> = std::sync::Arc::new(Puppet::default());
    let dataset = Dataset::new("costs", dataset).unwrap();
    let run = run(
        EvaluationPlan::new("run", dataset, move |_: &EvalCase| agent.clone()).evaluator(Exact),
    )
    .await;
    let costs: Vec<_> = run
        .trials
        .iter()
        .map(|record| record.trial.cost.map(NanoDollars::as_nanos))
        .collect();
    assert_eq!(costs, [Some(2_000), None, None]);
}

/// An evaluator that goes wrong.
#[derive(Debug)]
struct Bad(&'static str);

#[async_trait]
impl Evaluator for Bad {
    fn name(&self) -> &str {
        self.0
    }

    async fn evaluate(&self, _: &EvalCase, _: &Trial) -> Result<Judgement, EvaluatorError> {
        match self.0 {
            "fails" => Err(EvaluatorError::new("no judgement").with_source("the disk is full")),
            "panics" => panic!("as you wish"),
            "hangs" => std::future::pending().await,
            "no number" => Ok(Score::new(f64::NAN, true).into()),
            _ => Ok(Score::new(f64::INFINITY, true).into()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_evaluator_that_goes_wrong_gives_no_score() {
    let mut plan = Puppet::default().plan(&["hello -> hello"]).evaluator(Exact);
    for (bad, reason) in [
        ("fails", "no judgement: the disk is full"),
        ("panics", "the evaluator failed"),
        ("hangs", "the evaluator failed"),
        ("no number", "the score is NaN"),
        ("endless", "the score is inf"),
    ] {
        plan = plan.evaluator(Bad(bad));
        let again = Puppet::default()
            .plan(&["hello -> hello"])
            .evaluator(Exact)
            .evaluator(Bad(bad));
        let run = run(again).await;
        let judgements = &run.trials[0].judgements;
        assert!(
            judgements["exact"]
                .score()
                .is_some_and(|score| score.passed)
        );
        match &judgements[bad] {
            Judgement::Invalid { reason: found, .. } => {
                assert!(found.starts_with(reason), "{found}");
            }
            other => panic!("{bad}: {other:?}"),
        }
        let summary = EvaluatorSummary::of(&run, bad, 0.95);
        assert_eq!((summary.mean, summary.invalid), (None, 1));
    }
    let run = run(plan).await;
    assert_eq!(Summary::of(&run, 0.95).evaluators.len(), 6);
}

#[tokio::test]
async fn plans_that_cannot_be_run_say_why() {
    let plan = || Puppet::default().plan(&["a"]);
    for (plan, expected) in [
        (plan(), "it has no evaluator"),
        (
            plan().evaluator(Exact).evaluator(Exact),
            "two evaluators have the name `exact`",
        ),
        (
            plan()
                .evaluator(Exact)
                .options(RunOptions::default().with_repeats(0)),
            "no repetition",
        ),
        (
            plan()
                .evaluator(Exact)
                .options(RunOptions::default().with_concurrency(0)),
            "no trial at once",
        ),
    ] {
        let error = EvaluationCoordinator::new().run(plan).await.unwrap_err();
        assert!(
            matches!(&error, EvaluationError::Plan(why) if why.contains(expected)),
            "{error}"
        );
    }
    let empty = run(Puppet::default().plan(&[]).evaluator(Exact)).await;
    let summary = EvaluatorSummary::of(&empty, "exact", 0.95);
    assert_eq!(
        (empty.trials.len(), summary.mean, summary.pass_interval),
        (0, None, None)
    );
    assert_eq!(EvaluationCoordinator::new().name(), "evaluation");
}

#[tokio::test]
async fn what_an_evaluator_does_not_judge_has_no_judgement() {
    let refusal = Custom::new("declines", |_, trial| {
        Judgement::passed(trial.state == TrialState::Refused)
    });
    let refusal = refusal.of_states([TrialState::Refused, TrialState::Completed]);
    let run = run(Puppet::default()
        .plan(&["refuse", "hello", "fail"])
        .evaluator(refusal))
    .await;
    let passed: Vec<_> = run
        .trials
        .iter()
        .map(|record| {
            record
                .judgements
                .get("declines")
                .and_then(Judgement::score)
                .map(|score| score.passed)
        })
        .collect();
    assert_eq!(passed, [Some(true), Some(false), None]);
}

/// A subject with a world: a file for each case.
struct World;

#[derive(Debug)]
struct Files(String);

#[async_trait]
impl Subject for World {
    async fn open(&self, case: &EvalCase) -> Result<OpenedAgent, BoxError> {
        if case.id == "absent" {
            return Err("there is no agent".into());
        }
        let opened = OpenedAgent::new(std::sync::Arc::new(Puppet::default()));
        Ok(opened.with_environment(std::sync::Arc::new(Files(case.id.clone()))))
    }
}

#[async_trait]
impl Environment for Files {
    async fn observe(&self, _: &EvalCase) -> Result<Observation, BoxError> {
        if self.0 == "unreadable" {
            return Err("it cannot be read".into());
        }
        let files = BTreeMap::from([("a.txt".to_owned(), Some(self.0.clone()))]);
        Ok(Observation::of_files(files).with_state(serde_json::json!({ "name": self.0 })))
    }
}

#[tokio::test]
async fn the_world_is_looked_at_after_the_last_turn() {
    let cases = ["absent", "unreadable", "there"].map(|id| EvalCase::new(id, "hello"));
    let dataset = Dataset::new("worlds", cases.to_vec()).unwrap();
    let run = run(EvaluationPlan::new("run", dataset, World).evaluator(Exact)).await;
    assert_eq!(states(&run), ["failed", "failed", "completed"]);
    assert_eq!(
        run.trials[0].trial.reason.as_deref(),
        Some("there is no agent")
    );
    let there = &run.trials[2].trial;
    assert_eq!(there.files["a.txt"].as_deref(), Some("there"));
    assert_eq!(
        there.state_after,
        Some(serde_json::json!({ "name": "there" }))
    );
}
