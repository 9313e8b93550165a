//! `victor report`: a page with plots of what model calls and tools have used.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use victor_orchestrator::core::{Part, Role, SessionId, Timestamp, TurnId};
use victor_orchestrator::session::{SessionStore, TranscriptEntry};
use victor_report::{ReportData, ToolRecord, render};

use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::period::{date, ledger_query};
use crate::terminal;

/// Most sessions whose transcripts are read for their tools, those that were asked last.
const SESSIONS: usize = 500;

const MORE: &str = "\
The page is one file that needs no network: open it in a browser, or send it to somebody. It has the names of models, tools \
and sessions, and the titles of sessions, which are the beginnings of their first messages; --no-titles leaves these out. \
Nothing else of what was said is in it.";

/// Write a page with plots of cost, tokens, latency, tools and errors
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct ReportArgs {
    /// The file to write; `-` is the standard output
    #[arg(long, short, value_name = "FILE", default_value = "victor-report.html")]
    output: PathBuf,

    /// Only calls of this day and later ones, such as 2026-11-30
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<Date>,

    /// Only calls of this session: its name, or the beginning of it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,

    /// Show this turn first. Without this flag, the one that took longest
    #[arg(long, value_name = "ID")]
    turn: Option<TurnId>,

    /// Leave out the titles of sessions
    #[arg(long)]
    no_titles: bool,

    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(write(args))
}

async fn write(args: &ReportArgs) -> Result<Exit, Failure> {
    let page = render(&data(args).await?);
    if args.output == Path::new("-") {
        io::stdout().lock().write_all(page.as_bytes())?;
        return Ok(Exit::Answered);
    }
    let path = args.output.display();
    std::fs::write(&args.output, page).with_context(|| format!("`{path}` cannot be written"))?;
    terminal::status(&format!("`{path}` is written; open it in a browser"));
    Ok(Exit::Answered)
}

/// Reads what the page shows.
async fn data(args: &ReportArgs) -> Result<ReportData, Failure> {
    let stores = args.data.stores().await?;
    let query = ledger_query(&stores.coordinator(), args.session.as_deref(), args.since).await?;
    let mut data = ReportData::new(Timestamp::now());
    data.zone = TimeZone::system();
    data.turn = args.turn;
    if let Some(ledger) = &stores.ledger {
        data.attempts = ledger.entries(&query).await?;
    }
    let turns: BTreeSet<_> = data
        .attempts
        .iter()
        .filter_map(|entry| entry.turn)
        .collect();
    let mut sessions = Vec::<SessionId>::new();
    for entry in data.attempts.iter().rev() {
        if let Some(session) = &entry.session
            && !sessions.contains(session)
        {
            sessions.push(session.clone());
        }
    }
    for session in sessions.iter().take(SESSIONS) {
        // A session that was deleted, or that cannot be read, is no reason to show nothing.
        let transcript = stores.sessions.load(session, 0).await.unwrap_or_default();
        data.tools.extend(tools(&transcript, &turns));
        if !args.no_titles
            && let Some(title) = title(&*stores.sessions, session).await
        {
            data.titles.insert(session.clone(), title);
        }
    }
    Ok(data)
}

async fn title(store: &dyn SessionStore, session: &SessionId) -> Option<String> {
    store.info(session).await.ok()??.title
}

/// Returns the tool calls of a transcript that were made in these turns.
fn tools(transcript: &[TranscriptEntry], turns: &BTreeSet<TurnId>) -> Vec<ToolRecord> {
    let mut tools = Vec::new();
    let (mut current, mut answers) = (None, 0);
    for entry in transcript {
        let Some(turn) = entry.turn.filter(|turn| turns.contains(turn)) else {
            continue;
        };
        if current != Some(turn) {
            (current, answers) = (Some(turn), 0);
        }
        answers += usize::from(*entry.message.role() == Role::Assistant);
        for part in entry.message.parts() {
            if let Part::ToolResult(result) = part {
                let record = ToolRecord::new(&*result.name, result.outcome.clone());
                tools.push(record.in_turn(turn, answers));
            }
        }
    }
    tools
}
