//! `victor workflow verify`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use victor_orchestrator::workflow::{RunQuery, WorkflowError, WorkflowRunner as _};

use super::definition::{DefinitionFile, count};
use super::list::state;
use super::opened::Opened;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::{table, terminal};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The edited definition, YAML or JSON; `-` for standard input
    file: PathBuf,

    /// The runs; without any, those of the workflow that have not ended
    runs: Vec<String>,

    /// Replay runs that have ended as well
    #[arg(long, conflicts_with = "runs")]
    all: bool,
}

pub(super) async fn run(args: &VerifyArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let workflow = DefinitionFile::read(&args.file)?.workflow()?;
    let opened = Opened::open(data).await?;
    let mut runs = Vec::new();
    for name in &args.runs {
        runs.push(opened.find(name).await?);
    }
    if args.runs.is_empty() {
        let mut query = RunQuery::default().with_workflow(&workflow.name);
        query.open = !args.all;
        runs = opened.runner.find(&query).await?;
    }
    let (mut rows, mut others) = (Vec::new(), 0);
    for run in &runs {
        let verdict = match opened.runner.verify(run.id, &workflow).await {
            Ok(()) => "fits".to_owned(),
            Err(WorkflowError::Diverged(error)) => {
                others += 1;
                format!("does not fit at record {}: {}", error.record, error.message)
            }
            Err(error) => {
                others += 1;
                format!("cannot be replayed: {error}")
            }
        };
        rows.push([run.id.to_string(), state(run), verdict]);
    }
    if rows.is_empty() {
        let name = &workflow.name;
        terminal::status(&format!(
            "workflow `{name}` has no open run: nothing depends on its definition"
        ));
        return Ok(Exit::Answered);
    }
    writeln!(io::stdout().lock(), "{}", table::table(&rows, &[]))?;
    let fits = count(rows.len() - others, "run");
    if others == 0 {
        terminal::status(&format!("{fits} could go on under this definition"));
        return Ok(Exit::Answered);
    }
    terminal::status(&format!(
        "{fits} could go on under this definition, {others} not: these finish under their own; `victor workflow resume RUN \
         --migrate {}` with --rename and --forget says how one goes on under it",
        args.file.display()
    ));
    Ok(Exit::Failed)
}
