//! Reports of runs, as text in several forms.

mod html;
mod inspect;
mod junit;
mod markdown;
mod text;

pub use html::html;
pub use inspect::inspect_log;
pub use junit::junit;
pub use markdown::markdown;
pub use text::text;

use crate::statistics::Interval;
use crate::{Comparison, EvaluatorSummary};

/// A share in percent, or a dash.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// An interval of shares in percent, or a dash.
fn percents(interval: Option<Interval>) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |Interval { lower, upper }| format!("{:.1} to {:.1} %", lower * 100.0, upper * 100.0),
    )
}

/// A value with three digits, or a dash.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

/// An interval with three digits, or a dash.
fn numbers(interval: Option<Interval>) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |Interval { lower, upper }| format!("{lower:.3} to {upper:.3}"),
    )
}

/// The greatest number of trials of which estimates are known, if there are several.
fn repeats(summary: &EvaluatorSummary) -> Option<usize> {
    summary
        .pass_at
        .keys()
        .next_back()
        .copied()
        .filter(|k| *k > 1)
}

/// The cases in which two runs differ, each list with its title.
fn cases(comparison: &Comparison) -> [(&'static str, &[String]); 4] {
    [
        ("Worse in every trial", &comparison.regressions),
        ("Better in every trial", &comparison.improvements),
        ("Scored before alone", &comparison.only_before),
        ("Scored now alone", &comparison.only_after),
    ]
}

/// A text with the characters that mean something in XML and HTML escaped, and those that XML cannot hold replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\t' | '\n' => escaped.push(c),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
