//! A store whose faults are errors.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointError, CheckpointStore, History, HistoryLink,
};
use victor_core::{CheckpointId, Messages, Problems, SessionId, contain, contain_sync};

/// What the health calls the store.
const PART: &str = "store";

/// A store in which a panic is an error, as is a call that takes too long, and which health knows about.
#[derive(Debug)]
pub(crate) struct GuardedStore {
    inner: Arc<dyn CheckpointStore>,
    time_limit: Duration,
    problems: Problems,
}

impl GuardedStore {
    pub(crate) fn new(inner: Arc<dyn CheckpointStore>, time_limit: Duration) -> Self {
        Self {
            inner,
            time_limit,
            problems: Problems::default(),
        }
    }

    pub(crate) fn problems(&self) -> &Problems {
        &self.problems
    }

    pub(crate) async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        self.call("save", async { self.inner.save(checkpoint, links).await })
            .await
    }

    pub(crate) async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        self.call("load", async { self.inner.load(id).await }).await
    }

    pub(crate) async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        self.call("messages", async { self.inner.messages(history).await })
            .await
    }

    pub(crate) async fn list(
        &self,
        session: &SessionId,
    ) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.call("list", async { self.inner.list(session).await })
            .await
    }

    pub(crate) async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        self.call("delete", async { self.inner.delete(ids).await })
            .await
    }

    async fn call<T>(
        &self,
        verb: &str,
        call: impl Future<Output = Result<T, CheckpointError>>,
    ) -> Result<T, CheckpointError> {
        let result = match within(self.time_limit, contain(call)).await {
            None => Err(CheckpointError::store(format!(
                "`{verb}` gave no answer within {:?}",
                self.time_limit
            ))),
            Some(Err(panicked)) => Err(CheckpointError::store(format!("`{verb}` {panicked}"))),
            Some(Ok(result)) => result,
        };
        match &result {
            Err(error @ CheckpointError::Store { .. }) => self.problems.report(PART, error),
            _ => self.problems.clear(PART),
        }
        result
    }
}

/// Runs a future, at most for `limit` if this is a tokio runtime with timers. None if the time is up.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    // Most calls are done at once and need no timer.
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        match timer.get_or_insert_with(|| start_timer(limit)) {
            Some(timer) => timer.as_mut().poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

fn start_timer(limit: Duration) -> Option<Pin<Box<Sleep>>> {
    // `sleep` panics in a runtime without timers.
    Handle::try_current()
        .ok()
        .and_then(|_| contain_sync(|| Box::pin(sleep(limit))).ok())
}
