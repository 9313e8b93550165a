//! `victor checkpoints`: the checkpoints of conversations.

use std::io::{self, Write as _};

use anyhow::bail;
use clap::{Args, Subcommand};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::checkpoint::{Checkpoint, CheckpointDiff};
use victor_orchestrator::core::{CheckpointId, Message};

use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::table::{local, table};
use crate::{session_lookup, terminal};

/// List, compare and restore the checkpoints of conversations
#[derive(Debug, Args)]
pub(crate) struct CheckpointsCommand {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the checkpoints of a session, newest first
    List {
        /// The session: its name, or the beginning of it
        session: String,
    },
    /// Show the differences between two checkpoints
    Diff {
        /// The session: its name, or the beginning of it
        session: String,
        /// The first checkpoint, or the end of its identifier
        from: String,
        /// The second checkpoint
        to: String,
    },
    /// Return a session to a checkpoint. Its transcript keeps everything
    Restore {
        /// The session: its name, or the beginning of it
        session: String,
        /// The checkpoint, or the end of its identifier
        checkpoint: String,
    },
    /// Begin a new session with the state of a checkpoint
    Fork {
        /// The session: its name, or the beginning of it
        session: String,
        /// The checkpoint, or the end of its identifier
        checkpoint: String,
        /// The name of the new session
        name: Option<String>,
    },
}

impl Action {
    fn session(&self) -> &str {
        let (Self::List { session }
        | Self::Diff { session, .. }
        | Self::Restore { session, .. }
        | Self::Fork { session, .. }) = self;
        session
    }
}

pub(crate) fn run(command: &CheckpointsCommand) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stores = command.data.stores().await?;
        let sessions = stores.coordinator();
        let info = session_lookup::find(&sessions, command.action.session())
            .await
            .map_err(Failure::usage)?;
        let orchestrator = stores.orchestrator().map_err(Failure::usage)?;
        let exit = act(&command.action, &orchestrator, info.id.as_str()).await;
        orchestrator.shutdown().await;
        exit
    })
}

async fn act(
    action: &Action,
    orchestrator: &AgentOrchestrator,
    session: &str,
) -> Result<Exit, Failure> {
    let session = orchestrator.session(session);
    let made = session.checkpoints().await?;
    let find = |id: &str| find(&made, id).map_err(Failure::usage);
    let text = match action {
        Action::List { .. } => list(&made),
        Action::Diff { from, to, .. } => {
            let (from, to) = (find(from)?, find(to)?);
            match orchestrator.checkpoint_coordinator() {
                Some(checkpoints) => diff(&checkpoints.diff_checkpoints(from, to).await?),
                None => String::new(),
            }
        }
        Action::Restore { checkpoint, .. } => {
            let id = find(checkpoint)?;
            session.restore_checkpoint(id).await?;
            format!("session {} is back at checkpoint {id}", session.id())
        }
        Action::Fork {
            checkpoint, name, ..
        } => {
            let name = name.clone().unwrap_or_else(session_lookup::new_name);
            let forked = orchestrator.fork(find(checkpoint)?, &*name).await?;
            format!("session {} begins there", forked.id())
        }
    };
    if !text.is_empty() {
        writeln!(io::stdout().lock(), "{}", terminal::printable(&text))?;
    }
    Ok(Exit::Answered)
}

/// Lists checkpoints, one a line.
pub(crate) fn list(checkpoints: &[Checkpoint]) -> String {
    if checkpoints.is_empty() {
        return "there are no checkpoints".to_owned();
    }
    let row = |checkpoint: &Checkpoint| {
        let messages = format!("{} messages", checkpoint.history.len);
        let cause = checkpoint.cause.as_str().replace('_', " ");
        let label = checkpoint.label.clone().unwrap_or_default();
        [
            checkpoint.id.to_string(),
            local(checkpoint.at),
            messages,
            cause,
            label,
        ]
    };
    table(&checkpoints.iter().map(row).collect::<Vec<_>>(), &[2])
}

/// Finds the only checkpoint with this label, or whose identifier begins or ends with the name.
pub(crate) fn find(checkpoints: &[Checkpoint], name: &str) -> anyhow::Result<CheckpointId> {
    let is_meant = |checkpoint: &&Checkpoint| {
        !name.is_empty()
            && (checkpoint.id.to_string().starts_with(name)
                || checkpoint.id.to_string().ends_with(name)
                || checkpoint.label.as_deref() == Some(name))
    };
    let found: Vec<_> = checkpoints.iter().filter(is_meant).collect();
    match found[..] {
        [one] => Ok(one.id),
        [] => bail!("there is no checkpoint `{name}` in this session"),
        _ => bail!(
            "{} checkpoints are called `{name}`, or have identifiers that begin or end with it; give more of the \
            identifier",
            found.len()
        ),
    }
}

fn diff(diff: &CheckpointDiff) -> String {
    let mut lines = vec![format!("  {} messages are the same", diff.common)];
    let line = |sign: char, message: &Message| {
        let text = terminal::short_line(&message.text());
        format!("{sign} {}: {text}", message.role())
    };
    lines.extend(diff.removed.iter().map(|message| line('-', message)));
    lines.extend(diff.added.iter().map(|message| line('+', message)));
    for (key, before, after) in &diff.state {
        lines.push(terminal::short_line(&format!(
            "  {key}: {before} became {after}"
        )));
    }
    lines.join("\n")
}
