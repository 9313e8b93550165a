//! Questions of a run, and the answers of a person.

use rustyline::error::ReadlineError;
use serde_json::{Value, json};
use victor_orchestrator::workflow::{PendingWait, Wait};
use victor_text::{Sheet, grouped, json_escaped};

use crate::chat::editor::editor_for_question;
use crate::terminal;

/// The most rows of a question that are shown at once.
const MAX_ROWS: usize = 120;

/// The reaction of a person to a question.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Answer(Value),
    /// Not now.
    Later,
    /// Ctrl-C.
    Stop,
}

/// The question of a wait, if it is one.
pub(super) fn question(pending: &PendingWait) -> Option<(&str, &Value)> {
    match &pending.wait {
        Wait::Answer { prompt, show } => Some((prompt, show)),
        _ => None,
    }
}

/// Asks a person at the terminal; `None` if there is none. Blocks.
pub(super) fn ask(pending: &PendingWait) -> Option<Reply> {
    let (prompt, show) = question(pending)?;
    let mut editor = editor_for_question()?;
    let columns = editor
        .dimensions()
        .map_or(80, |(columns, _)| usize::from(columns));
    terminal::print(&format!("step `{}` asks:", pending.step));
    let mut omitted = 0;
    for text in [prompt.to_owned(), shown(show)]
        .iter()
        .filter(|text| !text.is_empty())
    {
        let folded = Sheet::new(text, columns).folded(MAX_ROWS);
        folded.rows.iter().for_each(|row| terminal::print(row));
        omitted += folded.omitted;
    }
    if omitted > 0 {
        terminal::print(&format!(
            "Not shown: {} characters. A single key does not allow it, only the whole word `yes`; \
             `victor workflow show` prints all of it with --json.",
            grouped(omitted)
        ));
    }
    let keys = if omitted == 0 {
        "y/n/later/?"
    } else {
        "yes/n/later/?"
    };
    loop {
        let line = match editor.readline(&format!("answer [{keys}] ")) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => return Some(Reply::Stop),
            Err(_) => return Some(Reply::Later),
        };
        match reply(&line, omitted == 0) {
            Ok(reply) => return Some(reply),
            Err(help) => terminal::print(&help),
        }
    }
}

/// Returns the data that are shown with a question, as text.
pub(super) fn shown(show: &Value) -> String {
    let whole = |value: &Value| {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        json_escaped(&text).into_owned()
    };
    match show {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => whole(other),
    }
}

/// Reads a line as an answer.
///
/// # Errors
///
/// The line is none; the text says what to type.
fn reply(line: &str, is_whole: bool) -> Result<Reply, String> {
    const HELP: &str = "y: yes; n: no; n and words behind it: no, for this reason; a JSON value: that answer; later or \
                        Ctrl-D: leave the run as it is";
    let line = line.trim();
    match line.to_lowercase().as_str() {
        "later" | "l" => return Ok(Reply::Later),
        "" | "?" | "h" | "help" => return Err(HELP.to_owned()),
        "y" if !is_whole => {
            return Err("Not all of it was shown, so `y` is not enough: type `yes`.".to_owned());
        }
        _ => {}
    }
    match read(line) {
        Some(answer) => Ok(Reply::Answer(answer)),
        None => Err(format!(
            "`{}` is no answer. {HELP}",
            terminal::short_line(line)
        )),
    }
}

/// Reads an answer: yes, no, no with a reason, or JSON.
pub(super) fn read(text: &str) -> Option<Value> {
    let text = text.trim();
    let (word, reason) = match text.split_once(char::is_whitespace) {
        Some((word, reason)) => (word, Some(reason.trim())),
        None => (text, None),
    };
    match (word.to_lowercase().as_str(), reason) {
        ("y" | "yes", None) => Some(json!({ "approved": true })),
        ("n" | "no", None) => Some(json!({ "approved": false })),
        ("n" | "no", Some(reason)) => Some(json!({ "approved": false, "reason": reason })),
        _ => serde_json::from_str(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_answers_or_explained() {
        let check = |line: &str, expected: Option<Reply>| {
            assert_eq!(reply(line, true).ok(), expected, "{line}");
        };
        check(" Y ", Some(Reply::Answer(json!({ "approved": true }))));
        check("yes", Some(Reply::Answer(json!({ "approved": true }))));
        check("no", Some(Reply::Answer(json!({ "approved": false }))));
        check(
            "n too late",
            Some(Reply::Answer(
                json!({ "approved": false, "reason": "too late" }),
            )),
        );
        check(
            "{\"approved\": true, \"n\": 1}",
            Some(Reply::Answer(json!({ "approved": true, "n": 1 }))),
        );
        check("later", Some(Reply::Later));
        check("", None);
        check("yes please", None);
        check("maybe", None);
        assert!(reply("y", false).unwrap_err().contains("type `yes`"));
        assert_eq!(
            reply("yes", false),
            Ok(Reply::Answer(json!({ "approved": true })))
        );
    }
}
