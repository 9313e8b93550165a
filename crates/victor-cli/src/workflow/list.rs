//! `victor workflow list`.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use victor_orchestrator::workflow::checkpoint::ContentHash;
use victor_orchestrator::workflow::{RunInfo, RunQuery, RunStatus, Wait, WorkflowRunner as _};
use victor_text::json_escaped;

use super::definition::DefinitionFile;
use super::opened::Opened;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::{table, terminal};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// List only runs of the workflow of this name
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,

    /// List runs that have ended as well
    #[arg(long)]
    all: bool,

    /// Print at most so many runs, the newest ones
    #[arg(long, value_name = "N", default_value_t = 50)]
    first: usize,

    /// Tell runs of older definitions by these files; without them, the newest run of a workflow has the current one
    #[arg(long = "definition", value_name = "FILE")]
    definitions: Vec<PathBuf>,

    /// Print one run a line as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &ListArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let opened = Opened::open(data).await?;
    let mut current: HashMap<String, ContentHash> = HashMap::new();
    for path in &args.definitions {
        let workflow = DefinitionFile::read(path)?.workflow()?;
        let hash = workflow.hash();
        current.insert(workflow.name, hash);
    }
    let mut query = RunQuery::default();
    query.workflow.clone_from(&args.workflow);
    let mut runs = opened.runner.find(&query).await?;
    for run in &runs {
        // The newest comes first.
        current
            .entry(run.workflow.clone())
            .or_insert(run.definition);
    }
    runs.retain(|run| args.all || !run.status.has_ended());
    runs.truncate(args.first);
    let mut rows = Vec::new();
    let mut out = io::stdout().lock();
    for run in &runs {
        let is_older = current
            .get(&run.workflow)
            .is_some_and(|hash| *hash != run.definition);
        let waits = waits(&opened, run).await;
        if args.json {
            writeln!(
                out,
                "{}",
                json_escaped(&as_json(run, is_older, &waits).to_string())
            )?;
            continue;
        }
        let mut remarks = Vec::new();
        remarks.extend(run.key.as_ref().map(|key| format!("named {key}")));
        remarks.extend(is_older.then(|| "older definition".to_owned()));
        remarks.extend(waits);
        let updated = table::local(run.updated_at);
        rows.push([
            run.id.to_string(),
            run.workflow.clone(),
            state(run),
            updated,
            remarks.join("; "),
        ]);
    }
    if runs.is_empty() {
        terminal::status("there are no such runs: begin one with `victor workflow run FILE`");
    } else if !args.json {
        writeln!(out, "{}", table::table(&rows, &[]))?;
    }
    Ok(Exit::Answered)
}

/// The state of a run in words.
pub(super) fn state(run: &RunInfo) -> String {
    let holder = run.holder.as_ref().filter(|holder| !holder.left.is_zero());
    match (&run.status, holder) {
        (RunStatus::Running, Some(holder)) => format!("running in {}", holder.owner),
        (RunStatus::Running, None) => "parked".to_owned(),
        (RunStatus::Waiting, _) => "waits".to_owned(),
        (status, _) => status.to_string(),
    }
}

/// The waits of a run, in words.
async fn waits(opened: &Opened, run: &RunInfo) -> Vec<String> {
    if run.status != RunStatus::Waiting {
        return Vec::new();
    }
    // A run that cannot be read is listed all the same.
    let pending = match opened.runner.pending(run.id).await {
        Ok(pending) => pending,
        Err(error) => return vec![error.to_string()],
    };
    let wait = |wait: &Wait| match wait {
        Wait::Answer { prompt, .. } => Some(format!("asks: {}", terminal::short_line(prompt))),
        Wait::Event { name } => Some(format!("for event {name}")),
        _ => None,
    };
    let mut waits: Vec<_> = pending
        .iter()
        .filter_map(|pending| wait(&pending.wait))
        .collect();
    waits.extend(run.wake_at.map(|at| format!("until {}", table::local(at))));
    waits
}

fn as_json(run: &RunInfo, is_older: bool, waits: &[String]) -> Value {
    let holder = run.holder.as_ref().filter(|holder| !holder.left.is_zero());
    json!({
        "run": run.id,
        "workflow": run.workflow,
        "definition": run.definition,
        "older_definition": is_older,
        "name": run.key,
        "status": run.status,
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "wake_at": run.wake_at,
        "records": run.records,
        "running_in": holder.map(|holder| &holder.owner),
        "waits": waits,
    })
}
