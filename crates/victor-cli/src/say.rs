//! What is written to a terminal beside the answer, and how foreign text is made fit for it.

use std::borrow::Cow;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use victor_orchestrator::protocols::{Selection, ToolCall};
pub(crate) use victor_text::one_line;
use victor_text::{excerpt, json_escaped};

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

/// The text without what a terminal would obey or a reader would not see: models and files may hold such things.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    victor_text::visible(text, None)
}

/// The text in one line that is not too long.
pub(crate) fn short_line(text: &str) -> String {
    let line = excerpt(text, LINE);
    match line.chars().count() > LINE {
        true => excerpt(text, LINE - 1),
        false => line,
    }
}

/// The arguments of a call as its tool sees them, in one line; as the model wrote them where no tool could read them.
pub(crate) fn arguments(call: &ToolCall) -> String {
    match call.parse_arguments() {
        Ok(arguments) => json_escaped(&Value::Object(arguments).to_string()).into_owned(),
        Err(_) => one_line(&call.arguments),
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
            r"\u{1b}[2Jgone\u{9b}31m\u{7}"
        );
        assert_eq!(
            one_line("rm \u{202e}txt.exe\n  -rf"),
            r"rm \u{202e}txt.exe -rf"
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
        assert_eq!(short_line(&" ".repeat(10_000)), "");
    }
}
