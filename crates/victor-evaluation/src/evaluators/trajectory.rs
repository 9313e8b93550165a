//! The tool calls of a trial.

use async_trait::async_trait;
use serde_json::Value;
use victor_evaluation_protocol::{
    EvalCase, Evaluator, EvaluatorError, ExpectedCall, Judgement, ObservedCall, Score, Trial,
};

/// Whether the tool calls of a trial are the expected ones.
///
/// The score is the share of the expected calls that were made, less those that should not have been: the number of
/// matches divided by that of all calls, expected or made. It passes where the [`TrajectoryMatch`] holds.
#[derive(Debug, Clone, Copy)]
pub struct Trajectory {
    rule: TrajectoryMatch,
}

/// The rule by which tool calls are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrajectoryMatch {
    /// The same calls in the same order.
    Strict,
    /// The same calls in any order.
    Unordered,
    /// No call that is not expected; some may be missing.
    Subset,
    /// All expected calls; others may be made, too.
    Superset,
}

impl Trajectory {
    /// An evaluator by this rule.
    #[must_use]
    pub fn new(rule: TrajectoryMatch) -> Self {
        Self { rule }
    }
}

#[async_trait]
impl Evaluator for Trajectory {
    fn name(&self) -> &str {
        match self.rule {
            TrajectoryMatch::Strict => "trajectory_strict",
            TrajectoryMatch::Unordered => "trajectory_unordered",
            TrajectoryMatch::Subset => "trajectory_subset",
            TrajectoryMatch::Superset => "trajectory_superset",
        }
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        let Some(expected) = &case.expected.tools else {
            return Ok(Judgement::NotApplicable);
        };
        let calls: Vec<&ObservedCall> = trial.calls().collect();
        let matches = match self.rule {
            TrajectoryMatch::Strict => in_order(expected, &calls),
            _ => pairs(expected, &calls),
        };
        let (missing, surplus) = (expected.len() - matches, calls.len() - matches);
        let passed = match self.rule {
            TrajectoryMatch::Strict | TrajectoryMatch::Unordered => missing + surplus == 0,
            TrajectoryMatch::Subset => surplus == 0,
            TrajectoryMatch::Superset => missing == 0,
        };
        let all = matches + missing + surplus;
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls")]
        let share = if all == 0 {
            1.0
        } else {
            matches as f64 / all as f64
        };
        let score = Score::new(share, passed);
        Ok(match passed {
            true => score.into(),
            false => {
                let made: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
                let reason = format!(
                    "{missing} missing, {surplus} not expected, made: {}",
                    made.join(", ")
                );
                score.with_reason(reason).into()
            }
        })
    }
}

/// The length of the longest sequence of expected calls that were made in this order.
fn in_order(expected: &[ExpectedCall], calls: &[&ObservedCall]) -> usize {
    let mut best = vec![0; calls.len() + 1];
    for expected in expected {
        let mut diagonal = 0;
        for (place, call) in calls.iter().enumerate() {
            let above = best[place + 1];
            best[place + 1] = match fits(expected, call) {
                true => diagonal + 1,
                false => above.max(best[place]),
            };
            diagonal = above;
        }
    }
    best[calls.len()]
}

/// The most pairs of an expected call and one that was made, each in one pair at most: augmenting paths, since a call
/// with fewer named arguments fits more of those that were made.
fn pairs(expected: &[ExpectedCall], calls: &[&ObservedCall]) -> usize {
    fn find(
        of: usize,
        fits: &impl Fn(usize, usize) -> bool,
        taken: &mut [Option<usize>],
        tried: &mut [bool],
    ) -> bool {
        for call in 0..taken.len() {
            if tried[call] || !fits(of, call) {
                continue;
            }
            tried[call] = true;
            if taken[call].is_none_or(|holder| find(holder, fits, taken, tried)) {
                taken[call] = Some(of);
                return true;
            }
        }
        false
    }
    let is_match = |of: usize, call: usize| fits(&expected[of], calls[call]);
    let mut taken = vec![None; calls.len()];
    let found = (0..expected.len()).filter(|of| {
        let mut tried = vec![false; calls.len()];
        find(*of, &is_match, &mut taken, &mut tried)
    });
    found.count()
}

fn fits(expected: &ExpectedCall, call: &ObservedCall) -> bool {
    let arguments = expected.arguments.as_ref();
    expected.name == call.name
        && arguments.is_none_or(|expected| contains(&call.arguments, expected))
}

/// Whether a value has every field that another one names, with its value; what is no object must be equal.
pub(super) fn contains(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| {
                value
                    .get(name)
                    .is_some_and(|value| contains(value, expected))
            })
        }
        (Value::Number(value), Value::Number(expected)) => {
            value == expected
                || value
                    .as_f64()
                    .zip(expected.as_f64())
                    .is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
        }
        _ => value == expected,
    }
}
