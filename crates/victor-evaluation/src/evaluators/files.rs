//! The world after a trial.

use async_trait::async_trait;
use victor_evaluation_protocol::{EvalCase, Evaluator, EvaluatorError, Judgement, Score, Trial};

use super::trajectory::contains;

/// Whether the files that the case names have the expected contents after the last turn. The score is the share of those
/// that have.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesMatch;

#[async_trait]
impl Evaluator for FilesMatch {
    fn name(&self) -> &str {
        "files"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        let expected = &case.expected.files;
        if expected.is_empty() {
            return Ok(Judgement::NotApplicable);
        }
        let wrong: Vec<String> = expected
            .iter()
            .filter_map(|(path, content)| match (trial.files.get(path), content) {
                (None, _) => Some(format!(
                    "`{path}` was not looked at: the agent has no environment"
                )),
                (Some(found), expected) if found == expected => None,
                (Some(None), Some(_)) => Some(format!("`{path}` is missing")),
                (Some(Some(_)), None) => Some(format!("`{path}` should not be there")),
                (Some(Some(_)), Some(_)) => Some(format!("`{path}` differs")),
                (Some(None), None) => None,
            })
            .collect();
        if wrong.is_empty() {
            return Ok(Judgement::passed(true));
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody names 2^53 files")]
        let share = (expected.len() - wrong.len()) as f64 / expected.len() as f64;
        Ok(Score::new(share, false)
            .with_reason(wrong.join("; "))
            .into())
    }
}

/// Whether the state of the environment after the last turn has every field that the case names.
#[derive(Debug, Clone, Copy, Default)]
pub struct StateMatches;

#[async_trait]
impl Evaluator for StateMatches {
    fn name(&self) -> &str {
        "state"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        let Some(expected) = &case.expected.state else {
            return Ok(Judgement::NotApplicable);
        };
        Ok(match &trial.state_after {
            None => {
                Judgement::invalid("the agent has no environment whose state could be looked at")
            }
            Some(state) if contains(state, expected) => Judgement::passed(true),
            Some(state) => Score::new(0.0, false)
                .with_reason(format!("the state is {state}"))
                .into(),
        })
    }
}
