//! `victor analytics`: the events of conversations, summed up, listed and exported.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::{Value, json};
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter as _, EventPosition, EventQuery, EventStore,
};
use victor_orchestrator::coordinators::analytics::{JsonLinesExporter, Redactor};
use victor_orchestrator::core::{SessionId, Timestamp};
use victor_text::json_escaped;

use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::period::{begin, date, session};
use crate::table::{local, table};
use crate::terminal;

const MORE: &str = "\
Events tell what was done, how long it took and what it used, and nothing that was said. They are stored with the \
conversations and deleted with them; the setting `enable_analytics` turns them off.";

/// Number of events that are read at a time.
const PAGE: usize = 1_000;

/// Sum up, list and export the events of conversations
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct AnalyticsArgs {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how many turns, model calls, tool calls and failures there were
    Summary {
        #[command(flatten)]
        choice: Choice,

        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List events, the newest first
    Events {
        #[command(flatten)]
        choice: Choice,

        /// Print at most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,

        /// Print one line of JSON for each
        #[arg(long)]
        json: bool,
    },
    /// Write events as lines of JSON, the oldest first
    Export {
        #[command(flatten)]
        choice: Choice,

        /// Append them to this file, not to the standard output
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,

        /// Replace e-mail addresses, phone, card and account numbers, and keys
        #[arg(long)]
        redact: bool,
    },
}

/// A choice of events.
#[derive(Debug, Args)]
struct Choice {
    /// Only events of this session: its name, or the beginning of it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,

    /// Only events of this type, such as turn_finished; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,

    /// Only events with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// Only events of this day and later ones, such as 2026-11-30
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<Date>,

    /// Only events before this day
    #[arg(long, value_name = "DATE", value_parser = date)]
    until: Option<Date>,
}

pub(crate) fn run(args: &AnalyticsArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(args.command.run(&args.data))
}

impl Command {
    async fn run(&self, data: &DataArgs) -> Result<Exit, Failure> {
        let stores = data.stores().await?;
        let (Self::Summary { choice, .. }
        | Self::Events { choice, .. }
        | Self::Export { choice, .. }) = self;
        let mut query = choice.query()?;
        if let Some(name) = &choice.session {
            let session = session(&stores.coordinator(), name).await;
            query = query.with_session(Some(session));
        }
        let events = stores.events.context("events are not stored")?;
        match self {
            Self::Summary { json, .. } => summary(&events, query, *json).await,
            Self::Events { limit, json, .. } => {
                let query = query.with_newest_first(true).with_limit(Some(*limit));
                list(&events.events(&query).await?, *json)
            }
            Self::Export { to, redact, .. } => {
                export(
                    &events,
                    query,
                    to.as_deref().map(JsonLinesExporter::new),
                    *redact,
                )
                .await
            }
        }
    }
}

impl Choice {
    fn query(&self) -> anyhow::Result<EventQuery> {
        Ok(EventQuery::default()
            .with_types(self.types.clone())
            .with_tag(self.tag.as_deref().map(Into::into))
            .with_since(self.since.map(begin).transpose()?)
            .with_until(self.until.map(begin).transpose()?))
    }
}

/// Reads the events of a query page by page, so that millions need no memory.
async fn each_page(
    events: &dyn EventStore,
    mut query: EventQuery,
    mut page: impl AsyncFnMut(Vec<AnalyticsEvent>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    query.limit = Some(PAGE);
    loop {
        let found = events.events(&query).await?;
        let (count, last) = (found.len(), found.last().map(EventPosition::from));
        page(found).await?;
        if count < PAGE {
            return Ok(());
        }
        query.after = last;
    }
}

#[derive(Default)]
struct Summary {
    types: BTreeMap<String, (u64, Option<Timestamp>)>,
    sessions: BTreeSet<SessionId>,
    turns: u64,
    failed: u64,
    calls: u64,
    tools: u64,
    failed_tools: u64,
    input: u64,
    output: u64,
}

impl Summary {
    fn add(&mut self, event: &AnalyticsEvent) {
        let (count, last) = self.types.entry(event.event_type.to_string()).or_default();
        *count += 1;
        *last = (*last).max(Some(event.timestamp));
        self.sessions.extend(event.session_id.clone());
        match &*event.event_type {
            "turn_finished" => self.turns += 1,
            "turn_failed" => {
                self.turns += 1;
                self.failed += 1;
            }
            "model_call_finished" => {
                self.calls += 1;
                let usage = event.data.get("usage").unwrap_or_default();
                let number = |name: &str| usage[name].as_u64().unwrap_or_default();
                self.input += number("input") + number("cache_read") + number("cache_write");
                self.output += number("output");
            }
            "tool_call_finished" => {
                self.tools += 1;
                let outcome = event.data.get("outcome");
                self.failed_tools += u64::from(outcome != Some(Value::from("success")));
            }
            _ => {}
        }
    }

    fn json(&self) -> Value {
        let types = self
            .types
            .iter()
            .map(|(kind, (count, _))| (kind.clone(), (*count).into()));
        json!({
            "types": types.collect::<serde_json::Map<_, Value>>(),
            "sessions": self.sessions.len(),
            "turns": self.turns,
            "failed_turns": self.failed,
            "model_calls": self.calls,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "tool_calls": self.tools,
            "failed_tool_calls": self.failed_tools,
        })
    }

    fn text(&self) -> String {
        let row = |(kind, (count, last)): (&String, &(u64, Option<Timestamp>))| {
            [
                kind.clone(),
                count.to_string(),
                last.map_or_else(String::new, |last| format!("last {}", local(last))),
            ]
        };
        let rows: Vec<_> = self.types.iter().map(row).collect();
        let amount = |count: u64, one: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {one}s"),
        };
        format!(
            "{}\n\n{} ({} failed) in {}; {}, {} in, {} out; {} ({} without success)",
            table(&rows, &[1]),
            amount(self.turns, "turn"),
            self.failed,
            amount(self.sessions.len() as u64, "session"),
            amount(self.calls, "model call"),
            amount(self.input, "token"),
            self.output,
            amount(self.tools, "tool call"),
            self.failed_tools,
        )
    }
}

fn none() -> Result<Exit, Failure> {
    terminal::status("there are no such events");
    Ok(Exit::Answered)
}

async fn summary(events: &dyn EventStore, query: EventQuery, json: bool) -> Result<Exit, Failure> {
    let mut summary = Summary::default();
    each_page(events, query, async |page| {
        page.iter().for_each(|event| summary.add(event));
        Ok(())
    })
    .await?;
    let mut out = io::stdout().lock();
    match json {
        true => writeln!(out, "{}", json_escaped(&summary.json().to_string()))?,
        false if summary.types.is_empty() => return none(),
        false => writeln!(out, "{}", summary.text())?,
    }
    Ok(Exit::Answered)
}

fn list(events: &[AnalyticsEvent], json: bool) -> Result<Exit, Failure> {
    if events.is_empty() {
        return none();
    }
    let mut out = io::stdout().lock();
    if json {
        for event in events {
            writeln!(out, "{}", json_escaped(&serde_json::to_string(event)?))?;
        }
        return Ok(Exit::Answered);
    }
    let row = |event: &AnalyticsEvent| {
        let session = event.session_id.as_ref();
        let fields = event
            .data
            .to_map()
            .into_iter()
            .filter(|(key, _)| key != "turn");
        let fields: Vec<_> = fields
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        [
            local(event.timestamp),
            session.map_or("-", |session| session.as_str()).to_owned(),
            event.event_type.to_string(),
            fields.join(" "),
        ]
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    writeln!(out, "{}", table(&rows, &[]))?;
    Ok(Exit::Answered)
}

async fn export(
    events: &dyn EventStore,
    query: EventQuery,
    file: Option<JsonLinesExporter>,
    redact: bool,
) -> Result<Exit, Failure> {
    let redactor = redact.then(Redactor::default);
    let mut count = 0;
    each_page(events, query, async |mut page| {
        count += page.len();
        if let Some(redactor) = &redactor {
            page.iter_mut()
                .for_each(|event| *event = redactor.event(event));
        }
        if let Some(file) = &file {
            file.export(&page).await?;
            return Ok(());
        }
        let mut out = io::stdout().lock();
        for event in &page {
            writeln!(out, "{}", json_escaped(&serde_json::to_string(event)?))?;
        }
        Ok(())
    })
    .await?;
    match count {
        0 => none(),
        _ => {
            terminal::status(&format!("{count} events exported"));
            Ok(Exit::Answered)
        }
    }
}
