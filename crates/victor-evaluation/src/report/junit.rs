//! Reports for continuous integration.

use std::fmt::Write as _;

use victor_evaluation_protocol::{EvaluationRun, Judgement, TrialRecord, TrialState};

use super::escape;

/// A report as JUnit XML, which most systems of continuous integration show: a suite for each evaluator, a test for each
/// trial. A trial that did not pass is a failure; one without a score that counts is an error; one to which the evaluator
/// does not apply is skipped.
#[must_use]
pub fn junit(run: &EvaluationRun) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\">\n",
        escape(&run.name)
    );
    for evaluator in &run.evaluators {
        let outcomes: Vec<(&TrialRecord, Outcome)> = run
            .trials
            .iter()
            .map(|record| (record, Outcome::of(record, evaluator)))
            .collect();
        let count =
            |is: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, outcome)| is(outcome)).count();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" timestamp=\"{}\">",
            escape(evaluator),
            outcomes.len(),
            count(|outcome| matches!(outcome, Outcome::Failed(_))),
            count(|outcome| matches!(outcome, Outcome::Error(_))),
            count(|outcome| matches!(outcome, Outcome::Skipped)),
            run.started,
        );
        for (record, outcome) in outcomes {
            let trial = &record.trial;
            let _ = write!(
                xml,
                "    <testcase classname=\"{}\" name=\"{} #{}\" time=\"{:.3}\"",
                escape(&run.dataset),
                escape(&trial.case),
                trial.repeat,
                trial.duration.as_secs_f64(),
            );
            let _ = match outcome {
                Outcome::Passed => writeln!(xml, "/>"),
                Outcome::Skipped => writeln!(xml, "><skipped/></testcase>"),
                Outcome::Failed(why) => {
                    writeln!(xml, "><failure message=\"{}\"/></testcase>", escape(&why))
                }
                Outcome::Error(why) => {
                    writeln!(xml, "><error message=\"{}\"/></testcase>", escape(&why))
                }
            };
        }
        xml += "  </testsuite>\n";
    }
    xml + "</testsuites>\n"
}

enum Outcome {
    Passed,
    Failed(String),
    Error(String),
    Skipped,
}

impl Outcome {
    fn of(record: &TrialRecord, evaluator: &str) -> Self {
        match record.judgements.get(evaluator) {
            Some(Judgement::Scored(score)) if score.passed => Self::Passed,
            Some(Judgement::Scored(score)) => Self::Failed(
                score
                    .reason
                    .clone()
                    .unwrap_or_else(|| format!("score {}", score.value)),
            ),
            Some(Judgement::Invalid { reason, .. }) => Self::Error(reason.clone()),
            Some(_) => Self::Skipped,
            None => {
                let trial = &record.trial;
                match (&trial.state, &trial.reason) {
                    (TrialState::Completed, _) => Self::Skipped,
                    (state, Some(reason)) => Self::Error(format!("{state}: {reason}")),
                    (state, None) => Self::Error(state.to_string()),
                }
            }
        }
    }
}
