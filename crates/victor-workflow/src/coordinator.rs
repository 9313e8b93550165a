//! The coordinator that plays the role of the runner.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::watch;
use victor_core::{Coordinator, Health, Lock, Problems, RunId, SharedLock, UnknownName};
use victor_guard::process;
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, JournalError, PendingWait, RunClaim, RunCommit, RunInfo, RunMigrated, RunOutcome,
    RunQuery, RunRecord, RunStarted, RunStatus, Signal, SignalTarget, StartRun, StepHandler,
    Workflow, WorkflowError, WorkflowEvent, WorkflowJournal, WorkflowRunner,
};

use crate::drive::{Driver, Handler};
use crate::graph::Graph;
use crate::journal::GuardedJournal;
use crate::options::WorkflowOptions;
use crate::replay::{Replayed, history, replay};
use crate::value::{ValueReader, ValueWriter};
use crate::verify;

/// Runs workflows over a journal.
///
/// Handlers are given when it is built; definitions can be registered at any time. Nothing is spawned: a run goes on
/// in the task that drives it, and its handlers are called there, so a handler that computes for long moves that
/// elsewhere.
pub struct WorkflowCoordinator {
    shared: Shared,
    registered: SharedLock<BTreeMap<String, Arc<Graph>>>,
    /// Definitions of runs by their hashes.
    graphs: Lock<HashMap<ContentHash, Arc<Graph>>>,
    /// Definitions that the journal has.
    stored: Lock<HashSet<ContentHash>>,
    /// Claims of drives that were dropped.
    abandoned: Lock<HashMap<RunId, u64>>,
}

/// The parts of a coordinator that a driver uses.
pub(crate) struct Shared {
    pub(crate) journal: GuardedJournal,
    pub(crate) handlers: SharedLock<HashMap<String, Handler>>,
    pub(crate) options: WorkflowOptions,
    /// Changes when something was sent to a run by this process.
    pub(crate) signals: watch::Sender<()>,
    /// Changes when a record was written by this process.
    pub(crate) commits: watch::Sender<()>,
    problems: Problems,
    shut_down: AtomicBool,
}

impl Shared {
    pub(crate) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }
}

/// Builds a [`WorkflowCoordinator`].
#[derive(Debug)]
#[must_use]
pub struct WorkflowCoordinatorBuilder {
    journal: Arc<dyn WorkflowJournal>,
    handlers: HashMap<String, Handler>,
    options: WorkflowOptions,
}

impl WorkflowCoordinatorBuilder {
    /// Has steps that call a handler of this name call this one, in place of an earlier one.
    pub fn handler(mut self, name: impl Into<String>, handler: impl StepHandler) -> Self {
        self.handlers.insert(name.into(), Arc::new(handler));
        self
    }

    /// Sets the options.
    pub fn options(mut self, options: WorkflowOptions) -> Self {
        self.options = options;
        self
    }

    /// Builds the coordinator.
    #[must_use]
    pub fn build(self) -> WorkflowCoordinator {
        let journal = GuardedJournal::new(self.journal, self.options.journal_timeout);
        WorkflowCoordinator {
            shared: Shared {
                journal,
                handlers: SharedLock::new(self.handlers),
                options: self.options,
                signals: watch::Sender::new(()),
                commits: watch::Sender::new(()),
                problems: Problems::default(),
                shut_down: AtomicBool::new(false),
            },
            registered: SharedLock::default(),
            graphs: Lock::default(),
            stored: Lock::default(),
            abandoned: Lock::default(),
        }
    }
}

impl WorkflowCoordinator {
    /// Begins to build a coordinator over a journal.
    pub fn builder(journal: impl WorkflowJournal) -> WorkflowCoordinatorBuilder {
        WorkflowCoordinatorBuilder {
            journal: Arc::new(journal),
            handlers: HashMap::new(),
            options: WorkflowOptions::default(),
        }
    }

    fn registered(&self, name: &str) -> Result<Arc<Graph>, WorkflowError> {
        let registered = self.registered.read();
        let graph = registered.get(name).cloned();
        graph.ok_or_else(|| UnknownName::new("workflow", name, registered.keys()).into())
    }

    /// The definition of a run.
    async fn graph(&self, run: RunId, hash: ContentHash) -> Result<Arc<Graph>, WorkflowError> {
        if let Some(graph) = self.graphs.lock().get(&hash) {
            return Ok(Arc::clone(graph));
        }
        let unreadable = |message: String| WorkflowError::Definition { run, message };
        let text = self.shared.journal.definition(hash).await?;
        let text =
            text.ok_or_else(|| unreadable(format!("the journal has none of hash {hash}")))?;
        let workflow: Workflow =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let graph = Graph::new(workflow).map_err(|error| unreadable(error.to_string()))?;
        let graph = Arc::new(graph);
        self.graphs.lock().insert(hash, Arc::clone(&graph));
        Ok(graph)
    }

    async fn put_definition(&self, graph: &Arc<Graph>) -> Result<(), JournalError> {
        if !self.stored.lock().contains(&graph.hash) {
            let text = graph.workflow.canonical();
            self.shared
                .journal
                .put_definition(graph.hash, &text)
                .await?;
            self.stored.lock().insert(graph.hash);
        }
        self.graphs
            .lock()
            .entry(graph.hash)
            .or_insert_with(|| Arc::clone(graph));
        Ok(())
    }

    async fn info(&self, run: RunId) -> Result<RunInfo, WorkflowError> {
        let info = self.shared.journal.info(run).await?;
        Ok(info.ok_or(JournalError::NotFound(run))?)
    }

    async fn replayed(&self, run: RunId) -> Result<Replayed, WorkflowError> {
        let info = self.info(run).await?;
        let graph = self.graph(run, info.definition).await?;
        let history = history(&self.shared.journal, run).await?;
        let replayed = replay(&self.shared.journal, run, graph, history, |_, _, _| Ok(())).await?;
        Ok(Replayed {
            status: info.status,
            ..replayed
        })
    }

    /// The outcome of a run that has ended, from its last record.
    async fn ended(&self, info: &RunInfo) -> Result<RunOutcome, WorkflowError> {
        let (journal, run) = (&self.shared.journal, info.id);
        let last = journal
            .records(run, info.records.saturating_sub(1), 1)
            .await?;
        Ok(match last.into_iter().next().map(|record| record.event) {
            Some(WorkflowEvent::RunFinished(event)) => {
                let mut reader = ValueReader::default();
                reader.fetch(journal, run, [&event.output]).await?;
                RunOutcome::Finished(reader.read(&event.output)?)
            }
            Some(WorkflowEvent::RunFailed(event)) => RunOutcome::Failed {
                message: event.message,
                step: event.step,
            },
            Some(WorkflowEvent::RunCancelled(event)) => RunOutcome::Cancelled(event.reason),
            _ => {
                let message = format!("run `{run}` has ended without a record that says so");
                return Err(JournalError::Damaged { message }.into());
            }
        })
    }

    fn check_handlers(&self, run: RunId, graph: &Graph) -> Result<(), WorkflowError> {
        let handlers = self.shared.handlers.read();
        let missing = graph
            .handlers()
            .find(|(name, _)| !handlers.contains_key(*name));
        let Some((name, step)) = missing else {
            return Ok(());
        };
        let mut known: Vec<_> = handlers.keys().map(String::as_str).collect();
        known.sort_unstable();
        Err(WorkflowError::MissingHandler {
            run,
            step: step.to_owned(),
            source: UnknownName::new("handler", name, known),
        })
    }

    fn claim_request(&self) -> ClaimRequest {
        let owner = format!("process {}", std::process::id());
        ClaimRequest::new(owner, self.shared.options.claim_time).with_process(process::mark())
    }

    async fn claim(&self, run: RunId) -> Result<Claimed<'_>, JournalError> {
        let mut request = self.claim_request();
        let abandoned = self.abandoned.lock().get(&run).copied();
        if let Some(fence) = abandoned {
            request = request.over(fence);
        }
        let claim = match self.shared.journal.claim(run, &request).await {
            Err(held @ JournalError::Held { .. }) => {
                let info = self.shared.journal.info(run).await?;
                let holder = info.and_then(|info| info.holder);
                let is_over = |process: &str| process::has_ended(process);
                let over = holder.filter(|holder| holder.process.as_deref().is_some_and(is_over));
                let Some(holder) = over else {
                    return Err(held);
                };
                let request = request.over(holder.fence);
                self.shared.journal.claim(run, &request).await?
            }
            claim => claim?,
        };
        self.abandoned.lock().remove(&run);
        Ok(Claimed {
            abandoned: Some(&self.abandoned),
            run,
            claim,
        })
    }

    async fn drive_claimed(&self, claimed: &Claimed<'_>) -> Result<RunOutcome, WorkflowError> {
        let replayed = self.replayed(claimed.run).await?;
        self.check_handlers(claimed.run, &replayed.state.graph)?;
        Driver::new(&self.shared, claimed.claim.clone(), replayed)
            .drive()
            .await
    }

    /// Takes the end of a drive.
    async fn settle(
        &self,
        claimed: Claimed<'_>,
        outcome: Result<RunOutcome, WorkflowError>,
    ) -> Result<RunOutcome, WorkflowError> {
        let failed = match &outcome {
            Err(WorkflowError::Journal(error @ JournalError::Store { .. })) => Some(error),
            _ => None,
        };
        victor_guard::report(&self.shared.problems, "journal", failed);
        match outcome {
            Ok(outcome) => {
                claimed.settle();
                Ok(outcome)
            }
            Err(error) => Err(self.give_back(claimed, error).await),
        }
    }

    /// Gives a claim back after an error, so that nobody waits for it.
    async fn give_back(&self, claimed: Claimed<'_>, error: WorkflowError) -> WorkflowError {
        let is_lost = matches!(error, WorkflowError::Journal(JournalError::Fenced(_)));
        let release = RunCommit::default().releasing();
        if is_lost
            || self
                .shared
                .journal
                .commit(claimed.run, &claimed.claim, &release)
                .await
                .is_ok()
        {
            claimed.settle();
        }
        error
    }
}

/// A claim that is noted as abandoned if it is dropped before it is over.
struct Claimed<'c> {
    abandoned: Option<&'c Lock<HashMap<RunId, u64>>>,
    run: RunId,
    claim: RunClaim,
}

impl Claimed<'_> {
    fn settle(mut self) {
        self.abandoned = None;
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if let Some(abandoned) = self.abandoned {
            abandoned.lock().insert(self.run, self.claim.fence);
        }
    }
}

#[async_trait]
impl WorkflowRunner for WorkflowCoordinator {
    fn register(&self, workflow: Workflow) -> Result<ContentHash, WorkflowError> {
        let graph = Arc::new(Graph::new(workflow)?);
        let hash = graph.hash;
        let name = graph.workflow.name.clone();
        self.registered.write().insert(name, graph);
        Ok(hash)
    }

    fn add_handler(&self, name: &str, handler: Arc<dyn StepHandler>) {
        self.shared
            .handlers
            .write()
            .insert(name.to_owned(), handler);
    }

    fn workflows(&self) -> Vec<Arc<Workflow>> {
        let registered = self.registered.read();
        let workflows = registered
            .values()
            .map(|graph| Arc::new(graph.workflow.clone()));
        workflows.collect()
    }

    async fn start(&self, request: &StartRun) -> Result<RunInfo, WorkflowError> {
        if self.shared.is_shut_down() {
            return Err(WorkflowError::ShutDown);
        }
        let graph = self.registered(&request.workflow)?;
        self.put_definition(&graph).await?;
        let run = RunInfo::new(&request.workflow, graph.hash).with_key(request.key.clone());
        let mut writer = ValueWriter::default();
        let input = writer.store(&request.input);
        let mut commit =
            RunCommit::new([RunStarted::new(run.workflow.clone(), graph.hash, input).into()]);
        commit.values = writer.take();
        let (run, _) = self.shared.journal.create(&run, &commit).await?;
        Ok(run)
    }

    async fn drive(&self, run: RunId) -> Result<RunOutcome, WorkflowError> {
        if self.shared.is_shut_down() {
            return Err(WorkflowError::ShutDown);
        }
        let claimed = match self.claim(run).await {
            Ok(claimed) => claimed,
            Err(JournalError::Ended(_)) => return self.ended(&self.info(run).await?).await,
            Err(error) => return Err(error.into()),
        };
        let outcome = self.drive_claimed(&claimed).await;
        self.settle(claimed, outcome).await
    }

    async fn run(&self, request: &StartRun) -> Result<(RunId, RunOutcome), WorkflowError> {
        if self.shared.is_shut_down() {
            return Err(WorkflowError::ShutDown);
        }
        let graph = self.registered(&request.workflow)?;
        let info = RunInfo::new(&request.workflow, graph.hash).with_key(request.key.clone());
        let run = info.id;
        if self.check_handlers(run, &graph).is_err() {
            // It is there before it is refused.
            let run = self.start(request).await?.id;
            return Ok((run, self.drive(run).await?));
        }
        self.put_definition(&graph).await?;
        let claim_request = self.claim_request();
        let claim = RunClaim::new(1, claim_request.time, 0);
        let claimed = Claimed {
            abandoned: Some(&self.abandoned),
            run,
            claim: claim.clone(),
        };
        let mut driver = Driver::new(&self.shared, claim, Replayed::new(run, graph));
        match driver
            .create(&info, claim_request, request.input.clone())
            .await
        {
            Ok(None) => {}
            Ok(Some(existing)) => {
                claimed.settle();
                return Ok((existing.id, self.drive(existing.id).await?));
            }
            Err(error) => return Ok((run, self.settle(claimed, Err(error)).await?)),
        }
        let outcome = driver.drive_on().await;
        Ok((run, self.settle(claimed, outcome).await?))
    }

    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, WorkflowError> {
        if let SignalTarget::Answer { step, epoch } = &signal.to {
            let state = self.replayed(run).await?.state;
            let is_open = |wait: &PendingWait| wait.step == *step && wait.epoch == *epoch;
            if !state.pending().iter().any(is_open) {
                let answered = state.signals.answer(step, *epoch);
                return Err(WorkflowError::NotWaiting {
                    run,
                    step: step.clone(),
                    epoch: *epoch,
                    answered: answered.map(|(_, payload)| payload.clone()),
                });
            }
        }
        let is_new = self.shared.journal.signal(run, signal).await?;
        self.shared.signals.send_replace(());
        self.shared.commits.send_replace(());
        Ok(is_new)
    }

    async fn pending(&self, run: RunId) -> Result<Vec<PendingWait>, WorkflowError> {
        Ok(self.replayed(run).await?.state.pending())
    }

    async fn outcome(&self, run: RunId) -> Result<RunOutcome, WorkflowError> {
        let info = self.info(run).await?;
        if info.status.has_ended() {
            return self.ended(&info).await;
        }
        // Whoever sends something to a run that waits gives it work, so the journal knows which of both it is.
        Ok(self
            .replayed(run)
            .await?
            .state
            .outcome(info.status == RunStatus::Waiting))
    }

    async fn follow(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, WorkflowError> {
        let mut commits = self.shared.commits.subscribe();
        loop {
            // Asked first, since records come before the end.
            let has_ended = self.info(run).await?.status.has_ended();
            let records = self.shared.journal.records(run, from, max).await?;
            if !records.is_empty() || has_ended || max == 0 {
                return Ok(records);
            }
            tokio::select! {
                _ = commits.changed() => {}
                () = tokio::time::sleep(self.shared.options.poll) => {}
            }
        }
    }

    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, WorkflowError> {
        Ok(self.shared.journal.find(query).await?)
    }

    async fn verify(&self, run: RunId, workflow: &Workflow) -> Result<(), WorkflowError> {
        let graph = Arc::new(Graph::new(workflow.clone())?);
        let history = history(&self.shared.journal, run).await?;
        replay(&self.shared.journal, run, graph, history, verify::check).await?;
        Ok(())
    }

    async fn migrate(
        &self,
        run: RunId,
        steps: &BTreeMap<String, Option<String>>,
    ) -> Result<RunInfo, WorkflowError> {
        let graph = self.registered(&self.info(run).await?.workflow)?;
        let claimed = self.claim(run).await?;
        let migration = async {
            let journal = &self.shared.journal;
            let mut history = history(journal, run).await?;
            let event: WorkflowEvent = RunMigrated::new(graph.hash, steps.clone()).into();
            let number = history.len() as u64;
            history.push(RunRecord::new(number, event.clone()));
            replay(journal, run, Arc::clone(&graph), history, |_, _, _| Ok(())).await?;
            self.put_definition(&graph).await?;
            let mut commit = RunCommit::new([event]).releasing();
            commit.definition = Some(graph.hash);
            journal.commit(run, &claimed.claim, &commit).await?;
            Ok(())
        };
        match migration.await {
            Ok(()) => claimed.settle(),
            Err(error) => return Err(self.give_back(claimed, error).await),
        }
        self.info(run).await
    }
}

#[async_trait]
impl Coordinator for WorkflowCoordinator {
    fn name(&self) -> &str {
        "workflow"
    }

    fn health(&self) -> Health {
        self.shared.problems.health(self.name())
    }

    /// Has runs that are driven stop at their next record, and lets the handlers go. The runs can be driven again by
    /// another process.
    async fn shutdown(&self) {
        self.shared.shut_down.store(true, Ordering::Release);
        self.shared.signals.send_replace(());
        // They may hold an agent that holds this coordinator.
        let handlers = std::mem::take(&mut *self.shared.handlers.write());
        drop(handlers);
    }
}

impl fmt::Debug for WorkflowCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers = self.shared.handlers.read();
        let mut handlers: Vec<_> = handlers.keys().collect();
        handlers.sort_unstable();
        f.debug_struct("WorkflowCoordinator")
            .field("journal", &self.shared.journal)
            .field("workflows", &self.registered.read().keys())
            .field("handlers", &handlers)
            .finish_non_exhaustive()
    }
}
