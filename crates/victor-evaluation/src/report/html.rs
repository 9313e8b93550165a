//! Reports as a page.

use std::fmt::Write as _;

use victor_evaluation_protocol::{EvaluationRun, Judgement, TrialRecord, TrialState};

use super::{cases, escape, number, numbers, percent, percents};
use crate::{Comparison, EvaluatorSummary, Summary};

const STYLE: &str = include_str!("style.css");

/// A report as one page of HTML without scripts and without a network: scores with their intervals, the difference to
/// another run, and every trial with its reason.
#[must_use]
pub fn html(run: &EvaluationRun, comparisons: &[Comparison], level: f64) -> String {
    let summary = Summary::of(run, level);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
        <title>{name}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{name}</h1>\n<p>{}</p>\n",
        facts(run, &summary),
        name = escape(&run.name),
    );
    page += "<section>\n<h2>Scores</h2>\n";
    for evaluator in &summary.evaluators {
        score(&mut page, evaluator);
    }
    page += "</section>\n";
    for comparison in comparisons {
        difference(&mut page, comparison);
    }
    page += "<section>\n<h2>Trials</h2>\n";
    for record in &run.trials {
        trial(&mut page, record);
    }
    page + "</section>\n</main>\n</body>\n</html>\n"
}

fn facts(run: &EvaluationRun, summary: &Summary) -> String {
    let states: Vec<String> = summary
        .states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    format!(
        "{} on dataset {}, begun {}: {}. {} tokens, {} of known cost. The run ended as {}.",
        if states.is_empty() {
            "No trials".to_owned()
        } else {
            format!("{} trials", run.trials.len())
        },
        escape(&run.dataset),
        run.started,
        escape(&states.join(", ")),
        summary.usage.total_tokens(),
        summary.cost,
        escape(run.end.as_str()),
    )
}

/// The pass rate of an evaluator as a bar from 0 to 100, with its interval.
fn score(page: &mut String, summary: &EvaluatorSummary) {
    let share = summary.pass_rate.unwrap_or_default() * 100.0;
    let (lower, upper) = summary.pass_interval.map_or((0.0, 0.0), |interval| {
        (interval.lower * 100.0, interval.upper * 100.0)
    });
    let label = format!("{} of {} passed", percent(summary.pass_rate), summary.name);
    let _ = writeln!(
        page,
        "<article class=\"score\">\n<h3>{}</h3>\n\
        <svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
        <rect class=\"track\" width=\"100\" height=\"10\"/><rect class=\"bar\" width=\"{share:.2}\" height=\"10\"/>\
        <rect class=\"interval\" x=\"{lower:.2}\" y=\"4\" width=\"{:.2}\" height=\"2\"/></svg>\n\
        <p>{} passed ({}); mean {} ({}); {} scored, {} invalid, {} without a score</p>",
        escape(&summary.name),
        escape(&label),
        (upper - lower).max(0.0),
        percent(summary.pass_rate),
        percents(summary.pass_interval),
        number(summary.mean),
        numbers(summary.interval),
        summary.scored,
        summary.invalid,
        summary.unjudged,
    );
    if !summary.flaky.is_empty() {
        let _ = writeln!(
            page,
            "<p>Not stable: {}</p>",
            escape(&summary.flaky.join(", "))
        );
    }
    *page += "</article>\n";
}

fn difference(page: &mut String, comparison: &Comparison) {
    let _ = writeln!(
        page,
        "<section>\n<h2>{} beside {}</h2>",
        escape(&comparison.evaluator),
        escape(&comparison.before)
    );
    match &comparison.paired {
        None => *page += "<p>No case has a score in both runs.</p>\n",
        Some(paired) => {
            let _ = writeln!(
                page,
                "<p><strong>{:+.3}</strong> over {} cases ({}); p {}; effect {}; least difference that would be seen {}</p>",
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
        if !cases.is_empty() {
            let _ = writeln!(page, "<p>{title}: {}</p>", escape(&cases.join(", ")));
        }
    }
    *page += "</section>\n";
}

fn trial(page: &mut String, record: &TrialRecord) {
    let trial = &record.trial;
    let is_well = trial.state == TrialState::Completed
        && record.judgements.values().all(|judgement| match judgement {
            Judgement::Scored(score) => score.passed,
            Judgement::NotApplicable => true,
            _ => false,
        });
    let _ = writeln!(
        page,
        "<details class=\"{}\"><summary>{} #{} <span>{}</span></summary>",
        if is_well { "well" } else { "bad" },
        escape(&trial.case),
        trial.repeat,
        escape(trial.state.as_str()),
    );
    if let Some(reason) = &trial.reason {
        let _ = writeln!(page, "<p>{}</p>", escape(reason));
    }
    for turn in &trial.turns {
        let _ = writeln!(page, "<h4>User</h4><pre>{}</pre>", escape(&turn.input));
        for call in &turn.calls {
            let _ = writeln!(
                page,
                "<p><code>{} {}</code></p>",
                escape(&call.name),
                escape(&call.arguments.to_string())
            );
        }
        let _ = writeln!(page, "<h4>Agent</h4><pre>{}</pre>", escape(&turn.content));
    }
    for (name, judgement) in &record.judgements {
        let said = match judgement {
            Judgement::Scored(score) => {
                let word = if score.passed {
                    "passed"
                } else {
                    "did not pass"
                };
                format!(
                    "{word} ({:.3}) {}",
                    score.value,
                    score.reason.as_deref().unwrap_or_default()
                )
            }
            Judgement::Invalid { reason, .. } => format!("does not count: {reason}"),
            _ => "does not apply".to_owned(),
        };
        let _ = writeln!(
            page,
            "<p><strong>{}</strong> {}</p>",
            escape(name),
            escape(&said)
        );
    }
    *page += "</details>\n";
}
