//! Asks a person at the terminal about tool calls.

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use victor_orchestrator::tool::ApprovalScope;
use victor_text::one_line;

use super::editor::editor_for_question;
use super::inquiry::{Inquiry, Reply, Shown};
use crate::terminal;

/// The decision of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes, for this scope.
    Yes(ApprovalScope),
    No,
    /// Ctrl-C.
    Stop,
    /// There is no terminal to ask on.
    Nobody,
}

/// Asks a person. Blocks.
pub(crate) fn ask(inquiry: &Inquiry<'_>) -> Answer {
    let Some(mut editor) = editor_for_question() else {
        terminal::print(&format!(
            "denied: {} There is no terminal to ask on; --yes allows every call of the offered tools.",
            one_line(inquiry.question)
        ));
        return Answer::Nobody;
    };
    let (columns, screen) = editor.dimensions().map_or((80, 24), |(columns, rows)| {
        (usize::from(columns), usize::from(rows))
    });
    let mut shown = inquiry.shown(columns, screen);
    for row in &shown.rows {
        terminal::print(row);
    }
    terminal::status(&shown.keys());
    loop {
        let line = match editor.readline(&shown.prompt()) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => return Answer::Stop,
            Err(_) => return Answer::No,
        };
        match shown.reply(&line) {
            Ok(Reply::Yes(scope)) => return Answer::Yes(scope),
            Ok(Reply::No) => return Answer::No,
            Ok(Reply::View) => {
                if let Some(answer) = view(&mut editor, &mut shown, screen) {
                    return answer;
                }
            }
            Err(explanation) => terminal::print(&explanation),
        }
    }
}

/// Shows all rows, a screen at a time.
fn view(editor: &mut DefaultEditor, shown: &mut Shown, screen: usize) -> Option<Answer> {
    let rows = shown.all.as_deref().unwrap_or_default();
    let page = screen.saturating_sub(2).max(5);
    let pages = rows.len().div_ceil(page);
    for (index, rows) in rows.chunks(page).enumerate() {
        for row in rows {
            terminal::print(row);
        }
        if index + 1 == pages {
            break;
        }
        let prompt = format!("page {} of {pages} [Enter: next, q: back] ", index + 1);
        match editor.readline(&prompt) {
            Ok(line) if line.trim().is_empty() => {}
            Ok(_) => return None,
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => {
                return Some(Answer::Stop);
            }
            Err(_) => return Some(Answer::No),
        }
    }
    shown.viewed();
    terminal::status(&shown.keys());
    None
}
