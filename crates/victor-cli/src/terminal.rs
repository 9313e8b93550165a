//! Output to the terminal beside the answer, without anything in foreign text that the terminal would obey.

use std::borrow::Cow;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use victor_orchestrator::core::ToolCall;
pub(crate) use victor_text::one_line;
use victor_text::{excerpt, json_escaped};

/// The most characters of a line about a tool call, so that it stays one line.
const LINE: usize = 79;

const DIMMED: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Writes a status line to stderr, dimmed.
///
/// Errors are ignored, here and below: a closed stderr is no reason to stop.
pub(crate) fn status(text: &str) {
    let _ = writeln!(anstream::stderr(), "{DIMMED}{}{DIMMED:#}", printable(text));
}

/// Writes text that the user asked for to stderr.
pub(crate) fn print(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}", printable(text));
}

/// Writes an error to stderr, on one line.
pub(crate) fn error(text: &str) {
    let _ = writeln!(
        anstream::stderr(),
        "{ERROR}error:{ERROR:#} {}",
        one_line(text)
    );
}

/// Escapes the characters that a terminal would obey or a reader would not see. Models and files may contain them.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    victor_text::visible(text, None)
}

/// Puts the text on one line and cuts it where it is too long.
pub(crate) fn short_line(text: &str) -> String {
    let line = excerpt(text, LINE);
    match line.chars().count() > LINE {
        true => excerpt(text, LINE - 1),
        false => line,
    }
}

/// Returns the arguments of a call on one line: as its tool sees them, or as the model wrote them if no tool could read
/// them.
pub(crate) fn arguments(call: &ToolCall) -> String {
    match call.parse_arguments() {
        Ok(arguments) => json_escaped(&Value::Object(arguments).to_string()).into_owned(),
        Err(_) => one_line(&call.arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(printable("tab\tand\r\nline"), "tab\tand\nline");
        assert_eq!(
            printable("\u{1b}[2Jgone\u{9b}31m\u{7}"),
            r"\u{1b}[2Jgone\u{9b}31m\u{7}"
        );
        assert_eq!(
            one_line("rm \u{202e}txt.exe\n  -rf"),
            r"rm \u{202e}txt.exe -rf"
        );
        assert!(matches!(printable("nothing to do: äöü"), Cow::Borrowed(_)));
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
