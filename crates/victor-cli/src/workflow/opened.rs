//! The journal of runs, with a runner over it.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use victor_orchestrator::core::RunId;
use victor_orchestrator::workflow::{
    RunInfo, RunQuery, Workflow, WorkflowJournal, WorkflowRunner as _,
};
use victor_workflow::WorkflowCoordinator;
use victor_workflow_steps::{AGENT, TOOL};

use crate::data::DataArgs;
use crate::exit::Failure;

/// The handlers that the command has.
pub(super) const HANDLERS: &[&str] = &[AGENT, TOOL];

/// The journal in the data folder, with a runner over it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) journal: Arc<dyn WorkflowJournal>,
    pub(super) runner: Arc<WorkflowCoordinator>,
}

impl Opened {
    /// Opens the database of the data folder.
    pub(super) async fn open(data: &DataArgs) -> anyhow::Result<Self> {
        let journal: Arc<dyn WorkflowJournal> = data.database().await?.workflow_journal();
        let runner = Arc::new(WorkflowCoordinator::builder(Arc::clone(&journal)).build());
        Ok(Self { journal, runner })
    }

    /// Finds a run by its identifier, the beginning or end of that, or the name that it was given.
    pub(super) async fn find(&self, name: &str) -> Result<RunInfo, Failure> {
        if let Ok(id) = name.parse::<RunId>()
            && let Some(info) = self.journal.info(id).await?
        {
            return Ok(info);
        }
        let runs = self.runner.find(&RunQuery::default()).await?;
        choose(runs, name).map_err(Failure::usage)
    }

    /// Returns the definition that a run is under.
    pub(super) async fn definition(&self, run: &RunInfo) -> Result<Workflow, Failure> {
        let text = self.journal.definition(run.definition).await?;
        let text =
            text.ok_or_else(|| anyhow!("the journal has no definition of run `{}`", run.id))?;
        Ok(serde_json::from_str(&text).map_err(|error| {
            anyhow!(error).context(format!("the definition of run `{}` cannot be read", run.id))
        })?)
    }
}

/// Chooses the run that is meant.
fn choose(runs: Vec<RunInfo>, name: &str) -> anyhow::Result<RunInfo> {
    let (named, others): (Vec<_>, Vec<_>) = runs
        .into_iter()
        .partition(|run| run.key.as_deref() == Some(name));
    let mut found = named;
    if found.is_empty() && name.len() >= 4 {
        let is_meant = |run: &RunInfo| {
            let id = run.id.to_string();
            id.starts_with(name) || id.ends_with(name)
        };
        found = others.into_iter().filter(is_meant).collect();
    }
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => bail!("there is no run `{name}`; `victor workflow list --all` shows all of them"),
        count => bail!("{count} runs are meant by `{name}`; give the whole identifier"),
    }
}
