//! Decisions by runs.

use std::fmt;

use serde::Serialize;

use crate::{Comparison, EvaluatorSummary};

/// A condition that a run must meet. It is decided by the interval and not by the point: a run whose interval holds both
/// is undecided, and more cases or repetitions would decide it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Gate {
    /// The share of trials that pass is at least so much.
    MinPass(f64),
    /// The run is not worse than another one by more than so much.
    NoWorseBy(f64),
}

/// A decision of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateDecision {
    /// The condition is met.
    Passed,
    /// The condition is not met.
    Failed,
    /// The run is too small to tell, or a part of it has no scores.
    Undecided,
}

impl Gate {
    /// Decides by the pass rate of an evaluator. A run with trials that have no score, such as errors, does not pass: it
    /// is undecided unless it fails anyway.
    #[must_use]
    pub fn decide(self, summary: &EvaluatorSummary) -> GateDecision {
        let Self::MinPass(least) = self else {
            return GateDecision::Undecided;
        };
        match summary.pass_interval {
            Some(interval) if interval.upper < least => GateDecision::Failed,
            Some(interval)
                if interval.lower >= least && summary.invalid + summary.unjudged == 0 =>
            {
                GateDecision::Passed
            }
            _ => GateDecision::Undecided,
        }
    }

    /// Decides by the difference of two runs. A run that has not scored every case that the other one has does not pass.
    #[must_use]
    pub fn decide_difference(self, comparison: &Comparison) -> GateDecision {
        let Self::NoWorseBy(most) = self else {
            return GateDecision::Undecided;
        };
        let interval = comparison
            .paired
            .as_ref()
            .and_then(|paired| paired.interval);
        match interval {
            Some(interval) if interval.upper < -most => GateDecision::Failed,
            Some(interval) if interval.lower >= -most && comparison.only_before.is_empty() => {
                GateDecision::Passed
            }
            _ => GateDecision::Undecided,
        }
    }
}

impl fmt::Display for GateDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Undecided => "undecided",
        })
    }
}
