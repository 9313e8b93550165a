//! The laws of checkpoint managers about several checkpoints at once: how they differ, and which are kept.

use std::time::Duration;

use serde_json::{Value, json};
use victor_checkpoint_protocol::{CheckpointCause, CheckpointDraft, CheckpointManager, Retention};
use victor_core::{Context, Message, Messages};

use super::{listed, made, numbered, restored};
use crate::conformance::{calm, succeed};

pub(super) async fn diffs(manager: &impl CheckpointManager) {
    let base = numbered(3);
    let mut others = base.iter().take(2).cloned().collect::<Messages>();
    others.extend(numbered(2).iter().cloned());
    let mut ids = Vec::new();
    for (messages, state) in [
        (&base, json!({ "mode": "plan", "budget": 1, "same": [1] })),
        (
            &others,
            json!({ "mode": "build", "model": "m", "same": [1] }),
        ),
    ] {
        let context = Context::new(messages.clone());
        let mut draft = CheckpointDraft::new("s".into(), context, CheckpointCause::Manual);
        draft.state = state.as_object().cloned().unwrap_or_default();
        ids.push(succeed(calm(manager.create_checkpoint(draft)).await).id);
    }
    let changed = |name: &str, was: Value, is: Value| (name.to_owned(), was, is);
    let there = [
        changed("budget", json!(1), Value::Null),
        changed("mode", json!("plan"), json!("build")),
        changed("model", Value::Null, json!("m")),
    ];
    let back = there.clone().map(|(name, was, is)| (name, is, was));
    for (from, to, messages, expected) in [
        (0, 1, [&base, &others], &there[..]),
        (1, 0, [&others, &base], &back),
        (1, 1, [&others, &others], &[]),
    ] {
        let diff = succeed(calm(manager.diff_checkpoints(ids[from], ids[to])).await);
        let common = if from == to { 4 } else { 2 };
        let [removed, added] = messages.map(|messages| messages.iter().skip(common));
        law!(
            diff.common == common && removed.eq(&diff.removed) && added.eq(&diff.added),
            "a diff tells which messages are common, gone and new",
            "{diff:?}"
        );
        let mut state = diff.state;
        state.sort_by(|one, other| one.0.cmp(&other.0));
        law!(
            state == expected,
            "a diff tells what is different in the state",
            "{state:?} instead of {expected:?}"
        );
    }
}

pub(super) async fn deletion(manager: &impl CheckpointManager) {
    let bystander = made(manager, "t", &numbered(2)).await;
    let (mut all, messages) = (Vec::new(), numbered(4));
    for number in 1..=4 {
        let context = Context::from_iter(messages.iter().take(number).cloned());
        let mut draft = CheckpointDraft::new("s".into(), context, CheckpointCause::Manual);
        draft.label = (number == 2).then(|| "good".into());
        all.push(succeed(calm(manager.create_checkpoint(draft)).await));
    }
    let gone = [all[1].id, all[3].id, all[1].id];
    for expected in [2, 0] {
        let count = succeed(calm(manager.delete_checkpoints(&"s".into(), &gone)).await);
        law!(
            count == expected,
            "a deletion says how many checkpoints it has deleted",
            "{count} instead of {expected}"
        );
    }
    let list = listed(manager, "s").await;
    law!(
        list == [all[2].clone(), all[0].clone()],
        "a deletion takes the checkpoints that are named, and no others",
        "{list:?}"
    );
    for left in [&all[0], &all[2], &bystander] {
        let found = restored(manager, left.id).await;
        law!(
            found.checkpoint == *left,
            "a deletion takes the checkpoints that are named, and no others",
            "{found:?}"
        );
    }
    // The next one shares messages with those that are gone.
    let longer = messages.iter().chain(&numbered(1)).cloned().collect();
    let next = made(manager, "s", &longer).await;
    let found = restored(manager, next.id).await;
    law!(
        *found.context.messages() == longer,
        "a session goes on after a deletion",
        "{found:?}"
    );
}

pub(super) async fn pruning(manager: &impl CheckpointManager) {
    let bystander = made(manager, "t", &numbered(2)).await;
    let mut messages = Messages::new();
    let mut all = Vec::new();
    for number in 0..8 {
        messages.push(Message::user(number.to_string()));
        let context = Context::new(messages.clone());
        let mut draft = CheckpointDraft::new("s".into(), context, CheckpointCause::Manual);
        draft.label = (number == 1).then(|| "kept".into());
        all.insert(0, succeed(calm(manager.create_checkpoint(draft)).await));
    }
    let labelled = all[6].clone();
    let mut young = Retention::default();
    (young.max_count, young.max_age) = (None, Some(Duration::from_secs(3600)));
    let mut old = Retention::default();
    (old.max_count, old.max_age) = (None, Some(Duration::ZERO));
    let mut few = Retention::default();
    few.max_count = Some(3);
    for (retention, gone, left) in [
        (Retention::default(), 0, 8),
        (young, 0, 8),
        (few.clone(), 4, 4),
        (few, 0, 4),
        (old, 2, 2),
    ] {
        let count = succeed(calm(manager.prune_checkpoints(&"s".into(), &retention)).await);
        let mut expected: Vec<_> = all.iter().take(left).cloned().collect();
        if let Some(last) = expected.last_mut() {
            *last = if left < 8 {
                labelled.clone()
            } else {
                all[7].clone()
            };
        }
        let list = listed(manager, "s").await;
        law!(
            list == expected,
            "pruning keeps the newest and those with a label",
            "{list:?} instead of {expected:?} by {retention:?}"
        );
        law!(
            count == gone,
            "pruning says how many checkpoints it has deleted",
            "{count} instead of {gone} by {retention:?}"
        );
        for checkpoint in &list {
            let found = restored(manager, checkpoint.id).await;
            law!(
                found.context.messages().len() as u64 == checkpoint.history.len,
                "what is kept can be restored",
                "{found:?}"
            );
        }
    }
    law!(
        listed(manager, "t").await == [bystander],
        "pruning leaves other sessions alone"
    );
    let next = made(manager, "s", &messages).await;
    let found = restored(manager, next.id).await;
    law!(
        *found.context.messages() == messages,
        "a checkpoint is whole when what it grew from is pruned",
        "{found:?}"
    );
}
