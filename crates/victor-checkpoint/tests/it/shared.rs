//! Several coordinators, as in several processes, on one store.

use std::sync::Arc;

use victor_checkpoint::CheckpointCoordinator;
use victor_checkpoint_protocol::{
    CheckpointCause, CheckpointManager, InMemoryCheckpointStore, Retention,
};
use victor_core::{Coordinator, Message, Messages};

use crate::{create, draft, listed, messages, restored, spied};

async fn prune(checkpoints: &CheckpointCoordinator, session: &str) -> usize {
    let mut few = Retention::default();
    few.max_count = Some(1);
    let pruned = checkpoints.prune_checkpoints(&session.into(), &few).await;
    pruned.unwrap()
}

#[tokio::test]
async fn what_another_process_has_pruned_is_saved_again() {
    let (spy, one) = spied();
    let other = CheckpointCoordinator::new(spy.clone());
    let mut messages = messages(3);
    create(&one, &messages).await;
    create(&other, &crate::messages(1)).await;
    assert_eq!(prune(&other, "s").await, 1);
    spy.calls();

    messages.push(Message::assistant("more"));
    let next = create(&one, &messages).await;
    assert_eq!(spy.calls(), "save 1, save 4");
    assert_eq!(restored(&other, next.id).await, messages);
}

#[tokio::test]
async fn a_process_that_begins_stores_only_what_is_not_there() {
    let (spy, one) = spied();
    let mut messages = messages(100);
    let first = create(&one, &messages).await;
    spy.calls();

    // The messages are read anew, so nothing is shared.
    let other = CheckpointCoordinator::new(spy.clone());
    messages = messages
        .iter()
        .map(|message| Message::clone(message))
        .collect();
    messages.push(Message::assistant("more"));
    let second = create(&other, &messages).await;
    assert_eq!(spy.calls(), "list, save 1");
    assert_eq!(second.parent, Some(first.id));

    // So does one that has forgotten the session.
    other.reset(&"s".into());
    assert_eq!(create(&other, &messages).await.parent, Some(second.id));
    assert_eq!(spy.calls(), "list, save 0");
}

#[tokio::test]
async fn after_a_compaction_the_rest_is_stored_from_where_it_differs() {
    let (spy, checkpoints) = spied();
    let before = messages(100);
    create(&checkpoints, &before).await;
    let mut after: Messages = before.iter().take(3).cloned().collect();
    after.push(Message::note("messages were left out"));
    after.extend(before.tail(10).cloned());
    create(&checkpoints, &after).await;
    after.push(Message::assistant("more"));
    create(&checkpoints, &after).await;
    // Back to before the compaction: the store has all of it, but that is not remembered.
    create(&checkpoints, &before).await;
    assert_eq!(spy.calls(), "list, save 100, save 11, save 1, save 97");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creations_and_prunings_at_once_lose_nothing() {
    let store = Arc::new(InMemoryCheckpointStore::default());
    let work = |number: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            // Every session begins with the same messages.
            let checkpoints = CheckpointCoordinator::new(store);
            let session = victor_core::SessionId::from(number.to_string());
            let mut messages: Messages = (0..5)
                .map(|number| {
                    let id = victor_core::MessageId::from_u128(number);
                    Message::with_id(id, "user".into(), Vec::new())
                })
                .collect();
            for _ in 0..100 {
                messages.push(Message::user("more"));
                let mut draft = draft(&messages, CheckpointCause::BeforeDestructive);
                draft.session = session.clone();
                let made = checkpoints.create_checkpoint(draft).await.unwrap();
                prune(&checkpoints, session.as_str()).await;
                assert_eq!(restored(&checkpoints, made.id).await, messages);
                messages = messages.iter().take(5).cloned().collect();
            }
        })
    };
    for task in (0..4).map(work).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn each_checkpoint_is_later_than_the_one_before_also_when_the_clock_is_put_back() {
    let (spy, checkpoints) = spied();
    let mut ahead = victor_checkpoint_protocol::Checkpoint::new(
        "s".into(),
        Default::default(),
        CheckpointCause::Manual,
    );
    ahead.at = victor_core::Timestamp::now() + std::time::Duration::from_secs(3600);
    victor_checkpoint_protocol::CheckpointStore::save(&*spy, &ahead, &[])
        .await
        .unwrap();
    let mut expected = vec![ahead.id];
    for _ in 0..3 {
        expected.insert(0, create(&checkpoints, &messages(0)).await.id);
    }
    assert_eq!(listed(&checkpoints).await, expected);
}
