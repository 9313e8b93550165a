//! The laws of checkpoint stores that need much of something, drops, or a second look.

use std::sync::Arc;

use victor_checkpoint_protocol::{Checkpoint, CheckpointCause, CheckpointStore};
use victor_core::{CheckpointId, Message};

use super::listed;
use super::sample::Sample;
use crate::conformance::{DROPS, calm, succeed};
use crate::poll_at_most;

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
        let history = sample.checkpoint.history;
        let checkpoint = Checkpoint::new("s".into(), history, CheckpointCause::ToolCalls);
        succeed(calm(store.save(&checkpoint, &[])).await);
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
    for polls in 1..=DROPS {
        let sample = base.grown("s", 3);
        let save = calm(store.save(&sample.checkpoint, sample.newest(3)));
        let done = poll_at_most(polls, save).await;
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
    for polls in 1..=DROPS {
        let samples = [kept.grown("s", 1), kept.grown("s", 2), Sample::new("s", 1)];
        for sample in &samples {
            sample.save_newest(store, sample.links.len()).await;
        }
        let ids = samples.map(|sample| sample.checkpoint.id);
        let done = poll_at_most(polls, calm(store.delete(&ids))).await;
        let left = listed(store, "s").await.len();
        law!(
            left == 0 || left == ids.len(),
            "a dropped deletion is whole or has not happened",
            "{left} of {} are left after {polls} polls",
            ids.len()
        );
        // A dropped deletion may still be on its way, and is made again.
        succeed(calm(store.delete(&ids)).await);
        if let Some(result) = done {
            succeed(result);
            break;
        }
    }
    kept.must_be_there(store).await;
}

/// Checks that one process finds the writes of another, whether it begins before or after.
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
