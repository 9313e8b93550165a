//! Stores that do not work, or do not give back what they got.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_checkpoint::{CheckpointCoordinator, CheckpointOptions};
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointManager, CheckpointStore,
    InMemoryCheckpointStore, Retention,
};
use victor_checkpoint_protocol::{ContentHash, History, HistoryLink};
use victor_core::{CheckpointId, Coordinator, HealthStatus, Message, Messages, SessionId};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::{cancel_at_every_poll, conformance};

use crate::{create, draft, listed, messages, restored, try_create};

#[tokio::test(start_paused = true)]
async fn each_fault_is_an_error_of_every_call() {
    for (fault, why) in [
        (Fault::Error, "injected fault"),
        (Fault::Panic, "panicked: injected fault"),
        (Fault::Hang, "gave no answer within 30s"),
    ] {
        let store = Faulty::new(InMemoryCheckpointStore::default(), fault);
        let checkpoints = CheckpointCoordinator::new(Arc::new(store));
        let (session, id) = (SessionId::new("s"), CheckpointId::generate());
        let retention = Retention::default();
        let prune = checkpoints.prune_checkpoints(&session, &retention);
        for result in [
            try_create(&checkpoints, &messages(1)).await.map(drop),
            checkpoints.checkpoints(&session).await.map(drop),
            checkpoints.restore_checkpoint(id).await.map(drop),
            checkpoints.fork_checkpoint(id, &session).await.map(drop),
            checkpoints.diff_checkpoints(id, id).await.map(drop),
            prune.await.map(drop),
            // The session is free for the next.
            try_create(&checkpoints, &messages(1)).await.map(drop),
        ] {
            let error = result.unwrap_err();
            assert!(
                matches!(error, CheckpointError::Store { .. }) && error.to_string().contains(why),
                "{error}"
            );
        }
        let health = checkpoints.health();
        assert_eq!(health.status, HealthStatus::Degraded);
        assert!(health.problems[0].starts_with("store: "), "{health:?}");
        assert!(checkpoints.is_due(&session, &CheckpointCause::BeforeCompaction));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_has_as_long_as_the_options_say() {
    let store = Faulty::new(
        InMemoryCheckpointStore::default(),
        Fault::Slow(Duration::from_secs(5)),
    );
    let mut options = CheckpointOptions::default();
    options.store_timeout = Duration::from_secs(6);
    let store = Arc::new(store);
    let patient = CheckpointCoordinator::with_options(store.clone(), options.clone());
    create(&patient, &messages(1)).await;
    options.store_timeout = Duration::from_secs(4);
    let impatient = CheckpointCoordinator::with_options(store, options);
    let error = try_create(&impatient, &messages(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint store failed: `list` gave no answer within 4s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_is_tried_again_succeeds_and_health_recovers() {
    for fault in [
        Fault::Error,
        Fault::Panic,
        Fault::Hang,
        Fault::ErrorAfterwards,
        Fault::HangAfterwards,
    ] {
        for first in 1..4 {
            let store = Faulty::new(InMemoryCheckpointStore::default(), fault).first(first);
            let checkpoints = CheckpointCoordinator::new(Arc::new(store));
            let mut messages = messages(2);
            let mut tries = 1;
            while try_create(&checkpoints, &messages).await.is_err() {
                assert!(!checkpoints.health().is_healthy());
                tries += 1;
                assert!(tries < 10, "{fault:?}");
            }
            assert!(tries > 1, "{fault:?}");
            assert!(checkpoints.health().is_healthy());
            messages.push(Message::assistant("more"));
            let next = create(&checkpoints, &messages).await;
            assert_eq!(restored(&checkpoints, next.id).await, messages);
            // An answer that got lost may leave one that nobody knows of, and it is whole.
            for id in listed(&checkpoints).await {
                restored(&checkpoints, id).await;
            }
        }
    }
}

#[tokio::test]
async fn a_pruning_that_fails_fails_no_checkpoint() {
    // The calls are list, save, save, delete, save, delete.
    let store = Faulty::new(InMemoryCheckpointStore::default(), Fault::Error).every(4);
    let mut options = CheckpointOptions::default();
    options.retention.max_count = Some(1);
    let checkpoints = CheckpointCoordinator::with_options(Arc::new(store), options);
    let mut made = Vec::new();
    for healthy in [true, false, true] {
        let draft = draft(&messages(1), CheckpointCause::ToolCalls);
        made.push(checkpoints.create_checkpoint(draft).await.unwrap().id);
        assert_eq!(checkpoints.health().is_healthy(), healthy);
    }
    // What was left the first time is gone with the next.
    assert_eq!(listed(&checkpoints).await, [made[2]]);
}

/// A store that waits in every call, before it does something and after.
#[derive(Debug, Default)]
struct Waiting(InMemoryCheckpointStore);

impl Waiting {
    async fn wait<T>(call: impl Future<Output = T>) -> T {
        yield_now().await;
        let result = call.await;
        yield_now().await;
        result
    }
}

#[async_trait]
impl CheckpointStore for Waiting {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        Self::wait(self.0.save(checkpoint, links)).await
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        Self::wait(self.0.load(id)).await
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        Self::wait(self.0.messages(history)).await
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        Self::wait(self.0.list(session)).await
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        Self::wait(self.0.delete(ids)).await
    }
}

#[tokio::test]
async fn the_laws_hold_over_a_store_that_waits() {
    conformance::checkpoint_manager(async || {
        CheckpointCoordinator::new(Arc::new(Waiting::default()))
    })
    .await;
}

#[tokio::test]
async fn every_call_can_be_dropped_anywhere() {
    let mut options = CheckpointOptions::default();
    options.retention.max_count = Some(2);
    let store = Arc::new(Waiting::default());
    let checkpoints = CheckpointCoordinator::with_options(store, options);
    let mut messages = messages(3);
    let origin = create(&checkpoints, &messages).await;
    let whole = async |_polls| {
        for id in listed(&checkpoints).await {
            restored(&checkpoints, id).await;
        }
    };
    let work = async || {
        messages.push(Message::user("more"));
        let draft = draft(&messages, CheckpointCause::BeforeCompaction);
        checkpoints.create_checkpoint(draft).await.unwrap()
    };
    cancel_at_every_poll(work, whole).await;
    create(&checkpoints, &messages).await;
    assert_eq!(listed(&checkpoints).await.len(), 3);

    let newest = listed(&checkpoints).await[0];
    cancel_at_every_poll(
        async || checkpoints.restore_checkpoint(newest).await.unwrap(),
        whole,
    )
    .await;
    let mut forks = 0;
    let fork = async || {
        forks += 1;
        let session = SessionId::from(format!("fork {forks}"));
        checkpoints.fork_checkpoint(newest, &session).await.unwrap()
    };
    cancel_at_every_poll(fork, whole).await;
    assert!(forks > 5 && !listed(&checkpoints).await.contains(&origin.id));
}

/// What a store that was damaged gives back.
#[derive(Debug, Clone, Copy)]
enum Damage {
    OneChanged,
    OneLess,
    TwoTurned,
    None,
    Missing,
    Gone,
}

#[derive(Debug)]
struct Damaged(
    InMemoryCheckpointStore,
    Damage,
    std::sync::atomic::AtomicU32,
);

#[async_trait]
impl CheckpointStore for Damaged {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        self.0.save(checkpoint, links).await
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        let again = self.2.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 == 1;
        if again && matches!(self.1, Damage::Gone) {
            return Err(CheckpointError::NotFound(id));
        }
        self.0.load(id).await
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        let mut messages: Vec<_> = self.0.messages(history).await?.iter().cloned().collect();
        match self.1 {
            Damage::OneChanged => messages[1] = Message::user("changed").into(),
            Damage::OneLess => drop(messages.pop()),
            Damage::TwoTurned => messages.swap(0, 1),
            Damage::None => messages.clear(),
            Damage::Missing | Damage::Gone => {
                return Err(CheckpointError::MissingHistory(ContentHash::default()));
            }
        }
        Ok(messages.into_iter().collect())
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.0.list(session).await
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        self.0.delete(ids).await
    }
}

/// Whatever reads a checkpoint whose messages are damaged fails with an error that says so.
async fn check(damage: Damage, expected: &str) {
    let store = Damaged(
        InMemoryCheckpointStore::default(),
        damage,
        Default::default(),
    );
    let checkpoints = CheckpointCoordinator::new(Arc::new(store));
    let id = create(&checkpoints, &messages(3)).await.id;
    for result in [
        checkpoints.restore_checkpoint(id).await.map(drop),
        checkpoints
            .fork_checkpoint(id, &"fork".into())
            .await
            .map(drop),
        checkpoints.diff_checkpoints(id, id).await.map(drop),
    ] {
        let error = result.unwrap_err().to_string();
        let expected = expected.replace("ID", &id.to_string());
        assert!(error.contains(&expected), "{damage:?}: {error}");
    }
    assert!(
        checkpoints
            .checkpoints(&"fork".into())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_damaged_is_never_handed_out() {
    let was = "damaged: checkpoint `ID` was saved with 3 messages with hash `";
    check(Damage::OneChanged, was).await;
    check(Damage::TwoTurned, was).await;
    check(Damage::OneLess, was).await;
    check(Damage::None, was).await;
    check(
        Damage::Missing,
        "damaged: checkpoint `ID` names history `0000",
    )
    .await;
    check(Damage::Gone, "there is no checkpoint `ID`").await;
}
