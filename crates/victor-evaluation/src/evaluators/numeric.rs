//! Numbers in answers.

use async_trait::async_trait;
use regex::Regex;
use victor_evaluation_protocol::{EvalCase, Evaluator, EvaluatorError, Judgement, Score, Trial};

/// Whether the last number of the answer is the expected one, within a tolerance.
///
/// Separators of thousands are passed over: `1,234.5` is 1234.5.
#[derive(Debug, Clone)]
pub struct Numeric {
    tolerance: f64,
    number: Regex,
}

impl Numeric {
    /// An evaluator with a tolerance, as a share of the expected number: 0.01 is one in a hundred. Of an expected zero,
    /// it is the tolerance itself. A tolerance that is negative or not finite counts as zero.
    ///
    /// # Panics
    ///
    /// Never: the expression of numbers is valid.
    #[must_use]
    pub fn within(tolerance: f64) -> Self {
        let number = Regex::new(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?\.?\d+(?:[eE][-+]?\d+)?");
        Self {
            tolerance: if tolerance.is_finite() {
                tolerance.max(0.0)
            } else {
                0.0
            },
            number: number.expect("the expression is valid"),
        }
    }

    fn last_number(&self, text: &str) -> Option<f64> {
        let last = self.number.find_iter(text).last()?;
        last.as_str().replace(',', "").parse().ok()
    }
}

impl Default for Numeric {
    /// A tolerance of one in a million.
    fn default() -> Self {
        Self::within(1e-6)
    }
}

#[async_trait]
impl Evaluator for Numeric {
    fn name(&self) -> &str {
        "numeric"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        if case.expected.text.is_empty() {
            return Ok(Judgement::NotApplicable);
        }
        let mut expected = Vec::new();
        for text in &case.expected.text {
            let number = self.last_number(text).filter(|number| number.is_finite());
            expected.push(number.ok_or_else(|| {
                EvaluatorError::new(format!(
                    "the expected answer `{text}` of case `{}` has no number",
                    case.id
                ))
            })?);
        }
        let Some(found) = self.last_number(trial.answer()) else {
            return Ok(Score::new(0.0, false)
                .with_reason("the answer has no number")
                .into());
        };
        let is_near = |expected: &f64| {
            let scale = if *expected == 0.0 {
                1.0
            } else {
                expected.abs()
            };
            (found - expected).abs() <= self.tolerance * scale
        };
        Ok(match expected.iter().any(is_near) {
            true => Judgement::passed(true),
            false => Score::new(0.0, false)
                .with_reason(format!("{found} in place of {expected:?}"))
                .into(),
        })
    }
}
