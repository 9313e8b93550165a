//! Judges against people.

use serde::Serialize;
use victor_evaluation_protocol::{EvaluationRun, Judgement};

use crate::statistics::{Scale, krippendorff_alpha};

/// The agreement of an evaluator with people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Calibration {
    /// The number of trials that both have judged.
    pub labelled: usize,
    /// The share of these on which they agree whether it passed (a label of 0.5 or more is a pass).
    pub agreement: Option<f64>,
    /// Krippendorff's alpha of passing, which leaves out what chance explains; absent without labels.
    pub alpha: Option<f64>,
    /// Trials that the evaluator passed and people did not.
    pub false_passes: Vec<(String, u32)>,
    /// Trials that people passed and the evaluator did not.
    pub false_failures: Vec<(String, u32)>,
}

/// Compares the scores of an evaluator with the [labels](victor_evaluation_protocol::TrialRecord::labels) of people.
#[must_use]
pub fn calibration(run: &EvaluationRun, evaluator: &str) -> Calibration {
    let mut units = Vec::new();
    let (mut false_passes, mut false_failures) = (Vec::new(), Vec::new());
    for record in &run.trials {
        let score = record.judgements.get(evaluator).and_then(Judgement::score);
        let Some((score, label)) = score.zip(record.labels.get(evaluator)) else {
            continue;
        };
        let of_people = *label >= 0.5;
        units.push(
            [score.passed, of_people]
                .map(|passed| f64::from(u8::from(passed)))
                .to_vec(),
        );
        let trial = || (record.trial.case.clone(), record.trial.repeat);
        match (score.passed, of_people) {
            (true, false) => false_passes.push(trial()),
            (false, true) => false_failures.push(trial()),
            _ => {}
        }
    }
    let wrong = false_passes.len() + false_failures.len();
    #[expect(clippy::cast_precision_loss, reason = "nobody labels 2^53 trials")]
    let agreement = (!units.is_empty()).then(|| 1.0 - wrong as f64 / units.len() as f64);
    Calibration {
        labelled: units.len(),
        agreement,
        alpha: krippendorff_alpha(&units, Scale::Nominal),
        false_passes,
        false_failures,
    }
}
