//! Results of runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{Timestamp, Usage};
use victor_provider_protocol::NanoDollars;

use crate::{Judgement, Trial};

/// A run: every trial, with its judgements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EvaluationRun {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The name of the run.
    pub name: String,
    /// The name of the dataset.
    pub dataset: String,
    /// The names of the evaluators, in the order of the plan.
    pub evaluators: Vec<String>,
    /// The time at which it began.
    pub started: Timestamp,
    /// The time at which it ended.
    pub ended: Timestamp,
    /// The way in which it ended.
    pub end: RunEnd,
    /// The trials, in the order of the cases and repetitions. Those that were not made are missing.
    pub trials: Vec<TrialRecord>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

victor_core::open_string_enum! {
    /// The way in which a run ended.
    pub enum RunEnd {
        /// Every trial was made.
        Completed = "completed",
        /// The deadline was reached before.
        Deadline = "deadline",
        /// The budget of the run was reached before.
        Budget = "budget",
    }
}

/// A trial and its judgements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialRecord {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The trial.
    pub trial: Trial,
    /// The group of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The judgements by evaluator. An evaluator that does not judge trials in this state has none.
    pub judgements: BTreeMap<String, Judgement>,
    /// Labels of people by evaluator, from 0 to 1, against which judges are calibrated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, f64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EvaluationRun {
    /// A run that begins now, without trials.
    pub fn new(
        name: impl Into<String>,
        dataset: impl Into<String>,
        evaluators: Vec<String>,
    ) -> Self {
        let now = Timestamp::now();
        Self {
            version: FormatVersion,
            name: name.into(),
            dataset: dataset.into(),
            evaluators,
            started: now,
            ended: now,
            end: RunEnd::Completed,
            trials: Vec::new(),
            extra: Extra::default(),
        }
    }

    /// Usage of all trials and judges.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        for record in &self.trials {
            record.add_usage(&mut sum);
        }
        sum
    }

    /// The cost of all trials and judges whose cost is known.
    #[must_use]
    pub fn cost(&self) -> NanoDollars {
        let costs = self.trials.iter().map(TrialRecord::cost);
        costs.fold(NanoDollars::default(), |sum, cost| sum + cost)
    }
}

impl TrialRecord {
    /// A trial without judgements.
    #[must_use]
    pub fn new(trial: Trial, group: Option<String>) -> Self {
        Self {
            version: FormatVersion,
            trial,
            group,
            judgements: BTreeMap::new(),
            labels: BTreeMap::new(),
            extra: Extra::default(),
        }
    }

    /// Tokens of the trial and its judges.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let mut sum = Usage::default();
        self.add_usage(&mut sum);
        sum.total_tokens()
    }

    /// The cost of the trial and its judges, as far as it is known.
    #[must_use]
    pub fn cost(&self) -> NanoDollars {
        let judges = self
            .judgements
            .values()
            .filter_map(|judgement| match judgement {
                Judgement::Scored(score) => score.cost,
                Judgement::Invalid { cost, .. } => *cost,
                Judgement::NotApplicable => None,
            });
        let all = self.trial.cost.into_iter().chain(judges);
        all.fold(NanoDollars::default(), |sum, cost| sum + cost)
    }

    fn add_usage(&self, sum: &mut Usage) {
        *sum += &self.trial.usage;
        for judgement in self.judgements.values() {
            match judgement {
                Judgement::Scored(score) => *sum += &score.usage,
                Judgement::Invalid { usage, .. } => *sum += usage,
                Judgement::NotApplicable => {}
            }
        }
    }
}
