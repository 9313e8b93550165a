//! `victor usage`: the tokens and the money that model calls have used.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde_json::{Value, json};
use victor_orchestrator::coordinators::session::SessionCoordinator;
use victor_orchestrator::core::SessionId;
use victor_orchestrator::provider::{LedgerEntry, LedgerTotal};
use victor_orchestrator::session::SessionManager as _;
use victor_text::json_escaped;

use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::period::{date, ledger_query};
use crate::table::{day, table};
use crate::terminal;

const MORE: &str = "\
Each attempt of a model call counts, also those that failed, were stopped or were cut off by the end of the program. A \
price that is not known is `unknown` and no part of a sum; a file `prices.toml` beside the settings, or --prices of \
`victor chat`, tells it for later calls. What a deleted session has spent stays.";

/// Show the tokens and the money that model calls have used
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct UsageArgs {
    /// One line for each of these
    #[arg(long, value_enum, default_value_t = Key::Day)]
    by: Key,

    /// Only calls of this day and later ones, such as 2026-11-30
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<Date>,

    /// Only calls of this session: its name, or the beginning of it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,

    /// Print one line of JSON for each, with amounts in nano-dollars
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    data: DataArgs,
}

/// The property by which calls are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Key {
    Day,
    Model,
    Session,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Session => "session",
        }
    }

    fn of(self, entry: &LedgerEntry) -> String {
        match self {
            Self::Day => day(entry.started),
            Self::Model => model(entry),
            Self::Session => match &entry.session {
                Some(session) => session.to_string(),
                None => "-".to_owned(),
            },
        }
    }
}

pub(crate) fn model(entry: &LedgerEntry) -> String {
    format!("{} of {}", entry.model, entry.provider)
}

pub(crate) fn run(args: &UsageArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(show(args))
}

async fn show(args: &UsageArgs) -> Result<Exit, Failure> {
    let stores = args.data.stores().await?;
    let sessions = stores.coordinator();
    let query = ledger_query(&sessions, args.session.as_deref(), args.since).await?;
    let entries = match &stores.ledger {
        Some(ledger) => ledger.entries(&query).await?,
        None => Vec::new(),
    };
    if entries.is_empty() {
        terminal::status("the ledger has no such model calls");
        return Ok(Exit::Answered);
    }
    let running = running(&sessions, &entries).await;
    let report = Report::new(&entries, &running, |entry| args.by.of(entry));
    let mut out = io::stdout().lock();
    match args.json {
        true => {
            for line in report.json(args.by.name()) {
                writeln!(out, "{}", json_escaped(&line.to_string()))?;
            }
        }
        false => writeln!(out, "{}", report.table())?,
    }
    Ok(Exit::Answered)
}

/// The sessions with attempts that have not ended and on which a process works at this moment.
async fn running(sessions: &SessionCoordinator, entries: &[LedgerEntry]) -> HashSet<SessionId> {
    let pending = entries.iter().filter(|entry| entry.ended.is_none());
    let pending: HashSet<_> = pending.filter_map(|entry| entry.session.clone()).collect();
    let mut running = HashSet::new();
    for session in pending {
        let standing = sessions.standing(&session).await.ok().flatten();
        if standing.is_some_and(|standing| standing.lease.is_some()) {
            running.insert(session);
        }
    }
    running
}

/// Sums over entries of the ledger.
struct Report {
    groups: BTreeMap<String, Sum>,
    total: Sum,
}

#[derive(Default)]
struct Sum {
    total: LedgerTotal,
    /// Attempts that run in another process.
    running: u64,
    /// Attempts that the end of their process has cut off.
    cut_off: u64,
}

impl Sum {
    fn add(&mut self, entry: &LedgerEntry, running: &HashSet<SessionId>) {
        self.total += entry;
        if entry.ended.is_none() {
            let runs = (entry.session.as_ref()).is_some_and(|session| running.contains(session));
            self.running += u64::from(runs);
            self.cut_off += u64::from(!runs);
        }
    }

    fn row(&self, name: &str) -> [String; 6] {
        let calls = match self.total.attempts {
            1 => "1 call".to_owned(),
            calls => format!("{calls} calls"),
        };
        let usage = &self.total.usage;
        let mut notes = Vec::new();
        for (count, note) in [(self.cut_off, "cut off"), (self.running, "running")] {
            if count > 0 {
                notes.push(format!("{count} {note}"));
            }
        }
        let pending = self.cut_off + self.running;
        let estimated = self.total.uncounted.saturating_sub(pending);
        if estimated > 0 {
            notes.push(format!("{estimated} estimated"));
        }
        [
            name.to_owned(),
            calls,
            format!("{} in", usage.input_tokens()),
            format!("{} out", usage.output),
            cost(&self.total),
            notes.join(", "),
        ]
    }

    fn json(&self) -> Value {
        let total = &self.total;
        json!({
            "attempts": total.attempts,
            "cost_nanos": (total.unpriced < total.attempts).then_some(total.cost),
            "unpriced": total.unpriced,
            "uncounted": total.uncounted,
            "cut_off": self.cut_off,
            "running": self.running,
            "usage": total.usage,
        })
    }
}

impl Report {
    fn new<'a>(
        entries: impl IntoIterator<Item = &'a LedgerEntry>,
        running: &HashSet<SessionId>,
        key: impl Fn(&LedgerEntry) -> String,
    ) -> Self {
        let (mut groups, mut total) = (BTreeMap::<_, Sum>::new(), Sum::default());
        for entry in entries {
            groups.entry(key(entry)).or_default().add(entry, running);
            total.add(entry, running);
        }
        Self { groups, total }
    }

    fn table(&self) -> String {
        let mut rows: Vec<_> = self
            .groups
            .iter()
            .map(|(name, sum)| sum.row(name))
            .collect();
        if rows.len() > 1 {
            rows.push(self.total.row("total"));
        }
        table(&rows, &[1, 2, 3, 4])
    }

    fn json(&self, key: &str) -> Vec<Value> {
        let line = |(name, sum): (&String, &Sum)| {
            let mut line = sum.json();
            line[key] = name.as_str().into();
            line
        };
        self.groups.iter().map(line).collect()
    }
}

/// Describes the usage of a session by model, for the conversation in it. `entries` are those of the ledger, and
/// `total` is that of this process where nothing is stored.
pub(crate) fn of_session(entries: &[LedgerEntry], total: &LedgerTotal) -> String {
    if entries.is_empty() {
        let sum = Sum {
            total: total.clone(),
            ..Sum::default()
        };
        return table(&[sum.row("this session")], &[]);
    }
    // This session is at work here, so nothing that is asked between two turns runs.
    Report::new(entries, &HashSet::new(), model).table()
}

/// A cost: an amount, `unknown`, or an amount beside which some is unknown.
pub(crate) fn cost(total: &LedgerTotal) -> String {
    match total.unpriced {
        0 => total.cost.to_string(),
        unpriced if unpriced == total.attempts => "unknown".to_owned(),
        _ => format!("{} + unknown", total.cost),
    }
}

#[cfg(test)]
mod tests {
    use victor_orchestrator::provider::{NanoDollars, UsageSource};

    use super::*;

    fn entry(session: &str, cost: Option<u64>, has_ended: bool) -> LedgerEntry {
        let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 1);
        entry.session = Some(session.into());
        entry.cost = cost.map(NanoDollars::from_nanos);
        if has_ended {
            entry.ended = Some(entry.started);
            entry.usage_source = UsageSource::Reported;
        }
        entry
    }

    #[test]
    fn an_unknown_price_is_not_zero_and_what_was_cut_off_shows() {
        let entries = [
            entry("a", Some(42_000), true),
            entry("a", None, false),
            entry("b", None, false),
            entry("c", Some(0), true),
        ];
        let running = HashSet::from(["b".into()]);
        let report = Report::new(&entries, &running, |entry| Key::Session.of(entry));
        let expected = "\
a      2 calls  0 in  0 out  $0.000042 + unknown  1 cut off
b       1 call  0 in  0 out              unknown  1 running
c       1 call  0 in  0 out                $0.00
total  4 calls  0 in  0 out  $0.000042 + unknown  1 cut off, 1 running";
        assert_eq!(report.table(), expected);
        let lines = report.json("session");
        let costs: Vec<_> = lines.iter().map(|line| &line["cost_nanos"]).collect();
        assert_eq!(json!(costs), json!([42_000, null, 0]));
    }
}
