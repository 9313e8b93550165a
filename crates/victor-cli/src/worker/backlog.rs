//! The work that there is: turns that were interrupted, and runs of workflows that could go on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::core::{RunId, SessionId, TurnId};
use victor_orchestrator::session::SessionManagerExt as _;
use victor_orchestrator::workflow::{
    RunOutcome, WorkflowError, WorkflowJournal, WorkflowRunner as _,
};
use victor_sql::SqlWorkflowJournal;
use victor_workflow::WorkflowCoordinator;

use crate::terminal;

/// The time for which a run is offered to no other worker, within which work on it begins.
const OFFER: Duration = Duration::from_secs(30);
/// The first and the longest pause before something is tried again that has failed.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Job {
    /// A turn that was interrupted by the end of its process.
    Turn(SessionId, TurnId),
    /// A run of a workflow.
    Run(RunId),
}

/// The work that there is, and what is known of work that has failed.
#[derive(Debug)]
pub(super) struct Backlog {
    orchestrator: AgentOrchestrator,
    runner: Arc<WorkflowCoordinator>,
    journal: Arc<SqlWorkflowJournal>,
    /// Number of failures of a job, and the time at which it is tried again.
    failed: HashMap<Job, (u32, Instant)>,
}

impl Backlog {
    pub(super) fn new(
        orchestrator: AgentOrchestrator,
        runner: Arc<WorkflowCoordinator>,
        journal: Arc<SqlWorkflowJournal>,
    ) -> Self {
        Self {
            orchestrator,
            runner,
            journal,
            failed: HashMap::new(),
        }
    }

    /// Returns so many jobs at most that are worth a try now.
    pub(super) async fn jobs(&mut self, max: usize) -> anyhow::Result<Vec<Job>> {
        let open = self.orchestrator.session_coordinator().open_turns().await?;
        let mut jobs: Vec<Job> = Vec::new();
        for turn in open.into_iter().filter(|turn| !turn.waits) {
            let job = Job::Turn(turn.session, turn.turn);
            if jobs.len() < max && self.is_worth(&job) {
                jobs.push(job);
            }
        }
        let offered = self.journal.offer(max - jobs.len(), OFFER).await?;
        let runs = offered.into_iter().map(Job::Run);
        jobs.extend(runs.filter(|job| self.is_worth(job)));
        Ok(jobs)
    }

    fn is_worth(&self, job: &Job) -> bool {
        self.failed
            .get(job)
            .is_none_or(|(_, again)| Instant::now() >= *again)
    }

    /// Waits until there may be something to do, for so long at most.
    pub(super) async fn wait(&self, time: Duration) {
        match self.journal.wait_for_work(time).await {
            Ok(true) => {}
            // Nobody is told, or the database is away.
            Ok(false) | Err(_) => tokio::time::sleep(time).await,
        }
    }

    /// Takes note of what came of a job.
    pub(super) fn settle(&mut self, job: Job, outcome: &anyhow::Result<()>) {
        let Err(error) = outcome else {
            self.failed.remove(&job);
            return;
        };
        terminal::error(&format!("worker: {job}: {error:#}"));
        let (count, again) = self.failed.entry(job).or_insert((0, Instant::now()));
        let pause = PAUSES.0 * 2_u32.saturating_pow((*count).min(10));
        *count += 1;
        *again = Instant::now() + pause.min(PAUSES.1);
    }

    /// Does a job.
    pub(super) fn work(
        &self,
        job: Job,
    ) -> impl Future<Output = (Job, anyhow::Result<()>)> + Send + use<> {
        let (orchestrator, runner) = (self.orchestrator.clone(), Arc::clone(&self.runner));
        async move {
            let outcome = match &job {
                Job::Turn(session, turn) => resume(&orchestrator, session, *turn).await,
                Job::Run(run) => drive(&runner, *run).await,
            };
            (job, outcome)
        }
    }
}

/// Has an interrupted turn go on, unless somebody works on it.
async fn resume(
    orchestrator: &AgentOrchestrator,
    session: &SessionId,
    turn: TurnId,
) -> anyhow::Result<()> {
    let session = orchestrator.session(session);
    let open = session
        .open_turn()
        .await
        .map_err(|error| anyhow!(error.report()))?;
    let Some(open) = open.filter(|open| open.turn == turn && open.approvals.is_empty()) else {
        return Ok(());
    };
    terminal::status(&format!("worker: turn of session {} goes on", session.id()));
    match session.resume(open, []).response().await {
        Ok(response) => {
            let (session, outcome) = (session.id(), response.outcome);
            terminal::status(&format!("worker: turn of session {session}: {outcome}"));
            Ok(())
        }
        // Another worker was faster.
        Err(error) if error.kind() == victor_orchestrator::chat::ChatErrorKind::Conflict => Ok(()),
        Err(error) => Err(anyhow!(error.report())),
    }
}

/// Drives a run until it has ended or only waits.
async fn drive(runner: &WorkflowCoordinator, run: RunId) -> anyhow::Result<()> {
    let said = match runner.drive(run).await {
        Ok(RunOutcome::Finished(_)) => "finished".to_owned(),
        Ok(RunOutcome::Failed { message, .. }) => format!("failed: {message}"),
        Ok(RunOutcome::Cancelled(reason)) => format!("cancelled: {reason}"),
        Ok(RunOutcome::Waiting { .. }) => "waits".to_owned(),
        Ok(_) | Err(WorkflowError::ShutDown) => "parked".to_owned(),
        // Another worker was faster.
        Err(WorkflowError::Journal(
            victor_orchestrator::workflow::JournalError::Held { .. }
            | victor_orchestrator::workflow::JournalError::Fenced(_),
        )) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    terminal::status(&format!("worker: run {run}: {said}"));
    Ok(())
}

impl std::fmt::Display for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Turn(session, _) => write!(f, "turn of session {session}"),
            Self::Run(run) => write!(f, "run {run}"),
        }
    }
}
