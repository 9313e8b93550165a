//! The commands of a conversation: lines that begin with a slash.

use anyhow::{Context as _, anyhow, bail};
use victor_core::closest;
use victor_orchestrator::Session;
use victor_orchestrator::core::CheckpointId;
use victor_orchestrator::mode::SwitchedBy;
use victor_orchestrator::provider::{CapabilitySource, LedgerQuery};

use super::conversation::Conversation;
use crate::{checkpoints, selection, session_lookup, usage};

const HELP: &str = "\
/help     shows this list
/context  shows the size of the conversation that the model sees
/mode     shows the mode; /mode plan switches to another one
/tools    shows the tools that the model was shown last, and why
/usage    shows the tokens and the money that this session has used
/history  shows the whole conversation, with parts that the model no longer sees
/checkpoint [NAME]  makes a checkpoint; /checkpoints lists them
/restore ID         returns to a checkpoint; /undo removes the last turn
/fork [NAME]        continues this conversation in a new session
/reset    forgets the conversation
/quit     leaves, as Ctrl-D does
Any other line goes to the model; begin it with a space if it starts with a slash.
Ctrl-C stops an answer; a second one leaves. The arrow keys recall earlier lines,
Ctrl-R searches them. A line that begins with a space is not stored.";

/// Runs a command, and returns its output.
pub(super) async fn run(
    conversation: &mut Conversation,
    name: &str,
    argument: &str,
) -> anyhow::Result<String> {
    let session = &conversation.session;
    match (name, argument) {
        ("help", "") => Ok(HELP.to_owned()),
        ("context", "") => Ok(context(session)),
        ("mode", "") => Ok(mode(session)),
        ("mode", name) => {
            session.switch_mode_by(name, SwitchedBy::Person)?;
            session.keep_mode().await?;
            Ok(mode(session))
        }
        ("tools", "") => Ok(tools(session)),
        ("usage", "") => {
            let query = LedgerQuery::default().with_session(session.id().clone());
            let router = session.orchestrator().provider_coordinator();
            let ledger = router.ledger().context("there is no ledger")?;
            let entries = ledger.entries(&query).await?;
            Ok(usage::of_session(&entries, &ledger.session(session.id())))
        }
        ("history", "") => Ok(session_lookup::transcript(&session.transcript().await?)),
        ("checkpoint", label) => {
            let label = (!label.is_empty()).then_some(label);
            let made = session.checkpoint(label).await?;
            Ok(format!("checkpoint {} is made", made.id))
        }
        ("checkpoints", "") => Ok(checkpoints::list(&session.checkpoints().await?)),
        ("restore", id) => {
            let id = checkpoints::find(&session.checkpoints().await?, id)?;
            session.restore_checkpoint(id).await?;
            Ok(format!("the conversation is back at checkpoint {id}"))
        }
        ("undo", "") => {
            let Some(undone) = session.undo().await? else {
                bail!("there is no turn to undo");
            };
            let mut text = format!(
                "the last turn is undone: {} messages are left out",
                undone.messages
            );
            let workspace = &conversation.workspace;
            if let Some(turn) = undone.turn.filter(|turn| workspace.turns().contains(turn)) {
                match workspace.rollback(turn).await {
                    Ok(files) => text += &format!(", {} files are as they were", files.len()),
                    Err(error) => text += &format!("; the files stay as they are: {error}"),
                }
            }
            Ok(text)
        }
        ("fork", name) => {
            let made = session.checkpoint(None).await?;
            conversation.session = fork(session, made.id, name).await?;
            Ok(format!("this is session {} now", conversation.session.id()))
        }
        ("reset", "") => {
            session.reset().await?;
            Ok("the conversation is forgotten".to_owned())
        }
        _ if COMMANDS.contains(&name) => Err(anyhow!("/{name} takes no argument; type it alone")),
        _ => match closest(name, COMMANDS) {
            Some(command) => Err(anyhow!(
                "there is no command /{name}; did you mean /{command}?"
            )),
            None => Err(anyhow!(
                "there is no command /{name}; /help lists the commands"
            )),
        },
    }
}

/// The commands, `quit` among them.
const COMMANDS: [&str; 14] = [
    "help",
    "context",
    "mode",
    "tools",
    "usage",
    "history",
    "checkpoint",
    "checkpoints",
    "restore",
    "undo",
    "fork",
    "reset",
    "quit",
    "exit",
];

/// The commands that take an argument.
const WITH_ARGUMENT: [&str; 4] = ["mode", "checkpoint", "restore", "fork"];

async fn fork(session: &Session, checkpoint: CheckpointId, name: &str) -> anyhow::Result<Session> {
    let name = match name {
        "" => session_lookup::new_name(),
        name => name.to_owned(),
    };
    let forked = session.orchestrator().fork(checkpoint, &*name).await;
    forked.with_context(|| format!("the conversation cannot be forked into `{name}`"))
}

/// Parses a line as a command and its argument.
///
/// A slash and a word is a command, known or not. With more behind it, it is one only if the word is nearly a command:
/// a misspelt command must not go to a model that costs money. Paths are not commands.
pub(super) fn parse(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end().strip_prefix('/')?;
    let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
    let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_command =
        argument.is_empty() || WITH_ARGUMENT.contains(&name) || closest(name, COMMANDS).is_some();
    (is_word && is_command).then_some((name, argument.trim()))
}

/// Advice for a line that other programs take for a command, and that is hardly meant for the model.
pub(super) fn advice(line: &str) -> Option<String> {
    let command = match line.trim_end() {
        "exit" | "quit" | "bye" | ":q" | ":q!" | "logout" => "/quit leaves",
        "help" | "?" | ":help" | "-h" | "--help" => "/help shows the commands",
        _ => return None,
    };
    Some(format!(
        "{command}; with a space before it, the line goes to the model"
    ))
}

/// Describes the mode of a session, and the other modes.
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

/// Describes the tools that the model was shown last.
fn tools(session: &Session) -> String {
    match session.tool_selection() {
        Some(selection) => selection::describe(&selection),
        None => "nothing was said to the model yet".to_owned(),
    }
}

fn context(session: &Session) -> String {
    let stats = session.context_stats();
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
        let (share, source) = (fill * 100.0, window_source(session));
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

/// Describes where the size of the window comes from.
fn window_source(session: &Session) -> String {
    let config = session.orchestrator().config_coordinator().config();
    let router = session.orchestrator().provider_coordinator();
    let route = router.session_route(session.id());
    let capabilities = router.session_capabilities(session.id(), &route.model);
    if let Some(set) = config.settings.context_window {
        let learned = capabilities.context_window.unwrap_or(u64::MAX);
        if capabilities.source != CapabilitySource::Learned || set <= learned {
            return format!("by {}", config.source("context_window"));
        }
    }
    match (capabilities.context_window, &capabilities.source) {
        (Some(_), CapabilitySource::Table) => format!("by the table of {}", route.provider),
        (Some(_), CapabilitySource::Declared) => "as declared".to_owned(),
        (Some(_), CapabilitySource::Learned) => {
            format!("as {} said when it refused a request", route.provider)
        }
        (Some(_), _) => format!("by {}", route.provider),
        (None, _) => format!("assumed, since {} does not say", route.provider),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_messages() {
        assert_eq!(parse("/quit"), Some(("quit", "")));
        assert_eq!(parse("/reset "), Some(("reset", "")));
        assert_eq!(parse("/mode  plan "), Some(("mode", "plan")));
        assert_eq!(parse("/mod plan"), Some(("mod", "plan")));
        assert_eq!(parse("/reset now"), Some(("reset", "now")));
        assert_eq!(closest("mod", COMMANDS), Some("mode"));
        assert_eq!(closest("chekpoint", COMMANDS), Some("checkpoint"));
        for word in ["exit", "quit", ":q", "help", "? "] {
            assert!(advice(word).is_some(), "{word}");
        }
        for message in [" exit", "exit the loop", "help me"] {
            assert_eq!(advice(message), None, "{message}");
        }
        for message in [
            "quit",
            " /quit",
            "/",
            "/etc/hosts",
            "/tmp is what?",
            "/README",
            "//",
        ] {
            assert_eq!(parse(message), None, "{message}");
        }
    }
}
