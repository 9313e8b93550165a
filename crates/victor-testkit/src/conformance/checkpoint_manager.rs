//! The laws of checkpoint managers.

mod sets;

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDraft, CheckpointError, CheckpointManager,
    CheckpointSnapshot, Retention,
};
use victor_core::{CheckpointId, Context, Message, Messages, SessionId, TurnId};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, succeed};
use crate::histories;

/// Checks a manager. `make` makes one without checkpoints.
///
/// # Panics
///
/// A law is broken.
pub async fn checkpoint_manager<M: CheckpointManager>(make: impl AsyncFn() -> M) {
    absence(&make().await).await;
    fidelity(&make().await).await;
    tree(&make().await).await;
    shapes(&make().await).await;
    sets::pruning(&make().await).await;
    sets::deletion(&make().await).await;
    forks(&make().await).await;
    sets::diffs(&make().await).await;
    drops(&make().await).await;
    side_by_side(&make().await).await;
    life(&make().await).await;
}

async fn absence(manager: &impl CheckpointManager) {
    law!(!manager.name().is_empty(), "a manager has a name");
    let list = listed(manager, "s").await;
    law!(
        list.is_empty(),
        "a session without checkpoints lists none",
        "{list:?}"
    );
    let (id, there) = (
        CheckpointId::generate(),
        made(manager, "s", &numbered(1)).await.id,
    );
    for result in [
        calm(manager.load_checkpoint(id)).await.map(drop),
        calm(manager.restore_checkpoint(id)).await.map(drop),
        calm(manager.fork_checkpoint(id, &"t".into()))
            .await
            .map(drop),
        calm(manager.diff_checkpoints(id, there)).await.map(drop),
        calm(manager.diff_checkpoints(there, id)).await.map(drop),
    ] {
        law!(
            matches!(&result, Err(CheckpointError::NotFound(found)) if *found == id),
            "a checkpoint that is not there is not found",
            "{result:?}"
        );
    }
    let list = listed(manager, "t").await;
    law!(
        list.is_empty(),
        "a fork that fails begins no session",
        "{list:?}"
    );
}

async fn fidelity(manager: &impl CheckpointManager) {
    for (number, messages) in histories(1, 30).into_iter().enumerate() {
        let session = SessionId::new(format!("history {number}"));
        let mut context = Context::new(messages);
        let mut draft = CheckpointDraft::new(session, context.clone(), CheckpointCause::Manual);
        if number % 2 == 1 {
            context.set_metadata("current_task", json!({ "deep": [null, "ü", 0.1] }));
            draft.context = context;
            draft.cause = CheckpointCause::BeforeDestructive;
            draft.label = Some("before the rewrite".into());
            draft.turn = Some(TurnId::generate());
            draft
                .state
                .insert("mode".into(), json!({ "name": "build" }));
        }
        let checkpoint = succeed(calm(manager.create_checkpoint(draft.clone())).await);
        let (found, asked) = (&checkpoint, &draft);
        law!(
            found.session == asked.session
                && found.cause == asked.cause
                && found.label == asked.label
                && found.turn == asked.turn
                && found.state == asked.state,
            "a checkpoint is what was asked for",
            "{draft:?} became {checkpoint:?}"
        );
        let restored = restored(manager, checkpoint.id).await;
        law!(
            restored.checkpoint == checkpoint,
            "a checkpoint is restored as it was made",
            "{checkpoint:?} became {:?}",
            restored.checkpoint
        );
        law!(
            restored.context == draft.context,
            "a context is restored as it was, every message and all metadata",
            "{:?} became {:?}",
            draft.context,
            restored.context
        );
        let list = listed(manager, checkpoint.session.as_str()).await;
        law!(
            list == [checkpoint],
            "every checkpoint is listed in its session and nowhere else",
            "{list:?}"
        );
    }
}

/// Contexts that grow, stay, are compacted, are read anew and are emptied, one after the other in one session.
async fn shapes(manager: &impl CheckpointManager) {
    let base = numbered(150);
    let and = |kept: usize, tail: usize| -> Messages {
        let note = Arc::new(Message::note("messages were left out"));
        let beginning = base.iter().take(kept).cloned().chain([note]);
        beginning.chain(base.tail(tail).cloned()).collect()
    };
    let mut grown = base.clone();
    grown.push(Message::assistant("done"));
    let anew: Messages = base.iter().map(|message| Message::clone(message)).collect();
    let shapes = [
        Messages::new(),
        base.clone(),
        base.clone(),
        grown,
        and(2, 20),
        and(64, 1),
        anew,
        base.iter().take(70).cloned().collect(),
        Messages::new(),
        base.tail(10).cloned().collect(),
    ];
    let mut checkpoints = Vec::new();
    for messages in &shapes {
        checkpoints.push(made(manager, "s", messages).await);
    }
    // Not in the order in which they were made.
    for index in [9, 4, 0, 6, 3, 7, 1, 8, 2, 5] {
        let found = restored(manager, checkpoints[index].id).await;
        law!(
            *found.context.messages() == shapes[index],
            "a context is restored as it was, every message and all metadata",
            "{:?} became {:?}",
            shapes[index],
            found.context
        );
    }
    let list = listed(manager, "s").await;
    law!(
        list.iter().eq(checkpoints.iter().rev()),
        "checkpoints are listed newest first",
        "{list:?}"
    );
}

async fn tree(manager: &impl CheckpointManager) {
    let parent = |of: &Checkpoint, expected: Option<CheckpointId>| {
        law!(
            of.parent == expected,
            "a checkpoint follows on the one that its session was at",
            "{of:?} instead of on {expected:?}"
        );
    };
    let one = numbered(1);
    let first = made(manager, "s", &one).await;
    let other = made(manager, "t", &numbered(1)).await;
    let second = made(manager, "s", &numbered(2)).await;
    parent(&first, None);
    parent(&other, None);
    parent(&second, Some(first.id));
    let loaded = succeed(calm(manager.load_checkpoint(first.id)).await);
    law!(
        loaded.checkpoint == first && *loaded.context.messages() == one,
        "a checkpoint is loaded as it was made",
        "{first:?} became {loaded:?}"
    );
    let again = made(manager, "s", &numbered(2)).await;
    law!(
        again.parent == Some(second.id),
        "a session stays where it is when a checkpoint is looked at",
        "{again:?}"
    );

    let restored = restored(manager, first.id).await;
    law!(
        listed(manager, "s").await.contains(&second),
        "later checkpoints stay when an earlier one is restored"
    );
    let mut context = restored.context;
    context.push(Message::assistant("another way"));
    let third = made(manager, "s", context.messages()).await;
    parent(&third, Some(first.id));
    let fourth = made(manager, "s", context.messages()).await;
    parent(&fourth, Some(third.id));
}

async fn forks(manager: &impl CheckpointManager) {
    let mut draft = CheckpointDraft::new(
        "s".into(),
        Context::new(numbered(3)),
        CheckpointCause::Manual,
    );
    draft.context.set_metadata("task", "review");
    draft.state.insert("mode".into(), json!("build"));
    let origin = succeed(calm(manager.create_checkpoint(draft.clone())).await);
    made(manager, "s", &numbered(5)).await;
    let before = listed(manager, "s").await;

    let fork = succeed(calm(manager.fork_checkpoint(origin.id, &"t".into())).await);
    let made_by = &fork.checkpoint;
    law!(
        made_by.session.as_str() == "t"
            && made_by.cause == CheckpointCause::Fork
            && made_by.parent == Some(origin.id)
            && made_by.id != origin.id,
        "a fork is a new checkpoint of its session that names its origin",
        "{made_by:?}"
    );
    law!(
        fork.context == draft.context && made_by.state == draft.state,
        "a fork has the state of its origin",
        "{fork:?}"
    );
    law!(
        listed(manager, "t").await == [made_by.clone()] && listed(manager, "s").await == before,
        "a fork leaves its origin alone"
    );
    for session in ["t", "s"] {
        let result = calm(manager.fork_checkpoint(origin.id, &session.into())).await;
        law!(
            matches!(&result, Err(CheckpointError::SessionExists(found)) if found.as_str() == session),
            "a fork begins a session and never goes on with one",
            "{result:?}"
        );
    }
    let mut context = fork.context.clone();
    context.push(Message::assistant("here it goes another way"));
    let next = made(manager, "t", context.messages()).await;
    law!(
        next.parent == Some(made_by.id),
        "a checkpoint follows on the one that its session was at",
        "{next:?}"
    );
    // The fork outlives what it was made from.
    prune(manager, "s", 0).await;
    let found = restored(manager, made_by.id).await;
    law!(
        found == fork,
        "a fork leaves its origin alone",
        "{fork:?} became {found:?} when its origin was pruned"
    );
}

async fn drops(manager: &impl CheckpointManager) {
    let mut messages = Messages::new();
    drop_at_polls(
        async || {
            messages.push(Message::user("more"));
            let context = Context::new(messages.clone());
            let draft = CheckpointDraft::new("s".into(), context, CheckpointCause::Manual);
            drop(calm(manager.create_checkpoint(draft)).await);
        },
        async |polls| {
            for checkpoint in listed(manager, "s").await {
                let found = calm(manager.restore_checkpoint(checkpoint.id)).await;
                law!(
                    found.is_ok(),
                    "a dropped creation leaves a whole checkpoint or none",
                    "after {polls} polls: {found:?}"
                );
            }
        },
    )
    .await;
    let last = made(manager, "s", &messages).await;
    let found = restored(manager, last.id).await;
    law!(
        *found.context.messages() == messages,
        "a dropped creation leaves a manager that works",
        "{found:?}"
    );
}

async fn side_by_side(manager: &impl CheckpointManager) {
    let contexts: Vec<_> = (0..SIDE_BY_SIDE).map(numbered).collect();
    let creations = contexts.iter().map(|messages| made(manager, "s", messages));
    let checkpoints = join_all(creations).await;
    law!(
        listed(manager, "s").await.len() == SIDE_BY_SIDE,
        "creations side by side are all there"
    );
    for (checkpoint, messages) in checkpoints.iter().zip(&contexts) {
        let found = restored(manager, checkpoint.id).await;
        law!(
            found.context.messages() == messages,
            "creations side by side are all there",
            "{found:?}"
        );
    }
}

/// Checks that the memory of a session can be forgotten, and that late calls do no harm.
async fn life(manager: &impl CheckpointManager) {
    let (session, messages) = (SessionId::new("s"), numbered(3));
    succeed(calm(manager.initialize()).await);
    let first = made(manager, "s", &messages).await;
    manager.reset(&session);
    manager.reset(&SessionId::new("unknown"));
    let second = made(manager, "s", &messages).await;
    law!(
        listed(manager, "s").await == [second, first],
        "a reset leaves the checkpoints alone"
    );
    calm(manager.shutdown()).await;
    calm(manager.shutdown()).await;
    drop(calm(manager.checkpoints(&session)).await);
    for cause in ["tool_calls", "before_compaction", "full_moon"] {
        manager.is_due(&session, &CheckpointCause::from(cause));
    }
}

fn numbered(count: usize) -> Messages {
    (0..count)
        .map(|number| Message::user(format!("message {number}")))
        .collect()
}

async fn made(manager: &impl CheckpointManager, session: &str, messages: &Messages) -> Checkpoint {
    let context = Context::new(messages.clone());
    let draft = CheckpointDraft::new(session.into(), context, CheckpointCause::Manual);
    succeed(calm(manager.create_checkpoint(draft)).await)
}

async fn restored(manager: &impl CheckpointManager, id: CheckpointId) -> CheckpointSnapshot {
    succeed(calm(manager.restore_checkpoint(id)).await)
}

async fn listed(manager: &impl CheckpointManager, session: &str) -> Vec<Checkpoint> {
    succeed(calm(manager.checkpoints(&session.into())).await)
}

async fn prune(manager: &impl CheckpointManager, session: &str, max_count: usize) {
    let mut retention = Retention::default();
    retention.max_count = Some(max_count);
    succeed(calm(manager.prune_checkpoints(&session.into(), &retention)).await);
}
