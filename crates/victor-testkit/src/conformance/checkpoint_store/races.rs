//! The laws of checkpoint stores that several tasks and processes work with at once.

use std::sync::Arc;

use victor_checkpoint_protocol::{CheckpointError, CheckpointStore};

use super::listed;
use super::sample::Sample;
use crate::conformance::{calm, succeed};

const ROUNDS: usize = 12;
const WRITERS: usize = 8;

/// Several writers save the same links at once, under the same and under different checkpoints.
pub(super) async fn saves<S: CheckpointStore + ?Sized>(open: &impl AsyncFn(&str) -> Arc<S>) {
    let stores = [open("racing").await, open("racing").await];
    let store = &*stores[0];
    for round in 0..ROUNDS {
        let session = format!("s{round}");
        let same = Sample::new(&session, 5);
        // Those with other messages after the same ones, and those with the same messages in another order.
        let turned = same.messages().iter().rev().cloned().collect();
        let others = [
            same.grown(&session, 3),
            Sample::of(&session, &turned),
            same.clone(),
        ];
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let store = Arc::clone(&stores[number % 2]);
                let sample = others[number % others.len()].clone();
                tokio::spawn(async move { store.save(&sample.checkpoint, &sample.links).await })
            })
            .collect();
        for writer in writers {
            let result = calm(writer).await;
            law!(
                matches!(result, Ok(Ok(()))),
                "saves of the same links do not disturb each other",
                "{result:?}"
            );
        }
        let count = listed(store, &session).await.len();
        law!(
            count == others.len(),
            "saves of the same links do not disturb each other",
            "{count} checkpoints instead of {}",
            others.len()
        );
        for sample in &others {
            sample.must_be_there(store).await;
        }
    }
}

/// Deletes the base of a history while it is saved: the save succeeds and is whole, or says what is missing.
pub(super) async fn deletes<S: CheckpointStore + ?Sized>(open: &impl AsyncFn(&str) -> Arc<S>) {
    let stores = [open("pruning").await, open("pruning").await];
    let store = &*stores[0];
    let bystander = Sample::new("t", 4);
    bystander.save_newest(store, 4).await;
    for round in 0..ROUNDS {
        let session = format!("s{round}");
        // Half of its messages are those of the bystander, in a history of its own.
        let shared = bystander.messages().iter().rev().cloned().collect();
        let base = Sample::of(&session, &shared).grown(&session, 4);
        base.save_newest(store, base.links.len()).await;
        let write = |number: usize| {
            let store = Arc::clone(&stores[number % 2]);
            let sample = base.grown(&session, number % 3);
            tokio::spawn(async move {
                let new = sample.newest(number % 3);
                match store.save(&sample.checkpoint, new).await {
                    Err(CheckpointError::MissingHistory(_)) => {
                        store.save(&sample.checkpoint, &sample.links).await
                    }
                    result => result,
                }
                .map(|()| sample)
            })
        };
        let delete = |store: &Arc<S>| {
            let (store, id) = (Arc::clone(store), base.checkpoint.id);
            tokio::spawn(async move { store.delete(&[id]).await })
        };
        // Some writers before the deletions, and some behind them.
        let early = round % WRITERS;
        let mut writers: Vec<_> = (0..early).map(write).collect();
        let deleters = stores.each_ref().map(delete);
        writers.extend((early..WRITERS).map(write));
        let reading = calm(store.messages(&base.checkpoint.history)).await;
        law!(
            match &reading {
                Ok(messages) => *messages == base.messages(),
                Err(error) => matches!(error, CheckpointError::MissingHistory(_)),
            },
            "a history that is being deleted is whole or missing",
            "{reading:?}"
        );
        let mut deleted = 0;
        for deleter in deleters {
            deleted += succeed(succeed(calm(deleter).await));
        }
        law!(
            deleted == 1,
            "of several racing deletions one counts",
            "{deleted} did"
        );
        for writer in writers {
            let sample = succeed(succeed(calm(writer).await));
            let whole = sample.is_there(store).await;
            law!(
                whole.is_ok(),
                "a deletion takes no message from a save that builds on it",
                "{whole:?}"
            );
        }
        bystander.must_be_there(store).await;
    }
}
