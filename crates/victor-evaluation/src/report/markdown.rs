//! Reports in Markdown.

use std::fmt::Write as _;

use super::{cases, number, numbers, percent, percents, repeats};
use crate::{Comparison, Summary};

/// A report in Markdown: the scores with their intervals, what has no score, cases that are not stable, and the
/// differences to another run.
#[must_use]
pub fn markdown(summary: &Summary, comparisons: &[Comparison]) -> String {
    let mut text = format!("# {}\n\n", line(&summary.name));
    text += "| evaluator | passed | interval | mean | interval | scored | invalid | without |\n";
    text += "|---|---|---|---|---|---|---|---|\n";
    for evaluator in &summary.evaluators {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            line(&evaluator.name),
            percent(evaluator.pass_rate),
            percents(evaluator.pass_interval),
            number(evaluator.mean),
            numbers(evaluator.interval),
            evaluator.scored,
            evaluator.invalid,
            evaluator.unjudged,
        );
    }
    let states: Vec<String> = summary
        .states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let _ = write!(
        text,
        "\nTrials: {}. ",
        if states.is_empty() {
            "none".into()
        } else {
            states.join(", ")
        }
    );
    let _ = writeln!(
        text,
        "{} tokens, {} of known cost.",
        summary.usage.total_tokens(),
        summary.cost
    );
    for evaluator in &summary.evaluators {
        if let Some(k) = repeats(evaluator) {
            let (at, hat) = (evaluator.pass_at.get(&k), evaluator.pass_hat.get(&k));
            let _ = writeln!(
                text,
                "\n`{}`: one of {k} trials passes {}, all of {k} pass {}.",
                line(&evaluator.name),
                percent(at.copied()),
                percent(hat.copied()),
            );
        }
        list(
            &mut text,
            &format!("Not stable by `{}`", line(&evaluator.name)),
            &evaluator.flaky,
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
        "\n## `{}` beside {}\n\n",
        line(&comparison.evaluator),
        line(&comparison.before)
    );
    match &comparison.paired {
        None => *text += "No case has a score in both runs.\n",
        Some(paired) => {
            let _ = writeln!(
                text,
                "{:+.3} over {} cases ({}), p {}, effect {}, least difference that would be seen {}.",
                paired.difference,
                paired.pairs,
                numbers(paired.interval),
                number(paired.p_value),
                number(paired.effect_size),
                number(paired.minimum_detectable),
            );
        }
    }
    for (title, cases) in cases(comparison) {
        list(text, title, cases);
    }
}

fn list(text: &mut String, title: &str, cases: &[String]) {
    if !cases.is_empty() {
        let cases: Vec<String> = cases
            .iter()
            .map(|case| format!("`{}`", line(case)))
            .collect();
        let _ = writeln!(text, "\n{title}: {}.", cases.join(", "));
    }
}

/// A name in one line of a table.
fn line(name: &str) -> String {
    name.replace(['\n', '\r', '`'], " ").replace('|', "\\|")
}
