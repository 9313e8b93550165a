//! A conversation at a terminal.

use std::io::{self, IsTerminal as _};

use victor_orchestrator::Session;
use victor_orchestrator::protocols::{CapabilitySource, SwitchedBy};

use super::conversation::{Conversation, End};
use super::editor::{Line, LineEditor};
use crate::data::DataArgs;
use crate::exit::Exit;
use crate::say;

const HELP: &str = "\
/help     shows this
/context  says how large the conversation is that the model sees
/mode     says which mode this is; /mode plan takes it to another one
/tools    says which tools the model was shown last, and why
/reset    forgets the conversation
/quit     leaves, as Ctrl-D does
Everything else is said to the model, also what begins with a space and a slash.
Ctrl-C stops an answer; a second one leaves. The arrow keys bring earlier lines
back, Ctrl-R searches them. A line that begins with a space is not kept.";

/// Reads lines and says them, until there are no more.
pub(super) async fn run(conversation: &mut Conversation, data: &DataArgs) -> io::Result<Exit> {
    let person = io::stdin().is_terminal();
    let mut folder = None;
    if person {
        match data.folder() {
            Ok(found) => folder = Some(found),
            Err(error) => conversation
                .view
                .remark(&format!("lines are not kept for the next time: {error:#}")),
        }
        conversation
            .view
            .remark("/help shows the commands, /quit leaves");
    }
    let mut editor = LineEditor::open(folder.as_deref())?;
    // Whether Ctrl-C was the last that was heard of the person.
    let mut interrupted = false;
    let mut exit = Exit::Answered;
    loop {
        let line = match tokio::task::block_in_place(|| editor.read())? {
            Line::End => return Ok(exit),
            Line::Interrupt if interrupted => return Ok(Exit::Interrupted),
            Line::Interrupt => {
                interrupted = true;
                say::tell("Ctrl-C again leaves");
                continue;
            }
            Line::Text(line) => line,
        };
        interrupted = false;
        if line.trim().is_empty() {
            continue;
        }
        match command(&line) {
            Some(("help", "")) => say::tell(HELP),
            Some(("context", "")) => say::tell(&context(conversation)),
            Some(("mode", "")) => say::tell(&mode(&conversation.session)),
            Some(("mode", name)) => {
                match conversation.session.switch_mode(name, SwitchedBy::Person) {
                    Ok(_) => say::tell(&mode(&conversation.session)),
                    Err(error) => say::error(&error.to_string()),
                }
            }
            Some(("tools", "")) => say::tell(&tools(&conversation.session)),
            Some(("reset", "")) => match conversation.session.reset().await {
                Ok(()) => say::tell("the conversation is forgotten"),
                Err(error) => say::error(&format!("{:#}", anyhow::Error::new(error))),
            },
            Some(("quit", "")) => return Ok(exit),
            Some((name, _)) => say::error(&format!(
                "there is no command /{name}: /help shows those that there are"
            )),
            None => match conversation.say(line).await? {
                End::Left(exit) => return Ok(exit),
                End::Stopped(_) => {
                    interrupted = true;
                    say::tell("stopped; Ctrl-C again leaves");
                }
                // A person has seen how each turn ended; a program is told by the exit code.
                End::Failed if !person => exit = Exit::Failed,
                End::Failed | End::Answered => {}
            },
        }
    }
}

/// The command that a line is, if it is one, and its argument: a slash and a word, and one more for those that take one.
/// Paths are none.
fn command(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end().strip_prefix('/')?;
    let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
    let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_word && (argument.is_empty() || name == "mode")).then_some((name, argument.trim()))
}

/// Which mode a session is in, and which there are.
fn mode(session: &Session) -> String {
    let (Some(modes), Some(now)) = (session.orchestrator().mode_coordinator(), session.mode())
    else {
        return "there are no modes".to_owned();
    };
    let mut text = format!("the mode is {now}");
    for policy in modes.modes() {
        let mode = policy.mode();
        text += &format!("\n  {:<8} {}", mode.name, mode.description);
    }
    text
}

/// Which tools the model was shown last, and why.
fn tools(session: &Session) -> String {
    match session.tool_selection() {
        Some(selection) => say::selection(&selection),
        None => "nothing was said to the model yet".to_owned(),
    }
}

fn context(conversation: &Conversation) -> String {
    let stats = conversation.session.context_stats();
    let mut text = format!("{} messages, {} tokens", stats.messages, stats.tokens);
    for sums in [&stats.tokens_by_role, &stats.tokens_by_part] {
        let sums: Vec<String> = sums
            .iter()
            .map(|(name, tokens)| format!("{name} {tokens}"))
            .collect();
        if !sums.is_empty() {
            text += &format!(" ({})", sums.join(", "));
        }
    }
    if let (Some(fill), Some(window)) = (stats.fill(), stats.window) {
        let (share, source) = (fill * 100.0, window_source(&conversation.session));
        text += &format!("; {share:.1} % of a window of {window} tokens ({source})");
    }
    if let Some(last) = &stats.last_compaction {
        let (before, after) = (last.tokens_before, last.tokens_after);
        text += &format!(
            "; last compacted by `{}`, from {before} to {after} tokens",
            last.strategy
        );
    }
    text
}

/// Who says how large the window is.
fn window_source(session: &Session) -> String {
    let config = session.orchestrator().config_coordinator().config();
    if config.settings.context_window.is_some() {
        return format!("by {}", config.source("context_window"));
    }
    let router = session.orchestrator().provider_coordinator();
    let route = router.route();
    let capabilities = router.capabilities(&route.model);
    match (capabilities.context_window, &capabilities.source) {
        (Some(_), CapabilitySource::Table) => format!("by the table of {}", route.provider),
        (Some(_), CapabilitySource::Declared) => "as declared".to_owned(),
        (Some(_), _) => format!("by {}", route.provider),
        (None, _) => format!("assumed, since {} does not say", route.provider),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_messages() {
        assert_eq!(command("/quit"), Some(("quit", "")));
        assert_eq!(command("/reset "), Some(("reset", "")));
        assert_eq!(command("/mode  plan "), Some(("mode", "plan")));
        for message in [
            "quit",
            " /quit",
            "/",
            "/etc/hosts",
            "/tmp is what?",
            "/README",
            "//",
        ] {
            assert_eq!(command(message), None, "{message}");
        }
    }
}
