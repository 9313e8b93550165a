//! What is written to a terminal beside the answer, and how foreign text is made fit for it.

use std::borrow::Cow;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use victor_orchestrator::protocols::Selection;

/// The longest line that is written about a tool call, so that it stays one line.
const LINE: usize = 79;

const DIMMED: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Writes a remark to stderr.
///
/// Nobody may be there to read it, and that is no reason to stop: errors are passed over, here and below.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(anstream::stderr(), "{DIMMED}{}{DIMMED:#}", plain(text));
}

/// Writes a text that was asked for to stderr.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}", plain(text));
}

/// Writes an error to stderr, in one line.
pub(crate) fn error(text: &str) {
    let _ = writeln!(
        anstream::stderr(),
        "{ERROR}error:{ERROR:#} {}",
        one_line(text)
    );
}

/// The text without what a terminal would obey: models and files may hold such things.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(obeyed) {
        return text.into();
    }
    let shown = text.chars().filter(|c| *c != '\r').map(|c| {
        if obeyed(c) {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    });
    shown.collect::<String>().into()
}

/// The text in one line, and in the order in which it is written.
pub(crate) fn one_line(text: &str) -> String {
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    plain(&line).replace(reorders, "\u{fffd}")
}

/// The text in one line that is not too long.
pub(crate) fn short_line(text: &str) -> String {
    // Not all of a text that may be large.
    let end = text
        .char_indices()
        .nth(4 * LINE)
        .map_or(text.len(), |(index, _)| index);
    let line = one_line(&text[..end]);
    match line.char_indices().nth(LINE) {
        None if end == text.len() => line,
        _ => line.chars().take(LINE - 1).chain(['…']).collect(),
    }
}

/// Which tools a model is shown, and why each is shown or hidden.
pub(crate) fn selection(selection: &Selection) -> String {
    let shown = selection.tools.len();
    let mut text = format!(
        "{shown} of {} tools are shown, chosen by `{}`",
        selection.decisions.len(),
        selection.strategy
    );
    if let Some(problem) = &selection.problem {
        text += &format!("; {problem}");
    }
    for decision in selection.decisions.iter() {
        let mark = if decision.shown { '+' } else { '-' };
        let reason = decision.reason.as_str().replace('_', " ");
        text += &format!("\n{mark} {:<24} {reason}", decision.tool);
        if let Some(score) = decision.score {
            text += &format!(" ({score:.3})");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(plain("tab\tand\r\nline"), "tab\tand\nline");
        assert_eq!(
            plain("\u{1b}[2Jgone\u{9b}31m\u{7}"),
            "\u{fffd}[2Jgone\u{fffd}31m\u{fffd}"
        );
        assert_eq!(
            one_line("rm \u{202e}txt.exe\n  -rf"),
            "rm \u{fffd}txt.exe -rf"
        );
        assert!(matches!(plain("nothing to do: äöü"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_are_cut_where_they_are_long() {
        assert_eq!(short_line(" two\n words "), "two words");
        assert_eq!(short_line(&"ä".repeat(LINE)), "ä".repeat(LINE));
        assert_eq!(
            short_line(&"ä".repeat(LINE + 1)),
            "ä".repeat(LINE - 1) + "…"
        );
        assert_eq!(short_line(&" ".repeat(10_000)), "…");
    }
}
