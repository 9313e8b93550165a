//! Reports for a terminal.

use std::fmt::Write as _;

use super::{cases, number, numbers, percent, percents, repeats};
use crate::{Comparison, Summary};

/// A report in a few lines of plain text. Names in it are those of cases and evaluators, as they are.
#[must_use]
pub fn text(summary: &Summary, comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    let states: Vec<String> = summary
        .states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let _ = writeln!(
        text,
        "{}: {}; {} tokens, {} of known cost",
        summary.name,
        if states.is_empty() {
            "no trials".into()
        } else {
            states.join(", ")
        },
        summary.usage.total_tokens(),
        summary.cost,
    );
    let width = summary
        .evaluators
        .iter()
        .map(|evaluator| evaluator.name.chars().count())
        .max()
        .unwrap_or(0);
    for evaluator in &summary.evaluators {
        let _ = write!(
            text,
            "{:width$}  {} passed ({}), mean {} ({}), {} scored",
            evaluator.name,
            percent(evaluator.pass_rate),
            percents(evaluator.pass_interval),
            number(evaluator.mean),
            numbers(evaluator.interval),
            evaluator.scored,
        );
        for (count, kind) in [
            (evaluator.invalid, "invalid"),
            (evaluator.unjudged, "without a score"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {kind}");
            }
        }
        if let Some(k) = repeats(evaluator) {
            let hat = evaluator.pass_hat.get(&k).copied();
            let _ = write!(text, "; all of {k} trials pass {}", percent(hat));
        }
        text.push('\n');
        list(&mut text, "not stable", &evaluator.flaky);
        let failed = evaluator.cases.iter().filter(|case| case.passed == 0);
        list(
            &mut text,
            "failed",
            &failed.map(|case| case.case.clone()).collect::<Vec<_>>(),
        );
    }
    for comparison in comparisons {
        difference(&mut text, comparison);
    }
    text
}

fn difference(text: &mut String, comparison: &Comparison) {
    let _ = write!(
        text,
        "{} beside {}: ",
        comparison.evaluator, comparison.before
    );
    match &comparison.paired {
        None => *text += "no case has a score in both runs\n",
        Some(paired) => {
            let _ = writeln!(
                text,
                "{:+.3} over {} cases ({}), p {}; a difference of {} would be seen",
                paired.difference,
                paired.pairs,
                numbers(paired.interval),
                number(paired.p_value),
                number(paired.minimum_detectable),
            );
        }
    }
    for (title, cases) in cases(comparison) {
        list(text, &title.to_lowercase(), cases);
    }
}

fn list(text: &mut String, title: &str, cases: &[String]) {
    const SHOWN: usize = 10;
    if cases.is_empty() {
        return;
    }
    let more = cases.len().saturating_sub(SHOWN);
    let shown = cases[..cases.len() - more].join(", ");
    let _ = match more {
        0 => writeln!(text, "  {title}: {shown}"),
        more => writeln!(text, "  {title}: {shown}, and {more} more"),
    };
}
