//! Summaries of runs.

use std::collections::BTreeMap;

use serde::Serialize;
use victor_core::Usage;
use victor_evaluation_protocol::{EvaluationRun, Judgement, TrialRecord};
use victor_provider_protocol::NanoDollars;

use crate::statistics::{
    Interval, Sample, mean, pass_at_k, pass_hat_k, student_interval, wilson_interval,
};

/// A summary of a run: the states of its trials, and the scores of each evaluator with their certainty.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The name of the run.
    pub name: String,
    /// The number of trials by state. Only completed ones count in the means, unless an evaluator judges others.
    pub states: BTreeMap<String, usize>,
    /// The scores by evaluator, in the order of the plan.
    pub evaluators: Vec<EvaluatorSummary>,
    /// Usage of all trials and judges.
    pub usage: Usage,
    /// The cost of all trials and judges, as far as it is known.
    pub cost: NanoDollars,
}

/// The scores of one evaluator.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EvaluatorSummary {
    /// The name of the evaluator.
    pub name: String,
    /// The number of trials with a score.
    pub scored: usize,
    /// The number of judgements that do not count.
    pub invalid: usize,
    /// The number of trials without a judgement because of their state, such as errors.
    pub unjudged: usize,
    /// The mean of the cases, of which each is the mean of its trials; absent without scores.
    pub mean: Option<f64>,
    /// The interval of the mean by Student's t distribution; absent of fewer than two cases, or groups where cases have
    /// groups.
    pub interval: Option<Interval>,
    /// The standard error of the mean.
    pub standard_error: Option<f64>,
    /// The share of the trials that passed, as the mean of the cases.
    pub pass_rate: Option<f64>,
    /// The interval of that share by Wilson's score.
    pub pass_interval: Option<Interval>,
    /// The estimate that at least one of k trials passes, the mean of the cases, for each k up to the number of
    /// repetitions for which every scored case has enough trials.
    pub pass_at: BTreeMap<usize, f64>,
    /// The estimate that all of k trials pass.
    pub pass_hat: BTreeMap<usize, f64>,
    /// The cases of which some trials passed and some did not.
    pub flaky: Vec<String>,
    /// The cases.
    pub cases: Vec<CaseSummary>,
}

/// The scores of one case by one evaluator.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaseSummary {
    /// The name of the case.
    pub case: String,
    /// Its group.
    pub group: Option<String>,
    /// The number of trials with a score.
    pub scored: usize,
    /// The number of those that passed.
    pub passed: usize,
    /// The mean score.
    pub mean: f64,
}

impl Summary {
    /// Sums a run up, with intervals at `level`, such as 0.95.
    #[must_use]
    pub fn of(run: &EvaluationRun, level: f64) -> Self {
        let mut states = BTreeMap::new();
        for record in &run.trials {
            *states.entry(record.trial.state.to_string()).or_default() += 1;
        }
        let evaluators = run.evaluators.iter();
        Self {
            name: run.name.clone(),
            states,
            evaluators: evaluators
                .map(|name| EvaluatorSummary::of(run, name, level))
                .collect(),
            usage: run.usage(),
            cost: run.cost(),
        }
    }

    /// The scores of an evaluator.
    #[must_use]
    pub fn evaluator(&self, name: &str) -> Option<&EvaluatorSummary> {
        self.evaluators
            .iter()
            .find(|evaluator| evaluator.name == name)
    }
}

impl EvaluatorSummary {
    /// Sums the scores of one evaluator up, with intervals at `level`.
    #[must_use]
    pub fn of(run: &EvaluationRun, name: &str, level: f64) -> Self {
        let (mut invalid, mut unjudged) = (0, 0);
        for record in &run.trials {
            match record.judgements.get(name) {
                None => unjudged += 1,
                Some(Judgement::Invalid { .. }) => invalid += 1,
                Some(_) => {}
            }
        }
        let cases = cases(&run.trials, name);
        let scores = grouped(&cases, |case| case.mean);
        let passes = grouped(&cases, CaseSummary::pass_rate);
        let repeats = cases.iter().map(|case| case.scored).min().unwrap_or(0);
        let estimates = |estimate: fn(usize, usize, usize) -> Option<f64>| {
            let of_k = |k| {
                mean(
                    cases
                        .iter()
                        .filter_map(move |case| estimate(case.scored, case.passed, k)),
                )
            };
            (1..=repeats).filter_map(|k| Some((k, of_k(k)?))).collect()
        };
        Self {
            name: name.to_owned(),
            scored: cases.iter().map(|case| case.scored).sum(),
            invalid,
            unjudged,
            mean: scores.mean(),
            interval: student_interval(&scores, level),
            standard_error: scores.standard_error(),
            pass_rate: passes.mean(),
            pass_interval: wilson_interval(&passes, level),
            pass_at: estimates(pass_at_k),
            pass_hat: estimates(pass_hat_k),
            flaky: cases
                .iter()
                .filter(|case| case.is_flaky())
                .map(|case| case.case.clone())
                .collect(),
            cases,
        }
    }
}

impl CaseSummary {
    /// The share of the scored trials that passed.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 trials")]
    pub fn pass_rate(&self) -> f64 {
        self.passed as f64 / self.scored as f64
    }

    /// Whether some trials passed and some did not.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        self.passed > 0 && self.passed < self.scored
    }
}

/// The scored cases, in the order of their first trials.
pub(crate) fn cases(records: &[TrialRecord], evaluator: &str) -> Vec<CaseSummary> {
    let mut cases: Vec<CaseSummary> = Vec::new();
    let mut places = BTreeMap::new();
    for record in records {
        let Some(score) = record.judgements.get(evaluator).and_then(Judgement::score) else {
            continue;
        };
        let place = *places.entry(record.trial.case.as_str()).or_insert_with(|| {
            cases.push(CaseSummary {
                case: record.trial.case.clone(),
                group: record.group.clone(),
                scored: 0,
                passed: 0,
                mean: 0.0,
            });
            cases.len() - 1
        });
        let case = &mut cases[place];
        case.scored += 1;
        case.passed += usize::from(score.passed);
        case.mean += score.value;
    }
    for case in &mut cases {
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 trials")]
        let scored = case.scored as f64;
        case.mean /= scored;
    }
    cases
}

/// Values of cases as a sample: in groups if any case has one. A case without is then one of its own.
pub(crate) fn grouped(cases: &[CaseSummary], value: impl Fn(&CaseSummary) -> f64) -> Sample {
    if cases.iter().all(|case| case.group.is_none()) {
        return Sample::of(&cases.iter().map(value).collect::<Vec<_>>());
    }
    let mut groups: BTreeMap<(Option<&str>, &str), Vec<f64>> = BTreeMap::new();
    for case in cases {
        let key = match &case.group {
            Some(group) => (Some(group.as_str()), ""),
            None => (None, case.case.as_str()),
        };
        groups.entry(key).or_default().push(value(case));
    }
    Sample::of_groups(groups.into_values().collect())
}
