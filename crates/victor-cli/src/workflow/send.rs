//! `victor workflow answer`, `event` and `cancel`.

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;
use victor_orchestrator::core::EventId;
use victor_orchestrator::workflow::{
    PendingWait, RunInfo, Signal, StepPath, WorkflowError, WorkflowRunner as _,
};

use super::answer::{question, read};
use super::opened::Opened;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::terminal;

#[derive(Debug, Args)]
pub(super) struct AnswerArgs {
    /// The run: its identifier or the beginning of it, or the name that it was given
    run: String,

    /// The answer: yes, no, "no REASON", or a JSON value
    answer: String,

    /// The step that asks, if there are several
    #[arg(long, value_name = "STEP")]
    step: Option<String>,

    /// The name of the person who answers
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct EventArgs {
    /// The run: its identifier or the beginning of it, or the name that it was given
    run: String,

    /// The name of the event
    event: String,

    /// The payload, a JSON value or a text
    payload: Option<String>,

    /// An idempotency key: a run takes one event of each
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// The run: its identifier or the beginning of it, or the name that it was given
    run: String,

    /// The reason
    #[arg(default_value = "cancelled by hand")]
    reason: String,
}

pub(super) async fn answer(args: &AnswerArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let answer = read(&args.answer).ok_or_else(|| {
        let given = terminal::short_line(&args.answer);
        Failure::usage(anyhow!(
            "`{given}` is no answer: write yes, no, \"no REASON\" or a JSON value"
        ))
    })?;
    let opened = Opened::open(data).await?;
    let run = opened.find(&args.run).await?;
    let pending = opened.runner.pending(run.id).await?;
    let mut asked: Vec<_> = pending
        .iter()
        .filter(|wait| question(wait).is_some())
        .collect();
    if let Some(step) = &args.step {
        let step = StepPath::new(step.as_str());
        asked.retain(|wait| wait.step == step);
    }
    let [wait] = asked[..] else {
        return Err(Failure::usage(unclear(
            &run,
            args.step.as_deref(),
            &pending,
        )));
    };
    let mut signal = wait.answer(answer);
    signal.by.clone_from(&args.by);
    send(
        &opened,
        &run,
        &signal,
        &format!("`{}` is answered", wait.step),
    )
    .await
}

/// The error of an answer to no question, or to several.
fn unclear(run: &RunInfo, step: Option<&str>, pending: &[PendingWait]) -> anyhow::Error {
    let steps: Vec<_> = pending
        .iter()
        .filter(|wait| question(wait).is_some())
        .collect();
    let steps: Vec<_> = steps
        .iter()
        .map(|wait| format!("`{}`", wait.step))
        .collect();
    let id = run.id;
    match (step, steps.is_empty()) {
        (_, true) => {
            anyhow!("run `{id}` asks nothing now; `victor workflow show {id}` tells how it stands")
        }
        (None, false) => anyhow!(
            "several steps ask: name one with --step; they are {}",
            steps.join(", ")
        ),
        (Some(step), false) => anyhow!(
            "step `{step}` asks nothing now; those that do are {}",
            steps.join(", ")
        ),
    }
}

pub(super) async fn event(args: &EventArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let opened = Opened::open(data).await?;
    let run = opened.find(&args.run).await?;
    let payload = args.payload.as_deref().map_or(Value::Null, |payload| {
        serde_json::from_str(payload).unwrap_or_else(|_| payload.into())
    });
    let key = args
        .key
        .clone()
        .unwrap_or_else(|| EventId::generate().to_string());
    let signal = Signal::event(&args.event, key, payload);
    send(
        &opened,
        &run,
        &signal,
        &format!("event `{}` is sent", args.event),
    )
    .await
}

pub(super) async fn cancel(args: &CancelArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let opened = Opened::open(data).await?;
    let run = opened.find(&args.run).await?;
    let signal = Signal::cancel(&args.reason);
    send(&opened, &run, &signal, "the run is asked to end").await
}

async fn send(
    opened: &Opened,
    run: &RunInfo,
    signal: &Signal,
    done: &str,
) -> Result<Exit, Failure> {
    let id = run.id;
    let is_new = match opened.runner.signal(id, signal).await {
        Ok(is_new) => is_new,
        Err(WorkflowError::NotWaiting {
            answered: Some(answer),
            step,
            ..
        }) => {
            let answer = terminal::short_line(&answer.to_string());
            return Err(anyhow!("step `{step}` was answered before: {answer}").into());
        }
        Err(error) => return Err(error.into()),
    };
    if !is_new {
        terminal::status("the run has taken that already: nothing was sent");
        return Ok(Exit::Answered);
    }
    let holder = run.holder.as_ref().filter(|holder| !holder.left.is_zero());
    terminal::status(&match holder {
        Some(holder) => format!("{done}; {} takes it", holder.owner),
        None => format!("{done}; `victor workflow resume {id}` goes on with the run"),
    });
    Ok(Exit::Answered)
}
