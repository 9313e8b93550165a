use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_core::{Lock, RunId};
use victor_testkit::conformance;
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, InMemoryJournal, JournalError, RunClaim, RunCommit, RunInfo, RunQuery, RunRecord,
    RunStatus, Signal, WorkflowJournal,
};

use super::{Bug, breaks};

/// A journal with a bug.
#[derive(Debug)]
struct Journal {
    bug: Bug,
    inner: InMemoryJournal,
    signalled: Lock<Vec<(RunId, RunInfo)>>,
    deleted: Lock<Vec<(RunId, Vec<RunRecord>)>>,
}

impl Journal {
    fn new(bug: &'static str) -> Self {
        Self {
            bug: Bug::new(bug),
            inner: InMemoryJournal::default(),
            signalled: Lock::default(),
            deleted: Lock::default(),
        }
    }
}

#[async_trait]
impl WorkflowJournal for Journal {
    async fn put_definition(&self, hash: ContentHash, text: &str) -> Result<(), JournalError> {
        if self.bug.is("forgets definitions") {
            return Ok(());
        }
        self.inner.put_definition(hash, text).await
    }

    async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError> {
        assert!(!self.bug.is("panics"), "bug");
        self.inner.definition(hash).await
    }

    async fn create(
        &self,
        run: &RunInfo,
        commit: &RunCommit,
    ) -> Result<(RunInfo, bool), JournalError> {
        let mut run = run.clone();
        let mut commit = commit.clone();
        match self.bug.name {
            "knows no keys" => run.key = None,
            "folds keys" => run.key = run.key.map(|key| key.to_lowercase()),
            "races" => {
                let found = self.inner.find(&RunQuery::default()).await?;
                let same =
                    |other: &RunInfo| (&other.workflow, &other.key) == (&run.workflow, &run.key);
                let found = found
                    .into_iter()
                    .find(|other| run.key.is_some() && same(other));
                yield_now().await;
                if found.is_none() && run.workflow == "raced" {
                    run.key = None;
                }
            }
            "begins empty" => commit.events.clear(),
            "refuses" => return Err(JournalError::store("full").with_source("no space left")),
            _ => {}
        }
        let (info, is_new) = self.inner.create(&run, &commit).await?;
        Ok((info, is_new || self.bug.is("is always new")))
    }

    async fn claim(&self, run: RunId, request: &ClaimRequest) -> Result<RunClaim, JournalError> {
        let mut request = request.clone();
        let claim = self.inner.claim(run, &request).await;
        match claim {
            Err(JournalError::Held { .. }) if self.bug.is("lets two in") => {
                let holder = self.inner.info(run).await?.and_then(|info| info.holder);
                request.over = holder.map(|holder| holder.fence);
                self.inner.claim(run, &request).await
            }
            claim => claim,
        }
    }

    async fn commit(
        &self,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError> {
        let (mut claim, mut commit) = (claim.clone(), commit.clone());
        match self.bug.name {
            "knows no fences" => {
                let holder = self.inner.info(run).await?.and_then(|info| info.holder);
                claim.fence = holder.map_or(claim.fence, |holder| holder.fence);
            }
            "expects nothing" => commit.expected = None,
            "forgets values" => commit.values.clear(),
            "never gives back" => commit.releases = false,
            "never wakes" => commit.wake_at = None,
            "turns records around" => commit.events.reverse(),
            "piecemeal" if commit.events.len() > 1 => {
                let rest = commit.events.split_off(1);
                self.inner.commit(run, &claim, &commit).await?;
                yield_now().await;
                commit.events = rest;
            }
            _ => {}
        }
        self.inner.commit(run, &claim, &commit).await
    }

    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, JournalError> {
        let mut signal = signal.clone();
        if self.bug.is("takes every answer") {
            signal.key = RunId::generate().to_string();
        }
        if let Some(before) = self.inner.info(run).await? {
            self.signalled.lock().push((run, before));
        }
        match self.inner.signal(run, &signal).await {
            Err(JournalError::Ended(_)) if self.bug.is("speaks to the dead") => Ok(true),
            taken => taken,
        }
    }

    async fn records(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, JournalError> {
        let mut records = self.inner.records(run, from, max).await?;
        match self.bug.name {
            "counts from 1" => records.iter_mut().for_each(|record| record.number += 1),
            "reads all" => records = self.inner.records(run, 0, usize::MAX).await?,
            "leaves things behind" => {
                for (_, old) in self.deleted.lock().iter().filter(|(id, _)| *id == run) {
                    let next = records.len() as u64;
                    records.extend(old.iter().cloned().zip(next..).map(|(mut record, number)| {
                        record.number = number;
                        record
                    }));
                }
            }
            _ => {}
        }
        Ok(records)
    }

    async fn values(
        &self,
        run: RunId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Arc<str>>, JournalError> {
        self.inner.values(run, hashes).await
    }

    async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError> {
        let mut info = self.inner.info(run).await?;
        let signalled = self.signalled.lock();
        let before = signalled.iter().rfind(|(id, _)| *id == run);
        if let (Some(info), Some((_, before))) = (&mut info, before)
            && self.bug.is("sleeps on")
            && before.status == RunStatus::Waiting
        {
            info.status = RunStatus::Waiting;
        }
        Ok(info)
    }

    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, JournalError> {
        let mut runs = self.inner.find(query).await?;
        if self.bug.is("oldest first") {
            runs.reverse();
        }
        Ok(runs)
    }

    async fn delete(&self, run: RunId) -> Result<bool, JournalError> {
        let records = self.inner.records(run, 0, usize::MAX).await;
        match self.inner.delete(run).await {
            Err(JournalError::Held { .. }) if self.bug.is("deletes under one's feet") => Ok(true),
            Ok(true) => {
                self.deleted.lock().push((run, records.unwrap_or_default()));
                Ok(true)
            }
            deleted => deleted,
        }
    }
}

async fn suite(bug: &'static str) {
    conformance::workflow_journal(async || Journal::new(bug)).await;
}

#[tokio::test]
async fn a_right_journal_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        ("refuses", "a valid call succeeds"),
        ("forgets definitions", "a definition is given back"),
        ("begins empty", "what is known of a run is given back"),
        ("knows no keys", "what is known of a run is given back"),
        (
            "is always new",
            "a start with a key that exists returns that run",
        ),
        ("folds keys", "runs of other keys and workflows are others"),
        ("lets two in", "one has a run at a time"),
        ("knows no fences", "a claim that is over admits to nothing"),
        ("never gives back", "a claim that is given back is over"),
        ("turns records around", "records are kept in the order"),
        ("counts from 1", "records are numbered from 0 without gaps"),
        ("reads all", "records are read from any number on"),
        (
            "expects nothing",
            "a commit that expects other records is refused",
        ),
        (
            "never wakes",
            "a commit sets the state and the time to wake",
        ),
        ("forgets values", "a valid call succeeds"),
        (
            "takes every answer",
            "of signals with one key the first counts",
        ),
        (
            "sleeps on",
            "a run that waits has work to do after a signal",
        ),
        ("speaks to the dead", "a run that has ended takes no signal"),
        (
            "deletes under one's feet",
            "a run that is worked on is not deleted",
        ),
        (
            "leaves things behind",
            "nothing of a run that was deleted is left",
        ),
        ("piecemeal", "a cancelled commit has written all or nothing"),
        ("races", "of several starts with one key, one is new"),
        (
            "oldest first",
            "a query finds what matches it, newest first",
        ),
    ] {
        breaks(law, suite(bug)).await;
    }
}
