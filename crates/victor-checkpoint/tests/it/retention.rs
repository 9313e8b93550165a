use std::sync::Arc;

use victor_checkpoint::{CheckpointCoordinator, CheckpointOptions};
use victor_checkpoint_protocol::{CheckpointCause, CheckpointManager, Retention};
use victor_core::{Context, Message, Messages};

use crate::{Spy, create, draft, listed, messages, restored};

fn keeping(count: usize) -> (Arc<Spy>, CheckpointCoordinator) {
    let (spy, mut options) = (Arc::new(Spy::default()), CheckpointOptions::default());
    options.retention.max_count = Some(count);
    (
        spy.clone(),
        CheckpointCoordinator::with_options(spy, options),
    )
}

async fn automatic(checkpoints: &CheckpointCoordinator, messages: &Messages, label: Option<&str>) {
    let mut draft = draft(messages, CheckpointCause::ToolCalls);
    draft.label = label.map(Into::into);
    checkpoints.create_checkpoint(draft).await.unwrap();
}

#[tokio::test]
async fn fifty_are_kept_and_those_with_a_label() {
    let checkpoints = CheckpointCoordinator::default();
    let mut messages = Messages::new();
    for number in 0..120 {
        messages.push(Message::user("more"));
        let label = (number == 7).then_some("kept");
        automatic(&checkpoints, &messages, label).await;
        assert!(listed(&checkpoints).await.len() <= 51);
    }
    let list = checkpoints.checkpoints(&"s".into()).await.unwrap();
    assert_eq!(list.len(), 51);
    assert_eq!(list[50].label.as_deref(), Some("kept"));
    for checkpoint in list {
        let len = restored(&checkpoints, checkpoint.id).await.len() as u64;
        assert_eq!(len, checkpoint.history.len);
    }
}

#[tokio::test]
async fn keeping_few_costs_one_call() {
    let (spy, checkpoints) = keeping(2);
    let messages = messages(1);
    for expected in [
        "list, save 1",
        "save 0",
        "save 0, delete 1",
        "save 0, delete 1",
    ] {
        automatic(&checkpoints, &messages, None).await;
        assert_eq!(spy.calls(), expected);
    }
}

#[tokio::test]
async fn nothing_is_deleted_when_somebody_asked_for_the_checkpoint() {
    let (spy, checkpoints) = keeping(1);
    for _ in 0..3 {
        create(&checkpoints, &messages(0)).await;
    }
    checkpoints
        .fork_checkpoint(listed(&checkpoints).await[0], &"fork".into())
        .await
        .unwrap();
    assert!(!spy.calls().contains("delete"));
    automatic(&checkpoints, &messages(0), None).await;
    assert!(spy.calls().contains("delete 3"));
}

#[tokio::test]
async fn what_the_session_is_at_may_be_pruned() {
    let (spy, checkpoints) = keeping(50);
    let first = create(&checkpoints, &messages(3)).await;
    create(&checkpoints, &messages(3)).await;
    let restored = checkpoints.restore_checkpoint(first.id).await.unwrap();
    let mut few = Retention::default();
    few.max_count = Some(1);
    assert_eq!(
        checkpoints
            .prune_checkpoints(&"s".into(), &few)
            .await
            .unwrap(),
        1
    );
    spy.calls();

    let mut context: Context = restored.context;
    context.push(Message::assistant("on from there"));
    let next = create(&checkpoints, context.messages()).await;
    assert_eq!(spy.calls(), "save 1, save 4");
    assert_eq!(next.parent, Some(first.id));
    assert_eq!(
        crate::restored(&checkpoints, next.id).await,
        *context.messages()
    );
}
