use async_trait::async_trait;
use victor_evaluation_protocol::{
    EvalCase, Evaluator, EvaluatorError, Judgement, Score, Trial, TrialState,
};
use victor_testkit::conformance;

use super::{Bug, breaks};

/// Judges by the length of an answer.
#[derive(Debug)]
struct Lengths(Bug);

#[async_trait]
impl Evaluator for Lengths {
    fn name(&self) -> &str {
        match self.0.name {
            "nameless" => "",
            _ => self.0.changes("renames itself", ["lengths", "heights"]),
        }
    }

    fn judges(&self, state: &TrialState) -> bool {
        *state == TrialState::Completed && !self.0.is("judges nothing")
    }

    async fn evaluate(&self, _: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        let is_wrong = self.0.shows().await;
        if self.0.is("fails") {
            return Err(EvaluatorError::new("it fails"));
        }
        if self.0.is("needs an answer") {
            assert!(!trial.turns.is_empty(), "no answer");
        }
        let score = match self.0.name {
            "counts in percent" => 50.0,
            _ if is_wrong => 0.25,
            _ => 0.5,
        };
        Ok(Score::new(score, true).into())
    }
}

async fn suite(bug: &'static str) {
    let (case, trial) = (
        EvalCase::new("case", "Hello?"),
        Trial::answered("case", "Hi!"),
    );
    conformance::evaluator(&Lengths(Bug::new(bug)), &case, &trial).await;
}

#[tokio::test]
async fn a_right_evaluator_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "an evaluator has a name"),
        ("renames itself", "the name is always the same"),
        ("judges nothing", "the trial is one that it judges"),
        ("fails", "the trial can be judged"),
        ("counts in percent", "a score is from 0 to 1"),
        ("second call", "the same trial is judged the same"),
        ("side by side", "the same trial is judged the same"),
        (
            "after a drop",
            "a call that was dropped leaves nothing behind",
        ),
        ("needs an answer", "no call panics"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
