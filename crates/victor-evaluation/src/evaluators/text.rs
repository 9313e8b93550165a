//! Evaluators of the text of the answer.

use async_trait::async_trait;
use regex::{Regex, RegexBuilder};
use victor_evaluation_protocol::{EvalCase, Evaluator, EvaluatorError, Judgement, Score, Trial};

/// Whether the answer is one of the expected ones, but for the white space around it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exact;

#[async_trait]
impl Evaluator for Exact {
    fn name(&self) -> &str {
        "exact"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        let answer = trial.answer().trim();
        Ok(one_of(case, |expected| expected.trim() == answer))
    }
}

/// Whether the answer contains one of the expected ones. Upper and lower case are the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contains;

#[async_trait]
impl Evaluator for Contains {
    fn name(&self) -> &str {
        "contains"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        let answer = trial.answer().to_lowercase();
        Ok(one_of(case, |expected| {
            answer.contains(&expected.to_lowercase())
        }))
    }
}

/// Judges by the expected answers, one of which is enough.
fn one_of(case: &EvalCase, is_met: impl Fn(&str) -> bool) -> Judgement {
    let expected = &case.expected.text;
    if expected.is_empty() {
        return Judgement::NotApplicable;
    }
    match expected.iter().find(|expected| is_met(expected)) {
        Some(_) => Judgement::passed(true),
        None => Score::new(0.0, false)
            .with_reason(format!("expected `{}`", expected.join("` or `")))
            .into(),
    }
}

/// Whether the answer has a match of a regular expression.
#[derive(Debug, Clone)]
pub struct RegexMatches {
    name: String,
    regex: Regex,
}

impl RegexMatches {
    /// The size that a compiled expression may have, in bytes.
    const SIZE_LIMIT: usize = 1 << 20;

    /// An evaluator under this name.
    ///
    /// # Errors
    ///
    /// The expression is not valid, or larger than 1 MiB when compiled.
    pub fn new(name: impl Into<String>, pattern: &str) -> Result<Self, regex::Error> {
        let regex = RegexBuilder::new(pattern)
            .size_limit(Self::SIZE_LIMIT)
            .build()?;
        let name = name.into();
        Ok(Self { name, regex })
    }
}

#[async_trait]
impl Evaluator for RegexMatches {
    fn name(&self) -> &str {
        &self.name
    }

    async fn evaluate(&self, _: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        if self.regex.is_match(trial.answer()) {
            return Ok(Judgement::passed(true));
        }
        let score = Score::new(0.0, false);
        Ok(score
            .with_reason(format!("nothing matches `{}`", self.regex))
            .into())
    }
}
