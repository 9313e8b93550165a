//! `victor sessions`: the stored conversations.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use victor_orchestrator::coordinators::session::SessionCoordinator;
use victor_orchestrator::core::SessionId;
use victor_orchestrator::session::{
    SessionError, SessionExport, SessionInfo, SessionManager as _, SessionManagerExt as _,
    SessionPatch, SessionQuery,
};
use victor_text::json_escaped;

use crate::chat::{self, ChatArgs};
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::provider::PROVIDER;
use crate::session_lookup::{find, transcript};
use crate::table::{local, table};
use crate::terminal;

/// List, show, export, import and delete the stored conversations
#[derive(Debug, Args)]
pub(crate) struct SessionsCommand {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the sessions, the one that was used last first
    List {
        /// List only sessions whose name or title contains this text
        #[arg(long)]
        text: Option<String>,

        /// List only sessions with this tag; may be given several times
        #[arg(long)]
        tag: Vec<String>,

        /// The most sessions to list
        #[arg(long, default_value_t = 50)]
        limit: u32,

        /// Print one session a line as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a whole conversation
    Show {
        /// The session: its name, or the beginning of it
        session: String,
    },
    /// Continue a session, and complete its last turn first if that is open
    Resume {
        /// The session: its name, or the beginning of it
        #[arg(value_name = "SESSION")]
        name: String,

        #[command(flatten)]
        chat: Box<ChatArgs>,
    },
    /// Export a session as JSON lines
    Export {
        /// The session: its name, or the beginning of it
        session: String,

        /// The file, which must not exist; standard output if absent
        file: Option<PathBuf>,
    },
    /// Import an exported session
    Import {
        /// The file; `-` reads standard input
        file: PathBuf,

        /// Import it under this name, not under its own
        #[arg(long, value_name = "NAME")]
        session: Option<String>,
    },
    /// Give a session a title, and tags
    Name {
        /// The session: its name, or the beginning of it
        session: String,

        /// The title; an empty one removes it
        title: Option<String>,

        /// A tag to add; may be given several times
        #[arg(long)]
        tag: Vec<String>,
    },
    /// Delete sessions, with their checkpoints, tool results and events; `victor usage` keeps what they have spent
    Delete {
        /// The sessions, by their whole names
        #[arg(required = true)]
        sessions: Vec<String>,
    },
}

pub(crate) fn run(command: SessionsCommand) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let open = async |data: &DataArgs| -> Result<SessionCoordinator, Failure> {
        Ok(data.stores().await?.coordinator())
    };
    if let Action::Resume { name, mut chat } = command.action {
        let found = runtime.block_on(async {
            let sessions = open(&chat.data).await?;
            find(&sessions, &name).await.map_err(Failure::usage)
        });
        chat.agent.session = Some(found?.id.to_string());
        return chat::resume(*chat);
    }
    runtime.block_on(async {
        let sessions = open(&command.data).await?;
        act(&command.action, &sessions).await
    })
}

async fn act(action: &Action, sessions: &SessionCoordinator) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    match action {
        Action::List {
            text,
            tag,
            limit,
            json,
        } => {
            let mut query = SessionQuery::first(*limit);
            query.text.clone_from(text);
            query.tags.extend(tag.iter().cloned());
            let found = sessions.find_sessions(&query).await?;
            if *json {
                for info in &found {
                    writeln!(out, "{}", json_escaped(&serde_json::to_string(info)?))?;
                }
            } else if !found.is_empty() {
                writeln!(out, "{}", list(&found))?;
            }
        }
        // Handled in `run`.
        Action::Resume { .. } => {}
        Action::Show { session } => {
            let info = find(sessions, session).await.map_err(Failure::usage)?;
            let entries = sessions.transcript(&info.id).await?;
            writeln!(out, "{}", terminal::printable(&transcript(&entries)))?;
        }
        Action::Export { session, file } => {
            let info = find(sessions, session).await.map_err(Failure::usage)?;
            let text = sessions.export_session(&info.id).await?.to_json_lines();
            let text = json_escaped(&text);
            match file {
                None => out.write_all(text.as_bytes())?,
                Some(path) => {
                    let cannot = || format!("`{}` cannot be written", path.display());
                    let mut file = std::fs::File::create_new(path)
                        .with_context(cannot)
                        .map_err(Failure::usage)?;
                    file.write_all(text.as_bytes()).with_context(cannot)?;
                    file.sync_all().with_context(cannot)?;
                }
            }
        }
        Action::Import { file, session } => {
            let text = read(file).map_err(Failure::usage)?;
            let mut export = SessionExport::from_json_lines(&text).map_err(Failure::usage)?;
            // The author of the file must not choose the server that keys are sent to.
            export.info.metadata.remove(PROVIDER);
            let name = session.as_deref().map(SessionId::new);
            let info =
                sessions
                    .import_session(&export, name)
                    .await
                    .map_err(|error| match error {
                        SessionError::AlreadyExists(_) => {
                            Failure::usage(anyhow!("{error}: give it another name with --session"))
                        }
                        error => error.into(),
                    })?;
            writeln!(out, "{}", list(&[info]))?;
        }
        Action::Name {
            session,
            title,
            tag,
        } => {
            let info = find(sessions, session).await.map_err(Failure::usage)?;
            let mut patch = SessionPatch::default();
            patch.title.clone_from(title);
            patch.add_tags.extend(tag.iter().cloned());
            let info = sessions.update_session(&info.id, &patch).await?;
            writeln!(out, "{}", list(&[info]))?;
        }
        Action::Delete { sessions: names } => {
            // All must exist before the first is deleted.
            let mut found = Vec::new();
            for name in names {
                let session = SessionId::new(name.as_str());
                match sessions.session_info(&session).await? {
                    Some(info) => found.push(info),
                    None => return Err(Failure::usage(SessionError::NotFound(session))),
                }
            }
            for info in found {
                sessions.delete_session(&info.id).await?;
                let (id, entries) = (terminal::one_line(info.id.as_str()), info.entries);
                writeln!(out, "deleted {id} with {entries} messages")?;
            }
        }
    }
    Ok(Exit::Answered)
}

/// Lists sessions, one a line.
fn list(sessions: &[SessionInfo]) -> String {
    let row = |info: &SessionInfo| {
        let tags = info.tags.iter().map(|tag| format!("#{tag}"));
        let words: Vec<String> = info.title.iter().cloned().chain(tags).collect();
        let messages = format!("{} messages", info.entries);
        [
            info.id.to_string(),
            local(info.updated_at),
            messages,
            words.join(" "),
        ]
    };
    table(&sessions.iter().map(row).collect::<Vec<_>>(), &[2])
}

fn read(file: &PathBuf) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        let read = io::stdin().lock().read_to_string(&mut text);
        read.context("the session cannot be read from standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))
}
