//! Labels of people, and judges held against them.

use std::io::{self, Write as _};

use anyhow::anyhow;
use clap::Args;
use victor_evaluation::calibration;
use victor_evaluation::protocol::EvaluationRun;
use victor_orchestrator::core::UnknownName;

use super::runs::Runs;
use super::share;
use crate::exit::Failure;
use crate::{table, terminal};

/// A label of a person.
#[derive(Debug, Args)]
pub(super) struct LabelArgs {
    /// The run, by its name
    run: String,

    /// The case
    case: String,

    /// The label: `pass`, `fail`, or a number from 0 to 1
    #[arg(value_parser = label)]
    label: f64,

    /// The evaluator that the label is for. Defaults to the judge of the run
    #[arg(long, value_name = "NAME")]
    evaluator: Option<String>,

    /// The repetition, from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
}

fn label(text: &str) -> Result<f64, String> {
    match text {
        "pass" => Ok(1.0),
        "fail" => Ok(0.0),
        text => share(text).map_err(|_| "write `pass`, `fail`, or a number from 0 to 1".to_owned()),
    }
}

impl LabelArgs {
    /// Adds the label to the run, in place of one that the trial had.
    pub(super) fn label(self, runs: &Runs) -> Result<(), Failure> {
        let mut run = runs.read(&self.run)?;
        let evaluator = match self.evaluator {
            Some(name) => known(&run, &name)?,
            None => only(&run)?,
        };
        let mut trials = run.trials.iter_mut();
        let found = trials
            .find(|record| record.trial.case == self.case && record.trial.repeat == self.repeat);
        let Some(record) = found else {
            let repeats = run
                .trials
                .iter()
                .filter(|record| record.trial.case == self.case)
                .count();
            return Err(Failure::usage(match repeats {
                0 => {
                    let cases = run.trials.iter().map(|record| record.trial.case.clone());
                    UnknownName::new("case", &self.case, cases).into()
                }
                count => anyhow!(
                    "the case `{}` has {count} trials, and none with --repeat {}",
                    self.case,
                    self.repeat
                ),
            }));
        };
        record.labels.insert(evaluator.clone(), self.label);
        runs.write(&run)?;
        terminal::status(&format!(
            "`{}` is labelled {} for {evaluator}",
            self.case, self.label
        ));
        Ok(())
    }
}

fn known(run: &EvaluationRun, name: &str) -> Result<String, Failure> {
    match run.evaluators.iter().any(|known| known == name) {
        true => Ok(name.to_owned()),
        false => Err(Failure::usage(UnknownName::new(
            "evaluator",
            name,
            run.evaluators.clone(),
        ))),
    }
}

/// The evaluator that a label means where none is named: the judge, or else the only one.
fn only(run: &EvaluationRun) -> Result<String, Failure> {
    let judge = run.evaluators.iter().find(|name| *name == "judge");
    match (judge, &run.evaluators[..]) {
        (Some(name), _) | (None, [name]) => Ok(name.clone()),
        (None, names) => Err(Failure::usage(anyhow!(
            "which evaluator is the label for? Name one with --evaluator: {}",
            names.join(", ")
        ))),
    }
}

/// Prints how well evaluators agree with people.
pub(super) fn calibrate(run: &EvaluationRun, evaluator: Option<&str>) -> Result<(), Failure> {
    let names = match evaluator {
        Some(name) => vec![known(run, name)?],
        None => run.evaluators.clone(),
    };
    let mut rows = Vec::new();
    let trials = |trials: &[(String, u32)]| {
        let names = trials.iter().map(|(case, repeat)| match repeat {
            1 => case.clone(),
            repeat => format!("{case} ({repeat})"),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    for name in names {
        let found = calibration(run, &name);
        let Some(agreement) = found.agreement else {
            continue;
        };
        let alpha = found
            .alpha
            .map_or_else(|| "-".to_owned(), |alpha| format!("{alpha:.2}"));
        rows.push([
            name,
            format!("{} labels", found.labelled),
            format!("agrees on {:.0} %", agreement * 100.0),
            format!("alpha {alpha}"),
            format!("passed wrongly: {}", trials(&found.false_passes)),
            format!("failed wrongly: {}", trials(&found.false_failures)),
        ]);
    }
    if rows.is_empty() {
        return Err(Failure::usage(anyhow!(
            "no trial of `{}` has a label: add some with `victor eval label {} CASE pass|fail`",
            run.name,
            run.name
        )));
    }
    writeln!(io::stdout().lock(), "{}", table::table(&rows, &[]))?;
    Ok(())
}
