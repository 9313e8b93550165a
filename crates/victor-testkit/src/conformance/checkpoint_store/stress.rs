//! The laws of checkpoint stores that need much of something, drops, or a second look.

use std::sync::Arc;

use victor_checkpoint_protocol::CheckpointStore;
use victor_core::{CheckpointId, Message};

use super::listed;
use super::sample::Sample;
use crate::conformance::{calm, drop_at_polls, succeed};

pub(super) async fn sizes<S: CheckpointStore + ?Sized>(store: &S) {
    let mut sample = Sample::new("s", 10_000);
    sample.save_newest(store, 10_000).await;
    let large = Arc::new(Message::user("ä".repeat(1 << 20)));
    sample.links.push(sample.checkpoint.history.push(large));
    sample.checkpoint.id = CheckpointId::generate();
    sample.save_newest(store, 1).await;
    let found = sample.is_there(store).await;
    law!(
        found.is_ok(),
        "long histories and large messages are kept",
        "10,000 messages and one of 2 MiB"
    );

    // Many checkpoints of one session, and more identifiers in one call than a database takes parameters.
    for _ in 0..298 {
        sample.grown("s", 0).save_newest(store, 0).await;
    }
    let list = listed(store, "s").await;
    law!(
        list.len() == 300,
        "every checkpoint of a session is listed",
        "{} of 300",
        list.len()
    );
    let nobody = (0..70_000).map(CheckpointId::from_u128);
    let ids: Vec<_> = list.iter().map(|found| found.id).chain(nobody).collect();
    let count = succeed(calm(store.delete(&ids)).await);
    law!(
        count == 300 && listed(store, "s").await.is_empty(),
        "a deletion counts what was there",
        "{count} of 300"
    );
}

pub(super) async fn dropped_saves<S: CheckpointStore + ?Sized>(store: &S) {
    let base = Sample::new("s", 2);
    base.save_newest(store, 2).await;
    let mut tried: Vec<Sample> = Vec::new();
    for polls in 1..=crate::conformance::DROPS {
        let sample = base.grown("s", 3);
        let save = calm(store.save(&sample.checkpoint, sample.newest(3)));
        let done = crate::poll_at_most(polls, save).await;
        let there = listed(store, "s").await.contains(&sample.checkpoint);
        if there {
            let whole = sample.is_there(store).await;
            law!(
                whole.is_ok(),
                "a dropped save is whole or not there",
                "after {polls} polls: {whole:?}"
            );
        }
        tried.push(sample);
        if let Some(result) = done {
            succeed(result);
            break;
        }
    }
    // A dropped save may still be on its way, and is made again.
    for sample in &tried {
        sample.save_newest(store, 3).await;
        sample.must_be_there(store).await;
    }
    base.must_be_there(store).await;
}

pub(super) async fn dropped_deletes<S: CheckpointStore + ?Sized>(store: &S) {
    let kept = Sample::new("t", 2);
    kept.save_newest(store, 2).await;
    let fill = async || {
        let samples = [kept.grown("s", 1), kept.grown("s", 2), Sample::new("s", 1)];
        for sample in &samples {
            sample.save_newest(store, sample.links.len()).await;
        }
        samples.map(|sample| sample.checkpoint.id)
    };
    let mut all: Vec<CheckpointId> = Vec::new();
    drop_at_polls(
        async || {
            let ids = fill().await;
            calm(store.delete(&ids)).await
        },
        async |polls| {
            let left = listed(store, "s").await;
            law!(
                left.len().is_multiple_of(3),
                "a dropped deletion is whole or has not happened",
                "{} are left after {polls} polls",
                left.len()
            );
            all.extend(left.iter().map(|found| found.id));
        },
    )
    .await;
    succeed(calm(store.delete(&all)).await);
    kept.must_be_there(store).await;
}

/// What one process writes, another one finds, whether it begins before or after.
pub(super) async fn reopening<S: CheckpointStore + ?Sized>(open: &impl AsyncFn(&str) -> Arc<S>) {
    let first = Sample::new("s", 3);
    let second = first.grown("s", 2);
    let (one, other) = (open("reopening").await, open("reopening").await);
    first.save_newest(&*one, 3).await;
    second.save_newest(&*other, 2).await;
    for store in [&one, &other] {
        first.must_be_there(&**store).await;
        second.must_be_there(&**store).await;
    }
    drop((one, other));
    let store = open("reopening").await;
    first.must_be_there(&*store).await;
    second.must_be_there(&*store).await;
    succeed(calm(store.delete(&[first.checkpoint.id])).await);
    drop(store);
    let store = open("reopening").await;
    first.must_be_absent(&*store).await;
    second.must_be_there(&*store).await;
}
