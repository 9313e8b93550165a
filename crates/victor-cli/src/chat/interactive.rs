//! A conversation at a terminal.

use std::io::{self, IsTerminal as _};

use super::commands;
use super::conversation::{Conversation, End};
use super::editor::{Line, LineEditor};
use crate::data::DataArgs;
use crate::exit::Exit;
use crate::terminal;

/// Reads lines and sends them, until there are no more.
pub(super) async fn run(conversation: &mut Conversation, data: &DataArgs) -> io::Result<Exit> {
    let person = io::stdin().is_terminal();
    let mut folder = None;
    if person {
        match data.folder() {
            Ok(found) => folder = Some(found),
            Err(error) => conversation
                .view
                .status(&format!("the history of lines is not stored: {error:#}")),
        }
        conversation.view.status(&format!(
            "/help shows the commands, /quit leaves; this is session {}",
            conversation.session.id()
        ));
    }
    let mut editor = LineEditor::open(folder.as_deref())?;
    // Whether the last input was Ctrl-C.
    let mut interrupted = false;
    let mut exit = Exit::Answered;
    loop {
        let line = match tokio::task::block_in_place(|| editor.read())? {
            Line::End => return Ok(exit),
            Line::Interrupt if interrupted => return Ok(Exit::Interrupted),
            Line::Interrupt => {
                interrupted = true;
                terminal::print("Ctrl-C again leaves");
                continue;
            }
            Line::Text(line) => line,
            Line::NotText => {
                terminal::error("the line is not UTF-8, and was ignored");
                if !person {
                    exit = Exit::Failed;
                }
                continue;
            }
        };
        interrupted = false;
        if line.trim().is_empty() {
            continue;
        }
        if let Some(advice) = commands::advice(&line) {
            terminal::print(&advice);
            continue;
        }
        match commands::parse(&line) {
            Some(("quit" | "exit", "")) => return Ok(exit),
            Some((name, argument)) => match commands::run(conversation, name, argument).await {
                Ok(text) => terminal::print(&text),
                Err(error) => terminal::error(&format!("{error:#}")),
            },
            None => match conversation.send(line).await? {
                End::Left(exit) => return Ok(exit),
                End::Stopped(_) => {
                    interrupted = true;
                    terminal::print("stopped; Ctrl-C again leaves");
                }
                // A person has seen the end of each turn; a program gets the exit code.
                End::Failed | End::Refused if !person => exit = Exit::Failed,
                End::Failed | End::Refused | End::Answered => {}
            },
        }
    }
}
