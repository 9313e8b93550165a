//! `victor metrics`: how model calls went, by the ledger; and the listener for Prometheus of a program that runs.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::core::Timestamp;
use victor_orchestrator::metrics::{
    CounterValue, Histogram, Metric, MetricKey, MetricsSnapshot, TextFormat,
};
use victor_orchestrator::provider::{AttemptOutcome, LedgerEntry};
use victor_prometheus::PrometheusListener;
use victor_text::json_escaped;

use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::period::{date, ledger_query};
use crate::table::table;
use crate::terminal;
use crate::usage::model;

const MORE: &str = "\
The numbers are those of the stored ledger: each attempt of a model call, with its time, its tokens and its error. Times \
are those from the request to the end of the answer, of attempts that brought one; the speed is that of the whole answer. \
A program that runs measures more, such as tools and the time to the first token: `victor chat --serve-metrics` shows that \
to Prometheus.";

/// Show how model calls went: times, speed, errors
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct MetricsCommand {
    /// Only calls of this day and later ones, such as 2026-11-30
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<Date>,

    /// Only calls of this session: its name, or the beginning of it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,

    /// Print one line of JSON for each model, with times in microseconds
    #[arg(long, conflicts_with = "prometheus")]
    json: bool,

    /// Print the text format of Prometheus, for the text files that its node exporter reads
    #[arg(long)]
    prometheus: bool,

    #[command(flatten)]
    data: DataArgs,
}

/// The flag for a listener.
#[derive(Debug, Args)]
pub(crate) struct ListenerArgs {
    /// Serve metrics to Prometheus at this address, such as 127.0.0.1:9464, under /metrics
    #[arg(long, value_name = "ADDRESS")]
    serve_metrics: Option<String>,
}

impl ListenerArgs {
    /// Starts the listener, if one is wanted.
    pub(crate) async fn open(
        &self,
        orchestrator: &AgentOrchestrator,
    ) -> Result<Option<PrometheusListener>, Failure> {
        let Some(address) = &self.serve_metrics else {
            return Ok(None);
        };
        let Some(metrics) = orchestrator.metrics_coordinator() else {
            return Err(Failure::usage(anyhow!(
                "there are no metrics to serve: the setting `enable_metrics` is false"
            )));
        };
        let listener = PrometheusListener::builder(metrics.clone());
        let listener = listener.bind(address).await.map_err(|error| {
            Failure::usage(anyhow!(
                "cannot listen at `{address}`: {error}; give an address of this machine and a free port, such as \
                 127.0.0.1:9464"
            ))
        })?;
        let (address, path) = (listener.local_addr(), listener.path());
        terminal::status(&format!("metrics are at http://{address}{path}"));
        Ok(Some(listener))
    }
}

pub(crate) fn run(args: &MetricsCommand) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(show(args))
}

async fn show(args: &MetricsCommand) -> Result<Exit, Failure> {
    let stores = args.data.stores().await?;
    let query = ledger_query(&stores.coordinator(), args.session.as_deref(), args.since).await?;
    let entries = match &stores.ledger {
        Some(ledger) => ledger.entries(&query).await?,
        None => Vec::new(),
    };
    let report = Report::new(&entries);
    let mut out = io::stdout().lock();
    if args.prometheus {
        write!(out, "{}", report.snapshot().to_text(TextFormat::Prometheus))?;
    } else if entries.is_empty() {
        terminal::status("the ledger has no such model calls");
    } else if args.json {
        for line in report.json() {
            writeln!(out, "{}", json_escaped(&line.to_string()))?;
        }
    } else {
        writeln!(out, "{}", report.table())?;
    }
    Ok(Exit::Answered)
}

/// The measurements of the attempts in a ledger, by model.
struct Report(BTreeMap<String, Measured>);

/// The measurements of the attempts at one model.
#[derive(Default)]
struct Measured {
    provider: String,
    model: String,
    outcomes: BTreeMap<String, u64>,
    /// Attempts that failed, by the class of their error.
    errors: BTreeMap<String, u64>,
    /// Attempts that followed a failed one of their call.
    retries: u64,
    /// Times of the answers, in microseconds.
    times: Histogram,
    /// Tokens of the answers in a second.
    speeds: Histogram,
}

impl Report {
    fn new(entries: &[LedgerEntry]) -> Self {
        let mut models = BTreeMap::<_, Measured>::new();
        for entry in entries {
            models.entry(model(entry)).or_default().add(entry);
        }
        Self(models)
    }

    fn table(&self) -> String {
        let rows: Vec<_> = (self.0.iter())
            .map(|(name, measured)| measured.row(name))
            .collect();
        table(&rows, &[1, 2, 3, 4, 5])
    }

    fn json(&self) -> Vec<Value> {
        self.0.values().map(Measured::json).collect()
    }

    fn snapshot(&self) -> MetricsSnapshot {
        let metrics = self.0.values().flat_map(Measured::metrics).collect();
        let help = [
            (ATTEMPTS, "Attempts of model calls by their outcome."),
            (
                ERRORS,
                "Attempts of model calls that failed, by the class of their error.",
            ),
            (
                RETRIES,
                "Attempts of model calls that followed a failed one.",
            ),
            (TIMES, "Time from the request to the end of the answer."),
        ];
        let help = help.map(|(name, help)| (name.into(), help.into()));
        MetricsSnapshot::new(Timestamp::now(), metrics).with_help(help)
    }
}

const ATTEMPTS: &str = "victor_ledger_attempts_total";
const ERRORS: &str = "victor_ledger_errors_total";
const RETRIES: &str = "victor_ledger_retries_total";
const TIMES: &str = "victor_ledger_attempt_duration_us";

impl Measured {
    fn add(&mut self, entry: &LedgerEntry) {
        self.provider = entry.provider.to_string();
        self.model = entry.model.to_string();
        let outcome = entry.outcome.as_str().to_owned();
        *self.outcomes.entry(outcome).or_default() += 1;
        if let Some(error) = &entry.error {
            *self.errors.entry(error.as_str().to_owned()).or_default() += 1;
        }
        self.retries += u64::from(entry.attempt > 1);
        if entry.outcome != AttemptOutcome::Answered {
            return;
        }
        // A clock that was set back meanwhile tells no time.
        let took = entry.ended.map_or(0, |ended| {
            ended.saturating_duration_since(entry.started).as_micros()
        });
        let Some(took) = u64::try_from(took).ok().filter(|took| *took > 0) else {
            return;
        };
        self.times.record(took);
        let speed = u128::from(entry.usage.output) * 1_000_000 / u128::from(took);
        if let Ok(speed) = u64::try_from(speed)
            && speed > 0
        {
            self.speeds.record(speed);
        }
    }

    fn row(&self, name: &str) -> [String; 7] {
        let attempts: u64 = self.outcomes.values().sum();
        let times = self.times.read();
        let time = |q: f64, name: &str| match times.count {
            0 => String::new(),
            _ => format!("{} {name}", shown(times.quantile(q))),
        };
        let speeds = self.speeds.read();
        let speed = match speeds.count {
            0 => String::new(),
            _ => format!("{} tokens/s", speeds.quantile(0.5)),
        };
        let mut notes: Vec<_> = (self.errors.iter())
            .map(|(class, count)| format!("{count} {class}"))
            .collect();
        for outcome in [AttemptOutcome::Cancelled, AttemptOutcome::Cached] {
            if let Some(count) = self.outcomes.get(outcome.as_str()) {
                notes.push(format!("{count} {outcome}"));
            }
        }
        [
            name.to_owned(),
            format!("{attempts} attempts"),
            time(0.5, "p50"),
            time(0.95, "p95"),
            time(0.99, "p99"),
            speed,
            notes.join(", "),
        ]
    }

    fn json(&self) -> Value {
        let (times, speeds) = (self.times.read(), self.speeds.read());
        let quantile = |q: f64| (times.count > 0).then(|| times.quantile(q));
        json!({
            "provider": self.provider,
            "model": self.model,
            "attempts": self.outcomes,
            "errors": self.errors,
            "retries": self.retries,
            "p50_us": quantile(0.5),
            "p95_us": quantile(0.95),
            "p99_us": quantile(0.99),
            "max_us": quantile(1.0),
            "output_tokens_per_second": (speeds.count > 0).then(|| speeds.quantile(0.5)),
        })
    }

    fn metrics(&self) -> Vec<Metric> {
        let key = |name: &'static str| {
            MetricKey::new(name)
                .with("provider", self.provider.clone())
                .with("model", self.model.clone())
        };
        let counter = |value: u64| CounterValue {
            value,
            ..Default::default()
        };
        let outcomes = self.outcomes.iter().map(|(outcome, count)| {
            Metric::new(
                key(ATTEMPTS).with("outcome", outcome.clone()),
                counter(*count),
            )
        });
        let errors = self.errors.iter().map(|(class, count)| {
            Metric::new(key(ERRORS).with("class", class.clone()), counter(*count))
        });
        let others = [
            Metric::new(key(RETRIES), counter(self.retries)),
            Metric::new(key(TIMES), self.times.read()),
        ];
        outcomes.chain(errors).chain(others).collect()
    }
}

/// A time for a person.
fn shown(micros: u64) -> String {
    match Duration::from_micros(micros) {
        time if time < Duration::from_secs(1) => format!("{:.0} ms", time.as_secs_f64() * 1e3),
        time => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use victor_orchestrator::core::Usage;
    use victor_orchestrator::provider::ProviderErrorKind;

    use super::*;

    fn entry(milliseconds: i64, attempt: u32) -> LedgerEntry {
        let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), attempt);
        entry.started = Timestamp::from_unix_millis(1_000_000).unwrap();
        entry.ended = Timestamp::from_unix_millis(1_000_000 + milliseconds).ok();
        entry.outcome = AttemptOutcome::Answered;
        entry.usage = Usage::new(10, 50);
        entry
    }

    #[test]
    fn times_errors_and_speed_of_each_model() {
        let mut failed = entry(40_000, 1);
        failed.outcome = AttemptOutcome::Failed;
        failed.error = Some(ProviderErrorKind::RateLimit);
        // The clock was set back while it ran.
        let back = entry(-5_000, 1);
        let entries = [failed, entry(500, 2), entry(2_000, 1), back];
        let report = Report::new(&entries);
        let expected = "acme-1 of acme  4 attempts  524 ms p50  2.0 s p95  2.0 s p99  25 tokens/s  1 rate_limit";
        assert_eq!(report.table(), expected);
        let line = &report.json()[0];
        assert_eq!(line["attempts"], json!({ "answered": 3, "failed": 1 }));
        assert_eq!(
            (&line["retries"], &line["max_us"]),
            (&json!(1), &json!(2_000_000))
        );
        let text = report.snapshot().to_text(TextFormat::Prometheus);
        let failed =
            r#"victor_ledger_errors_total{class="rate_limit",model="acme-1",provider="acme"} 1"#;
        assert!(text.lines().any(|line| line == failed), "{text}");
    }
}
