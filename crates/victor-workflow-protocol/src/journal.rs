//! The extension point for journals.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_checkpoint_protocol::ContentHash;
use victor_core::{RunId, Timestamp};

use crate::{JournalError, RunInfo, RunQuery, RunRecord, RunStatus, Signal, WorkflowEvent};

/// Keeps the records of runs, the values that they name and the definitions that runs began under.
///
/// Implemented by adapters; called by the [`WorkflowRunner`](crate::WorkflowRunner) from many tasks at once, also by
/// several processes on one store. [`InMemoryJournal`](crate::InMemoryJournal) keeps them as long as the process lives.
///
/// Records are numbered from 0 without gaps, in the order in which they were written. Whoever drives a run has a
/// [claim](Self::claim) on it, and every commit is admitted by the claim in the same step; a claim that somebody else
/// has taken since admits to nothing. Signals need no claim.
///
/// # Cancel safety
///
/// A dropped write has happened as a whole or not at all.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait WorkflowJournal: fmt::Debug + Send + Sync + 'static {
    /// Whether commits may hold [writes](RunCommit::writes) of handlers. Defaults to `false`.
    fn takes_writes(&self) -> bool {
        false
    }

    /// Keeps the text of a definition under its hash. One that is there is not written again.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn put_definition(&self, hash: ContentHash, text: &str) -> Result<(), JournalError>;

    /// Returns the text of a definition, if it is there.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError>;

    /// Creates a run with its first records, unless its workflow has a run of its key already. Returns the run that is
    /// there afterwards, and whether it is the new one, which is [claimed](RunCommit::claim) if the write says so. Of
    /// several that come at once with one key, one is new.
    ///
    /// # Errors
    ///
    /// [`JournalError::AlreadyExists`] if another run has the identifier, or the store does not work. Nothing was
    /// written.
    async fn create(
        &self,
        run: &RunInfo,
        commit: &RunCommit,
    ) -> Result<(RunInfo, bool), JournalError>;

    /// Takes the right to work on a run, and returns it.
    ///
    /// # Errors
    ///
    /// [`JournalError::Held`] while somebody else has it, [`JournalError::Ended`], [`JournalError::NotFound`], or the
    /// store does not work.
    async fn claim(&self, run: RunId, request: &ClaimRequest) -> Result<RunClaim, JournalError>;

    /// Writes records with all that belongs to them, renews the claim or gives it back, and returns the number of
    /// records that there are then. A commit without records renews the claim.
    ///
    /// # Errors
    ///
    /// [`JournalError::Fenced`] if the claim is over because somebody else has taken the run or it was given back,
    /// [`JournalError::Behind`] if there are other records than were [expected](RunCommit::expected),
    /// [`JournalError::NotFound`], [`JournalError::Write`] if a write of a handler was refused, or the store does not
    /// work. Nothing was written.
    async fn commit(
        &self,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError>;

    /// Writes a signal as a record, unless there is one of its key; a run that waits has work to do then. Returns
    /// whether it is new.
    ///
    /// # Errors
    ///
    /// [`JournalError::Ended`], [`JournalError::NotFound`], or the store does not work. Nothing was written.
    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, JournalError>;

    /// Returns the records of a run from a number on, at most so many.
    ///
    /// # Errors
    ///
    /// [`JournalError::NotFound`], [`JournalError::Damaged`], or the store does not work.
    async fn records(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, JournalError>;

    /// Returns the texts of values of a run, in the order of the hashes.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if one is missing, [`JournalError::NotFound`], or the store does not work.
    async fn values(
        &self,
        run: RunId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Arc<str>>, JournalError>;

    /// Returns the facts about a run, if there is one.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError>;

    /// Returns the runs that a query chooses, newest first.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, JournalError>;

    /// Offers runs that could go on now to one who would [drive](crate::WorkflowRunner::drive) them, those first that could
    /// for the longest time, and at most so many. Where several processes ask at once, a run is offered to one of them,
    /// and to nobody else for so long; by default it is offered to all, and the claim decides.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn offer(&self, max: usize, _time: Duration) -> Result<Vec<RunId>, JournalError> {
        let now = Timestamp::now();
        let mut due = self.find(&RunQuery::default().open()).await?;
        due.retain(|run| run.is_due(now));
        due.sort_by_key(|run| (run.wake_at.unwrap_or(run.updated_at), run.id));
        Ok(due.into_iter().take(max).map(|run| run.id).collect())
    }

    /// Waits until a run may have work to do that had none, for so long at most. Returns whether it has waited; by default
    /// it has not, and the caller asks again after a pause of its own. It does not notice that a time has come.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn wait_for_work(&self, _time: Duration) -> Result<bool, JournalError> {
        Ok(false)
    }

    /// Deletes a run with its records and values, and says whether there was one. Definitions stay.
    ///
    /// # Errors
    ///
    /// [`JournalError::Held`], or the store does not work. Nothing was deleted.
    async fn delete(&self, run: RunId) -> Result<bool, JournalError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: WorkflowJournal + ?Sized> WorkflowJournal for Arc<T> {
    victor_core::forward! {
        fn takes_writes(&self) -> bool;
        async fn put_definition<'a>(
            &self,
            hash: ContentHash,
            text: &'a str,
        ) -> Result<(), JournalError>;
        async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError>;
        async fn create<'a, 'b>(
            &self,
            run: &'a RunInfo,
            commit: &'b RunCommit,
        ) -> Result<(RunInfo, bool), JournalError>;
        async fn claim<'a>(
            &self,
            run: RunId,
            request: &'a ClaimRequest,
        ) -> Result<RunClaim, JournalError>;
        async fn commit<'a, 'b>(
            &self,
            run: RunId,
            claim: &'a RunClaim,
            commit: &'b RunCommit,
        ) -> Result<u64, JournalError>;
        async fn signal<'a>(&self, run: RunId, signal: &'a Signal) -> Result<bool, JournalError>;
        async fn records(
            &self,
            run: RunId,
            from: u64,
            max: usize,
        ) -> Result<Vec<RunRecord>, JournalError>;
        async fn values<'a>(
            &self,
            run: RunId,
            hashes: &'a [ContentHash],
        ) -> Result<Vec<Arc<str>>, JournalError>;
        async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError>;
        async fn find<'a>(&self, query: &'a RunQuery) -> Result<Vec<RunInfo>, JournalError>;
        async fn offer(&self, max: usize, time: Duration) -> Result<Vec<RunId>, JournalError>;
        async fn wait_for_work(&self, time: Duration) -> Result<bool, JournalError>;
        async fn delete(&self, run: RunId) -> Result<bool, JournalError>;
    }
}

/// The request of the right to work on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// The name that people are told: `process 4711`.
    pub owner: String,
    /// The process of the owner, in words by which others on the same machine can see whether it has ended.
    pub process: Option<String>,
    /// Duration of the claim without a renewal.
    pub time: Duration,
    /// The fencing token of a claim that counts as run out, because its owner is known to have ended.
    pub over: Option<u64>,
}

impl ClaimRequest {
    /// Creates a request of a claim that lasts so long.
    pub fn new(owner: impl Into<String>, time: Duration) -> Self {
        Self {
            owner: owner.into(),
            process: None,
            time,
            over: None,
        }
    }

    /// Sets the process of the owner.
    #[must_use]
    pub fn with_process(mut self, process: impl Into<Option<String>>) -> Self {
        self.process = process.into();
        self
    }

    /// Takes the run although the claim with this fencing token has not run out.
    #[must_use]
    pub fn over(mut self, fence: u64) -> Self {
        self.over = Some(fence);
        self
    }
}

/// The right to work on a run, which ends by itself unless it is renewed by a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunClaim {
    /// The fencing token: a number that grows with every claim on the run. A lower one is refused.
    pub fence: u64,
    /// Duration of the claim from each commit on.
    pub time: Duration,
    /// Number of records at the time of the claim.
    pub records: u64,
}

impl RunClaim {
    /// Creates the claim with this fencing token.
    #[must_use]
    pub const fn new(fence: u64, time: Duration, records: u64) -> Self {
        Self {
            fence,
            time,
            records,
        }
    }
}

/// One write to a run: all of it, or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct RunCommit {
    /// The events, which become the next records.
    pub events: Vec<WorkflowEvent>,
    /// Texts of values under their hashes. Those that the run has are not written again.
    pub values: Vec<(ContentHash, Arc<str>)>,
    /// The new state; the old one stays if absent.
    pub status: Option<RunStatus>,
    /// Time at which the run goes on by itself. Written together with the state.
    pub wake_at: Option<Timestamp>,
    /// The new definition, if the run is migrated.
    pub definition: Option<ContentHash>,
    /// Number of records that there must be before this write; any if absent.
    pub expected: Option<u64>,
    /// Writes of handlers to the journal's own database, done together with the records.
    pub writes: Vec<StoreWrite>,
    /// Whether the claim is given back.
    pub releases: bool,
    /// The claim on a run that is [created](WorkflowJournal::create) with this write; nobody has one if absent. Its
    /// fencing token is that of the [holder](RunInfo::holder).
    pub claim: Option<ClaimRequest>,
}

impl RunCommit {
    /// Creates a write of events.
    pub fn new(events: impl IntoIterator<Item = WorkflowEvent>) -> Self {
        Self {
            events: events.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds the text of a value.
    #[must_use]
    pub fn with_value(mut self, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        self.values.push((ContentHash::of(text.as_bytes()), text));
        self
    }

    /// Sets the new state.
    #[must_use]
    pub fn with_status(mut self, status: RunStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the time at which the run goes on by itself.
    #[must_use]
    pub fn with_wake_at(mut self, at: impl Into<Option<Timestamp>>) -> Self {
        self.wake_at = at.into();
        self
    }

    /// Is refused unless there are so many records.
    #[must_use]
    pub fn expecting(mut self, records: u64) -> Self {
        self.expected = Some(records);
        self
    }

    /// Takes the claim on the run that is created with this write.
    #[must_use]
    pub fn claiming(mut self, request: ClaimRequest) -> Self {
        self.claim = Some(request);
        self
    }

    /// Gives the claim back.
    #[must_use]
    pub fn releasing(mut self) -> Self {
        self.releases = true;
        self
    }
}

/// A write of a handler to the journal's own database: a statement of its language with values for `$1`, `$2` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoreWrite {
    /// The statement.
    pub statement: String,
    /// The values: null, booleans as 0 and 1, whole numbers and texts; others as JSON texts.
    pub values: Vec<Value>,
}

impl StoreWrite {
    /// Creates a write.
    pub fn new(statement: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            statement: statement.into(),
            values: values.into_iter().collect(),
        }
    }
}
