//! The journal, within a time limit and with its panics contained.

use std::sync::Arc;
use std::time::Duration;

use victor_core::RunId;
use victor_guard::call;
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, JournalError, RunClaim, RunCommit, RunInfo, RunQuery, RunRecord, Signal,
    WorkflowJournal,
};

/// The journal, within a time limit and with its panics contained.
#[derive(Debug)]
pub(crate) struct GuardedJournal {
    inner: Arc<dyn WorkflowJournal>,
    limit: Duration,
}

impl GuardedJournal {
    pub(crate) fn new(inner: Arc<dyn WorkflowJournal>, limit: Duration) -> Self {
        Self { inner, limit }
    }

    async fn guard<T, F>(&self, make: impl FnOnce() -> F) -> Result<T, JournalError>
    where
        F: Future<Output = Result<T, JournalError>>,
    {
        let outcome = call(self.limit, make).await;
        outcome.unwrap_or_else(|fault| Err(JournalError::store(format!("it {fault}"))))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait::async_trait]
impl WorkflowJournal for GuardedJournal {
    fn takes_writes(&self) -> bool {
        self.inner.takes_writes()
    }

    async fn put_definition(&self, hash: ContentHash, text: &str) -> Result<(), JournalError> {
        self.guard(|| self.inner.put_definition(hash, text)).await
    }

    async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError> {
        self.guard(|| self.inner.definition(hash)).await
    }

    async fn create(
        &self,
        run: &RunInfo,
        commit: &RunCommit,
    ) -> Result<(RunInfo, bool), JournalError> {
        self.guard(|| self.inner.create(run, commit)).await
    }

    async fn claim(&self, run: RunId, request: &ClaimRequest) -> Result<RunClaim, JournalError> {
        self.guard(|| self.inner.claim(run, request)).await
    }

    async fn commit(
        &self,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError> {
        self.guard(|| self.inner.commit(run, claim, commit)).await
    }

    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, JournalError> {
        self.guard(|| self.inner.signal(run, signal)).await
    }

    async fn records(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, JournalError> {
        self.guard(|| self.inner.records(run, from, max)).await
    }

    async fn values(
        &self,
        run: RunId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Arc<str>>, JournalError> {
        self.guard(|| self.inner.values(run, hashes)).await
    }

    async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError> {
        self.guard(|| self.inner.info(run)).await
    }

    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, JournalError> {
        self.guard(|| self.inner.find(query)).await
    }

    async fn offer(&self, max: usize, time: Duration) -> Result<Vec<RunId>, JournalError> {
        self.guard(|| self.inner.offer(max, time)).await
    }

    async fn wait_for_work(&self, time: Duration) -> Result<bool, JournalError> {
        self.guard(|| self.inner.wait_for_work(time)).await
    }

    async fn delete(&self, run: RunId) -> Result<bool, JournalError> {
        self.guard(|| self.inner.delete(run)).await
    }
}
