//! The coordinator.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;
use victor_core::{Coordinator, Timestamp};
use victor_evaluation_protocol::{
    EvaluationError, EvaluationPlan, EvaluationRun, EvaluationRunner, RunEnd, TrialRecord,
};
use victor_provider_protocol::NanoDollars;

use crate::judging::judge;
use crate::trials::make_trial;

/// The evaluation coordinator: the role [`EvaluationRunner`].
///
/// Trials run side by side in the task that awaits the run; nothing is spawned. The first repetition of all cases comes
/// before the second, so that a run which ends early has seen every case.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct EvaluationCoordinator;

impl EvaluationCoordinator {
    /// A coordinator.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Coordinator for EvaluationCoordinator {
    fn name(&self) -> &str {
        "evaluation"
    }
}

#[async_trait]
impl EvaluationRunner for EvaluationCoordinator {
    async fn run(&self, plan: EvaluationPlan) -> Result<EvaluationRun, EvaluationError> {
        check(&plan)?;
        let evaluators = plan
            .evaluators
            .iter()
            .map(|evaluator| evaluator.name().to_owned());
        let mut run = EvaluationRun::new(&plan.name, plan.dataset.name(), evaluators.collect());
        run.trials = match &plan.log {
            Some(log) => known(&plan, log.records().await?)?,
            None => Vec::new(),
        };
        let limits = Limits::new(&plan, &run.trials);
        let made: HashSet<(String, u32)> = run.trials.iter().map(key).collect();
        let cases = plan.dataset.cases();
        let due: Vec<(usize, u32)> = (1..=plan.options.repeats)
            .flat_map(|repeat| (0..cases.len()).map(move |place| (place, repeat)))
            .filter(|(place, repeat)| !made.contains(&(cases[*place].id.clone(), *repeat)))
            .collect();
        let trials = due
            .into_iter()
            .map(|(place, repeat)| record(&plan, &limits, place, repeat));
        let mut trials = stream::iter(trials).buffer_unordered(plan.options.concurrency);
        while let Some(ended) = trials.next().await {
            match ended {
                Ok(record) => {
                    if let Some(log) = &plan.log {
                        log.append(&record).await?;
                    }
                    run.trials.push(record);
                }
                Err(end) => run.end = end,
            }
        }
        sort(&mut run.trials, &plan);
        run.ended = Timestamp::now();
        Ok(run)
    }
}

/// Makes a trial and judges it, unless the run has ended.
async fn record(
    plan: &EvaluationPlan,
    limits: &Limits,
    place: usize,
    repeat: u32,
) -> Result<TrialRecord, RunEnd> {
    limits.check()?;
    let case = &plan.dataset.cases()[place];
    let trial = make_trial(&*plan.subject, &plan.options, case, repeat).await;
    let mut record = TrialRecord::new(trial, case.group.clone());
    for evaluator in &plan.evaluators {
        if let Some(judgement) = judge(
            &**evaluator,
            plan.options.evaluator_timeout,
            case,
            &record.trial,
        )
        .await
        {
            record
                .judgements
                .insert(evaluator.name().to_owned(), judgement);
        }
    }
    limits.spend(&record);
    Ok(record)
}

/// Limits of a run, and the part of them that is spent.
struct Limits {
    deadline: Option<Instant>,
    tokens: (u64, AtomicU64),
    nanos: (u64, AtomicU64),
}

impl Limits {
    fn new(plan: &EvaluationPlan, made: &[TrialRecord]) -> Self {
        let options = &plan.options;
        let limits = Self {
            deadline: options
                .deadline
                .and_then(|time| Instant::now().checked_add(time)),
            tokens: (options.run_tokens.unwrap_or(u64::MAX), AtomicU64::new(0)),
            nanos: (
                options.run_cost.map_or(u64::MAX, NanoDollars::as_nanos),
                AtomicU64::new(0),
            ),
        };
        for record in made {
            limits.spend(record);
        }
        limits
    }

    fn check(&self) -> Result<(), RunEnd> {
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(RunEnd::Deadline);
        }
        let is_spent = |(limit, spent): &(u64, AtomicU64)| spent.load(Ordering::Relaxed) >= *limit;
        if is_spent(&self.tokens) || is_spent(&self.nanos) {
            return Err(RunEnd::Budget);
        }
        Ok(())
    }

    fn spend(&self, record: &TrialRecord) {
        self.tokens.1.fetch_add(record.tokens(), Ordering::Relaxed);
        self.nanos
            .1
            .fetch_add(record.cost().as_nanos(), Ordering::Relaxed);
    }
}

fn key(record: &TrialRecord) -> (String, u32) {
    (record.trial.case.clone(), record.trial.repeat)
}

fn check(plan: &EvaluationPlan) -> Result<(), EvaluationError> {
    let problem = |problem: &str| Err(EvaluationError::Plan(problem.to_owned()));
    if plan.options.repeats == 0 {
        return problem("it asks for no repetition: ask for 1 or more");
    }
    if plan.options.concurrency == 0 {
        return problem("it permits no trial at once: permit 1 or more");
    }
    if plan.evaluators.is_empty() {
        return problem("it has no evaluator, so nothing would be judged: add one");
    }
    let mut names = HashSet::new();
    match plan
        .evaluators
        .iter()
        .find(|evaluator| !names.insert(evaluator.name()))
    {
        Some(twice) => problem(&format!(
            "two evaluators have the name `{}`: rename one",
            twice.name()
        )),
        None => Ok(()),
    }
}

/// The records of a log that belong to a plan, each once: the last one, if a trial is there twice.
fn known(
    plan: &EvaluationPlan,
    records: Vec<TrialRecord>,
) -> Result<Vec<TrialRecord>, EvaluationError> {
    let cases: HashSet<&str> = plan
        .dataset
        .cases()
        .iter()
        .map(|case| case.id.as_str())
        .collect();
    let mut known = HashMap::new();
    for record in records {
        let trial = &record.trial;
        if !cases.contains(trial.case.as_str())
            || !(1..=plan.options.repeats).contains(&trial.repeat)
        {
            return Err(EvaluationError::ForeignLog {
                case: trial.case.clone(),
                repeat: trial.repeat,
            });
        }
        known.insert((trial.case.clone(), trial.repeat), record);
    }
    Ok(known.into_values().collect())
}

/// Puts trials in the order of the cases and repetitions.
fn sort(trials: &mut [TrialRecord], plan: &EvaluationPlan) {
    let cases = plan.dataset.cases().iter().enumerate();
    let places: HashMap<&str, usize> = cases
        .map(|(place, case)| (case.id.as_str(), place))
        .collect();
    trials.sort_by_cached_key(|record| {
        (
            places.get(record.trial.case.as_str()).copied(),
            record.trial.repeat,
        )
    });
}
