//! The checkpoint coordinator, through its public API.

mod cost;
mod due;
mod faults;
mod model;
mod retention;
mod shared;

use std::sync::Arc;

use async_trait::async_trait;
use victor_checkpoint::CheckpointCoordinator;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDraft, CheckpointError, CheckpointManager,
    CheckpointStore, InMemoryCheckpointStore,
};
use victor_checkpoint_protocol::{History, HistoryLink};
use victor_core::{CheckpointId, Context, Lock, Message, Messages, SessionId};
use victor_testkit::conformance;

#[tokio::test]
async fn the_coordinator_keeps_the_laws_of_managers() {
    conformance::checkpoint_manager(async || CheckpointCoordinator::default()).await;
}

#[test]
fn it_works_without_a_runtime() {
    let suite = conformance::checkpoint_manager(async || CheckpointCoordinator::default());
    assert_eq!(victor_testkit::drive(suite), Some(()));
}

/// A store in memory that writes down what is asked of it.
#[derive(Debug, Default)]
struct Spy {
    inner: InMemoryCheckpointStore,
    calls: Lock<Vec<String>>,
}

impl Spy {
    fn note(&self, call: impl Into<String>) {
        let mut calls = self.calls.lock();
        calls.push(call.into());
    }

    /// The calls since it was last asked.
    fn calls(&self) -> String {
        let mut calls = self.calls.lock();
        calls.drain(..).collect::<Vec<_>>().join(", ")
    }
}

#[async_trait]
impl CheckpointStore for Spy {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        self.note(format!("save {}", links.len()));
        self.inner.save(checkpoint, links).await
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        self.note("load");
        self.inner.load(id).await
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        self.note("messages");
        self.inner.messages(history).await
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.note("list");
        self.inner.list(session).await
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        self.note(format!("delete {}", ids.len()));
        self.inner.delete(ids).await
    }
}

fn spied() -> (Arc<Spy>, CheckpointCoordinator) {
    let spy = Arc::new(Spy::default());
    (spy.clone(), CheckpointCoordinator::new(spy))
}

fn messages(count: usize) -> Messages {
    (0..count)
        .map(|number| Message::user(format!("message {number}")))
        .collect()
}

fn draft(messages: &Messages, cause: CheckpointCause) -> CheckpointDraft {
    CheckpointDraft::new("s".into(), Context::new(messages.clone()), cause)
}

async fn try_create(
    checkpoints: &CheckpointCoordinator,
    messages: &Messages,
) -> Result<Checkpoint, CheckpointError> {
    checkpoints
        .create_checkpoint(draft(messages, CheckpointCause::Manual))
        .await
}

async fn create(checkpoints: &CheckpointCoordinator, messages: &Messages) -> Checkpoint {
    try_create(checkpoints, messages).await.unwrap()
}

async fn restored(checkpoints: &CheckpointCoordinator, id: CheckpointId) -> Messages {
    let restored = checkpoints.restore_checkpoint(id).await.unwrap();
    restored.context.messages().clone()
}

async fn listed(checkpoints: &CheckpointCoordinator) -> Vec<CheckpointId> {
    let list = checkpoints.checkpoints(&"s".into()).await.unwrap();
    list.into_iter().map(|found| found.id).collect()
}
