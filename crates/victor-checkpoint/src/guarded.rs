//! A store whose faults are errors.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointError, CheckpointStore, History, HistoryLink,
};
use victor_core::{CheckpointId, Messages, Problems, SessionId};
use victor_guard::{call, report};

/// The name of the store in the health of the coordinator.
const STORE: &str = "store";

/// A store that reports panics and calls beyond the time limit as errors, and keeps their health.
#[derive(Debug)]
pub(crate) struct GuardedStore {
    inner: Arc<dyn CheckpointStore>,
    timeout: Duration,
    problems: Problems,
}

impl GuardedStore {
    pub(crate) fn new(inner: Arc<dyn CheckpointStore>, timeout: Duration) -> Self {
        Self {
            inner,
            timeout,
            problems: Problems::default(),
        }
    }

    pub(crate) fn problems(&self) -> &Problems {
        &self.problems
    }

    async fn call<T, F>(&self, method: &str, make: impl FnOnce() -> F) -> Result<T, CheckpointError>
    where
        F: Future<Output = Result<T, CheckpointError>>,
    {
        let answer = call(self.timeout, make)
            .await
            .map_err(|fault| CheckpointError::store(format!("`{method}` {fault}")))
            .flatten();
        let is_broken = |error: &&CheckpointError| matches!(error, CheckpointError::Store { .. });
        report(
            &self.problems,
            STORE,
            answer.as_ref().err().filter(is_broken),
        );
        answer
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CheckpointStore for GuardedStore {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        self.call("save", || self.inner.save(checkpoint, links))
            .await
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        self.call("load", || self.inner.load(id)).await
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        self.call("messages", || self.inner.messages(history)).await
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.call("list", || self.inner.list(session)).await
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        self.call("delete", || self.inner.delete(ids)).await
    }
}
