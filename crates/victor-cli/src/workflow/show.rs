//! `victor workflow show`.

use std::io::{self, Write as _};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use victor_orchestrator::core::RunId;
use victor_orchestrator::workflow::{PendingWait, RunOutcome, Wait, WorkflowRunner as _};
use victor_text::json_escaped;

use super::list::state;
use super::opened::Opened;
use super::progress::{Form, Progress};
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::{table, terminal};

/// The most records that are read at once.
const PAGE: usize = 200;

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The run: its identifier or the beginning of it, or the name that it was given
    run: String,

    /// Begin with the record of this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,

    /// Follow the run until it has ended, also while it waits and nobody works on it
    #[arg(long, short)]
    follow: bool,

    /// Print every record as a line of JSON, and the outcome as the last one
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &ShowArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let _interrupts = Interrupts::listen()?;
    let opened = Opened::open(data).await?;
    let run = opened.find(&args.run).await?;
    let form = if args.json { Form::Json } else { Form::Lines };
    if !args.json {
        terminal::status(&format!(
            "run {} of workflow {}: {}",
            run.id,
            run.workflow,
            state(&run)
        ));
    }
    let mut progress = Progress::new(form, args.from);
    loop {
        // Asked before the records, which come before the end.
        let info = opened.find(&run.id.to_string()).await?;
        let records = opened.journal.records(run.id, progress.next, PAGE).await?;
        progress.print(&records)?;
        if !records.is_empty() {
            continue;
        }
        let is_driven = info
            .holder
            .as_ref()
            .is_some_and(|holder| !holder.left.is_zero());
        if info.status.has_ended() || !(is_driven || args.follow) {
            break;
        }
        let follow = opened.runner.follow(run.id, progress.next, PAGE);
        // A process that works on a run may end without a record.
        if let Ok(records) = tokio::time::timeout(Duration::from_secs(1), follow).await {
            progress.print(&records?)?;
        }
    }
    let outcome = opened.runner.outcome(run.id).await?;
    tell(run.id, &outcome, form)
}

/// Prints how a run stands, and returns the exit code that says so.
pub(super) fn tell(run: RunId, outcome: &RunOutcome, form: Form) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    if form == Form::Json {
        writeln!(out, "{}", json_escaped(&as_json(run, outcome).to_string()))?;
    }
    Ok(match outcome {
        RunOutcome::Finished(output) => {
            if form != Form::Json {
                match output {
                    Value::Null => {}
                    Value::String(text) => writeln!(out, "{}", terminal::printable(text))?,
                    other => {
                        let text = serde_json::to_string_pretty(other)?;
                        writeln!(out, "{}", json_escaped(&text))?;
                    }
                }
            }
            Exit::Answered
        }
        RunOutcome::Failed { message, .. } => {
            terminal::error(&format!("run {run} has failed: {message}"));
            Exit::Failed
        }
        RunOutcome::Cancelled(reason) => {
            terminal::error(&format!("run {run} was cancelled: {reason}"));
            Exit::Failed
        }
        RunOutcome::Waiting { pending, wake_at } => {
            if form != Form::Json {
                for wait in pending {
                    terminal::status(&advice(run, wait));
                }
                let at = wake_at
                    .map(|at| format!("; it goes on by itself from {} on", table::local(at)));
                terminal::status(&format!(
                    "run {run} waits{}: `victor workflow resume {run}` goes on with it",
                    at.unwrap_or_default()
                ));
            }
            Exit::Waiting
        }
        _ => {
            terminal::status(&format!(
                "run {run} is parked, with work to do: `victor workflow resume {run}` goes on with it"
            ));
            Exit::Waiting
        }
    })
}

/// The way to end a wait.
fn advice(run: RunId, pending: &PendingWait) -> String {
    let step = &pending.step;
    match &pending.wait {
        Wait::Answer { prompt, .. } => format!(
            "step `{step}` asks: {}  (answer with `victor workflow answer {run} yes --step {step}`)",
            terminal::short_line(prompt)
        ),
        Wait::Event { name } => {
            format!(
                "step `{step}` waits for event {name}  (send it with `victor workflow event {run} {name}`)"
            )
        }
        _ => format!("step `{step}` waits for its time"),
    }
}

fn as_json(run: RunId, outcome: &RunOutcome) -> Value {
    match outcome {
        RunOutcome::Finished(output) => {
            json!({ "run": run, "outcome": "finished", "output": output })
        }
        RunOutcome::Failed { message, step } => {
            json!({ "run": run, "outcome": "failed", "message": message, "step": step })
        }
        RunOutcome::Cancelled(reason) => {
            json!({ "run": run, "outcome": "cancelled", "message": reason })
        }
        RunOutcome::Waiting { pending, wake_at } => {
            let wait = |wait: &PendingWait| json!({ "step": wait.step, "epoch": wait.epoch, "wait": wait.wait, "until": wait.until });
            let pending: Vec<_> = pending.iter().map(wait).collect();
            json!({ "run": run, "outcome": "waiting", "pending": pending, "wake_at": wake_at })
        }
        _ => json!({ "run": run, "outcome": "parked" }),
    }
}
