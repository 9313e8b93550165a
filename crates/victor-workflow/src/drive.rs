//! Drives one run: decides, writes, calls, and waits for what comes of it.

mod back;
mod calls;
mod decide;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;
use victor_core::{RunId, Timestamp};
use victor_workflow_protocol::{
    ClaimRequest, Divergence, JournalError, RunClaim, RunCommit, RunInfo, RunOutcome, RunStarted,
    RunStatus, StoreWrite, WorkflowError, WorkflowEvent, WorkflowJournal,
};

pub(crate) use self::decide::{Event, first_event};

use self::calls::Calls;
use crate::coordinator::Shared;
use crate::replay::Replayed;
use crate::state::{Phase, State};
use crate::value::ValueWriter;

/// Drives one run.
pub(crate) struct Driver<'c> {
    shared: &'c Shared,
    run: RunId,
    claim: RunClaim,
    state: State,
    writer: ValueWriter,
    /// Events that are applied and not written yet.
    events: Vec<WorkflowEvent>,
    /// Number of records in the journal that are applied.
    records: u64,
    calls: Calls,
    signals: watch::Receiver<()>,
    /// Whether the journal has the run as one that is worked on.
    is_running: bool,
    /// Time of the last write.
    renewed: tokio::time::Instant,
}

impl<'c> Driver<'c> {
    pub(crate) fn new(shared: &'c Shared, claim: RunClaim, replayed: Replayed) -> Self {
        let Replayed {
            state,
            writer,
            records,
            status,
        } = replayed;
        Self {
            run: state.run,
            shared,
            claim,
            state,
            writer,
            events: Vec::new(),
            records,
            calls: Calls::default(),
            signals: shared.signals.subscribe(),
            is_running: status == RunStatus::Running,
            renewed: tokio::time::Instant::now(),
        }
    }

    /// Drives a run that was there until it has ended or only waits.
    pub(crate) async fn drive(mut self) -> Result<RunOutcome, WorkflowError> {
        self.call_again()?;
        self.drive_on().await
    }

    /// Begins a run: creates it together with all that is decided at once. Returns the run that there is already instead
    /// if it has the key.
    pub(crate) async fn create(
        &mut self,
        run: &RunInfo,
        request: ClaimRequest,
        input: Json,
    ) -> Result<Option<RunInfo>, WorkflowError> {
        let stored = self.writer.store(&input);
        self.emit(
            RunStarted::new(run.workflow.clone(), run.definition, stored),
            input,
        )?;
        self.decide()?;
        let mut commit = RunCommit::new(std::mem::take(&mut self.events));
        commit.values = self.writer.take();
        match &self.state.phase {
            Phase::Ended(outcome) => commit.status = Some(status_of(outcome)),
            _ => commit.claim = Some(request),
        }
        let (run, is_new) = self.shared.journal.create(run, &commit).await?;
        if !is_new {
            return Ok(Some(run));
        }
        self.wrote(run.records);
        Ok(None)
    }

    /// Drives the run on until it has ended or only waits.
    pub(crate) async fn drive_on(mut self) -> Result<RunOutcome, WorkflowError> {
        loop {
            if self.shared.is_shut_down() {
                return Err(WorkflowError::ShutDown);
            }
            self.decide()?;
            if let Phase::Ended(outcome) = self.state.phase.clone() {
                // A run without calls is written as one that has ended.
                if !self.events.is_empty() {
                    let end = RunCommit::default().with_status(status_of(&outcome));
                    self.commit(end.releasing()).await?;
                }
                return Ok(outcome);
            }
            if !self.events.is_empty() && self.calls.are_made() {
                if let Some(outcome) = self.pause().await? {
                    return Ok(outcome);
                }
                continue;
            }
            if !self.events.is_empty() && self.commit(RunCommit::default()).await? {
                // A signal may have come that the next decision depends on, such as a request to end.
                self.decide()?;
                continue;
            }
            self.calls.launch(self.shared, &self.state);
            if self.shared.is_shut_down() {
                // The handlers may have gone before the calls were made.
                return Err(WorkflowError::ShutDown);
            }
            if self.calls.are_made() {
                if let Some(outcome) = self.pause().await? {
                    return Ok(outcome);
                }
            } else {
                self.wait().await?;
            }
        }
    }

    /// Applies an event of this process, to be written with the next commit.
    fn emit(&mut self, event: impl Into<WorkflowEvent>, value: Json) -> Result<(), WorkflowError> {
        let event = event.into();
        let number = self.records + self.events.len() as u64;
        let applied = self.state.apply(number, &event, value);
        applied.map_err(|message| Divergence::new(self.run, number, message))?;
        self.events.push(event);
        self.calls.retain(&self.state);
        Ok(())
    }

    /// Writes what was decided. Returns whether others have written something meanwhile, which is applied then.
    async fn commit(&mut self, mut commit: RunCommit) -> Result<bool, WorkflowError> {
        commit.events = std::mem::take(&mut self.events);
        commit.values = self.writer.take();
        let is_parked = commit.status.is_some();
        if !is_parked && !self.is_running {
            commit.status = Some(RunStatus::Running);
        }
        let written = self.write(&mut commit).await;
        match &written {
            Ok(_) => self.is_running = !is_parked,
            // Nothing was written, and it is decided anew whether the run is to be parked.
            Err(WorkflowError::Journal(JournalError::Behind { .. })) => {
                self.events = commit.events;
                self.writer.put_back(commit.values);
            }
            Err(_) => {}
        }
        written
    }

    /// Writes events together with writes of their handlers, and nothing else.
    async fn commit_with(
        &mut self,
        event: &WorkflowEvent,
        writes: Vec<StoreWrite>,
    ) -> Result<(), WorkflowError> {
        let mut commit = RunCommit::new([event.clone()]);
        commit.writes = writes;
        commit.values = self.writer.take();
        self.write(&mut commit).await?;
        Ok(())
    }

    /// Writes a commit after the records that are there. Returns whether others have written some meanwhile.
    async fn write(&mut self, commit: &mut RunCommit) -> Result<bool, WorkflowError> {
        let mut has_news = false;
        loop {
            commit.expected = Some(self.records);
            let write = self.shared.journal.commit(self.run, &self.claim, commit);
            let written = self.calls.beside(write).await;
            match written {
                Ok(count) => {
                    self.wrote(count);
                    return Ok(has_news);
                }
                // Somebody has sent something, which comes before what is written here.
                Err(behind @ JournalError::Behind { .. })
                    if commit.status != Some(RunStatus::Waiting) =>
                {
                    has_news = true;
                    if self.read_signals().await? == 0 {
                        return Err(behind.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes note of a write, after which there are so many records.
    fn wrote(&mut self, records: u64) {
        self.records = records;
        self.renewed = tokio::time::Instant::now();
        self.shared.commits.send_replace(());
    }

    /// Applies records that others have written: signals, since nothing else is written without the claim.
    async fn read_signals(&mut self) -> Result<u64, WorkflowError> {
        let journal = &self.shared.journal;
        let read = journal.records(self.run, self.records, usize::MAX);
        let records = self.calls.beside(read).await?;
        for record in &records {
            let applied = self.state.apply(record.number, &record.event, Json::Null);
            applied.map_err(|message| Divergence::new(self.run, record.number, message))?;
        }
        self.records += records.len() as u64;
        Ok(records.len() as u64)
    }

    /// Looks for what others have written.
    async fn poll(&mut self) -> Result<(), WorkflowError> {
        self.read_signals().await?;
        Ok(())
    }

    /// Waits for a time that comes soon, or parks the run and returns how it stands.
    async fn pause(&mut self) -> Result<Option<RunOutcome>, WorkflowError> {
        let wake_at = self.state.wake_at();
        let now = Timestamp::now();
        let time = wake_at.map(|at| at.saturating_duration_since(now));
        if let Some(time) = time.filter(|time| *time <= self.shared.options.linger) {
            if self.events.is_empty() {
                self.sleep(time).await?;
            } else {
                self.commit(RunCommit::default()).await?;
            }
            return Ok(None);
        }
        let parked = RunCommit::default()
            .with_status(RunStatus::Waiting)
            .with_wake_at(wake_at)
            .releasing();
        match self.commit(parked).await {
            Ok(_) => Ok(Some(RunOutcome::Waiting {
                pending: self.state.pending(),
                wake_at,
            })),
            Err(behind @ WorkflowError::Journal(JournalError::Behind { .. })) => {
                match self.read_signals().await? {
                    0 => Err(behind),
                    _ => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for the end of a call, a signal or a time, and renews the claim meanwhile.
    async fn wait(&mut self) -> Result<(), WorkflowError> {
        let now = Timestamp::now();
        let mut time = (self.renewed + self.claim.time / 3)
            .saturating_duration_since(tokio::time::Instant::now());
        if let Some(at) = self.state.wake_at() {
            time = time.min(at.saturating_duration_since(now));
        }
        // A request to end can come at any time.
        time = time.min(self.shared.options.poll);
        let done = tokio::select! {
            done = self.calls.next() => Some(done),
            _ = self.signals.changed() => None,
            () = tokio::time::sleep(time) => None,
        };
        match done {
            Some(done) => {
                self.finish(done).await?;
                // Those that have ended as well are written together.
                while let Some(done) = self.calls.next_now() {
                    self.finish(done).await?;
                }
            }
            None => {
                self.poll().await?;
                self.renew().await?;
            }
        }
        Ok(())
    }

    async fn sleep(&mut self, time: Duration) -> Result<(), WorkflowError> {
        let time = time.min(self.shared.options.poll).min(self.claim.time / 3);
        tokio::select! {
            _ = self.signals.changed() => {}
            () = tokio::time::sleep(time) => {}
        }
        self.poll().await?;
        self.renew().await
    }

    /// Renews the claim when a third of its time is over.
    async fn renew(&mut self) -> Result<(), WorkflowError> {
        if self.renewed.elapsed() >= self.claim.time / 3 {
            self.commit(RunCommit::default()).await?;
        }
        Ok(())
    }
}

/// The state of a run that has ended so.
fn status_of(outcome: &RunOutcome) -> RunStatus {
    match outcome {
        RunOutcome::Failed { .. } => RunStatus::Failed,
        RunOutcome::Cancelled(_) => RunStatus::Cancelled,
        _ => RunStatus::Finished,
    }
}

/// The time after which a wait ends.
fn end_of(time: Option<Duration>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::now().checked_add(time))
}

/// A shared handler by its name.
pub(crate) type Handler = Arc<dyn victor_workflow_protocol::StepHandler>;
