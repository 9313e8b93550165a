//! The line editor.

use std::io::{self, ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};

use rustyline::config::{Behavior, Config};
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, Result};

/// An input line, or the end of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line.
    Text(String),
    /// A line that is not UTF-8.
    NotText,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D, or the end of a file.
    End,
}

/// Reads lines with editing and history.
#[derive(Debug)]
pub(super) struct LineEditor {
    editor: DefaultEditor,
    history: Option<PathBuf>,
}

impl LineEditor {
    /// Opens an editor with its history in a folder, or in memory if there is none.
    pub(super) fn open(folder: Option<&Path>) -> io::Result<Self> {
        let mut editor = editor().map_err(into_io)?;
        let history = folder
            .filter(|_| io::stdin().is_terminal())
            .map(|folder| folder.join("history.txt"));
        if let Some(history) = &history {
            // The first time there is no history.
            let _ = editor.load_history(history);
        }
        Ok(Self { editor, history })
    }

    /// Reads a line. Blocks.
    pub(super) fn read(&mut self) -> io::Result<Line> {
        match self.editor.readline("> ") {
            Ok(line) => {
                let _ = self.editor.add_history_entry(&line);
                if let Some(history) = &self.history
                    && self.editor.append_history(history).is_err()
                {
                    // The history stays in memory; the conversation goes on.
                    self.history = None;
                }
                Ok(Line::Text(line))
            }
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                Ok(Line::NotText)
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Ok(Line::Interrupt),
            Err(error) => Err(into_io(error)),
        }
    }
}

/// Creates an editor for the terminal, or for standard input if that is not a terminal.
pub(super) fn editor() -> Result<DefaultEditor> {
    // At the terminal itself, since standard output may be a file or a pipe.
    let behavior = if io::stdin().is_terminal() {
        Behavior::PreferTerm
    } else {
        Behavior::Stdio
    };
    let config = Config::builder()
        .behavior(behavior)
        .history_ignore_space(true)
        .max_history_size(1_000)?;
    DefaultEditor::with_config(config.build())
}

/// Creates an editor for a question to a person; `None` if there is nobody to ask. What was typed before the question is
/// no answer to it, and is thrown away.
pub(crate) fn editor_for_question() -> Option<DefaultEditor> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let editor = editor().ok()?;
    #[cfg(unix)]
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
    Some(editor)
}

fn into_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        error => io::Error::other(error),
    }
}
