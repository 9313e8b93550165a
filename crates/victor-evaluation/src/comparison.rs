//! The difference of two runs.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use victor_core::UnknownName;
use victor_evaluation_protocol::EvaluationRun;

use crate::CaseSummary;
use crate::statistics::{Paired, Sample};
use crate::summary::{cases, grouped};

/// The difference of two runs by one evaluator, pair by pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The name of the evaluator.
    pub evaluator: String,
    /// The name of the run before.
    pub before: String,
    /// The name of the run after.
    pub after: String,
    /// The mean difference of the cases that both have scored, with its certainty; absent if there is none.
    pub paired: Option<Paired>,
    /// The cases that scored less after than before in every trial: the least of their differences first. Those that
    /// may be chance, since the trials of the case differ among themselves, are not here.
    pub regressions: Vec<String>,
    /// The cases that scored more after than before in every trial.
    pub improvements: Vec<String>,
    /// The cases that the run before alone has scored.
    pub only_before: Vec<String>,
    /// The cases that the run after alone has scored.
    pub only_after: Vec<String>,
}

/// Runs that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// A run has no such evaluator.
    #[error("run `{run}`: {source}")]
    Evaluator {
        /// The run.
        run: String,
        /// The evaluators that it has.
        #[source]
        source: UnknownName,
    },
}

impl Comparison {
    /// Compares two runs by one evaluator, with intervals at `level`, such as 0.95.
    ///
    /// # Errors
    ///
    /// A run has no evaluator of this name.
    pub fn of(
        before: &EvaluationRun,
        after: &EvaluationRun,
        evaluator: &str,
        level: f64,
    ) -> Result<Self, ComparisonError> {
        for run in [before, after] {
            if !run.evaluators.iter().any(|name| name == evaluator) {
                return Err(ComparisonError::Evaluator {
                    run: run.name.clone(),
                    source: UnknownName::new("evaluator", evaluator, &run.evaluators),
                });
            }
        }
        let (first, second) = (
            cases(&before.trials, evaluator),
            cases(&after.trials, evaluator),
        );
        let by_name: HashMap<&str, &CaseSummary> = first
            .iter()
            .map(|case| (case.case.as_str(), case))
            .collect();
        let mut pairs = Vec::new();
        let mut only_after = Vec::new();
        for case in &second {
            match by_name.get(case.case.as_str()) {
                Some(before) => pairs.push((*before, case)),
                None => only_after.push(case.case.clone()),
            }
        }
        let paired: HashSet<&str> = pairs.iter().map(|(case, _)| case.case.as_str()).collect();
        let only_before = first
            .iter()
            .filter(|case| !paired.contains(case.case.as_str()));
        let bounds = [bounds(before, evaluator), bounds(after, evaluator)];
        let apart = |is_less: bool| -> Vec<String> {
            let mut apart: Vec<_> = pairs
                .iter()
                .filter(|(case, _)| {
                    let [one, other] = [0, 1].map(|run: usize| bounds[run][case.case.as_str()]);
                    if is_less {
                        other.1 < one.0
                    } else {
                        other.0 > one.1
                    }
                })
                .map(|(before, after)| (after.mean - before.mean, &before.case))
                .collect();
            apart.sort_by(|(a, _), (b, _)| {
                if is_less {
                    a.total_cmp(b)
                } else {
                    b.total_cmp(a)
                }
            });
            apart.into_iter().map(|(_, case)| case.clone()).collect()
        };
        Ok(Self {
            evaluator: evaluator.to_owned(),
            before: before.name.clone(),
            after: after.name.clone(),
            paired: Paired::of_differences(&differences(&pairs), level),
            regressions: apart(true),
            improvements: apart(false),
            only_before: only_before.map(|case| case.case.clone()).collect(),
            only_after,
        })
    }
}

/// The least and the greatest score of each case.
fn bounds<'a>(run: &'a EvaluationRun, evaluator: &str) -> BTreeMap<&'a str, (f64, f64)> {
    let mut bounds: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for record in &run.trials {
        let judgement = record.judgements.get(evaluator);
        if let Some(score) = judgement.and_then(|judgement| judgement.score()) {
            let bound = bounds
                .entry(record.trial.case.as_str())
                .or_insert((score.value, score.value));
            *bound = (bound.0.min(score.value), bound.1.max(score.value));
        }
    }
    bounds
}

/// The differences of pairs, in the groups of their cases.
fn differences(pairs: &[(&CaseSummary, &CaseSummary)]) -> Sample {
    let differences: Vec<CaseSummary> = pairs
        .iter()
        .map(|(before, after)| CaseSummary {
            mean: after.mean - before.mean,
            ..(*before).clone()
        })
        .collect();
    grouped(&differences, |case| case.mean)
}
