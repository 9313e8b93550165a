use std::sync::Arc;

use victor_checkpoint::{CheckpointCoordinator, CheckpointOptions};
use victor_checkpoint_protocol::{CheckpointCause, CheckpointManager, InMemoryCheckpointStore};
use victor_core::SessionId;
use victor_testkit::drive;
use victor_testkit::faults::{Fault, Faulty};

use crate::{messages, try_create};

fn with(change: impl FnOnce(&mut CheckpointOptions)) -> CheckpointCoordinator {
    let mut options = CheckpointOptions::default();
    change(&mut options);
    CheckpointCoordinator::with_options(Arc::new(InMemoryCheckpointStore::default()), options)
}

/// Asks after each of several tool calls: `!` where a checkpoint is due, `.` where none is, for each `c` of `steps`.
/// An `m` makes a checkpoint, an `r` resets the session, and an `o` is a tool call of another session.
#[track_caller]
fn check(checkpoints: &CheckpointCoordinator, steps: &str, expected: &str) {
    let due = |session: &str| checkpoints.is_due(&session.into(), &CheckpointCause::ToolCalls);
    let mut found = String::new();
    for step in steps.chars() {
        match step {
            'c' => found.push(if due("s") { '!' } else { '.' }),
            'o' => drop(due("other")),
            'm' => drop(drive(try_create(checkpoints, &messages(1)))),
            'r' => victor_core::Coordinator::reset(checkpoints, &"s".into()),
            _ => panic!("no such step: {step}"),
        }
    }
    assert_eq!(found, expected, "{steps}");
}

#[test]
fn a_checkpoint_is_due_after_so_many_tool_calls() {
    check(
        &CheckpointCoordinator::default(),
        "cccccccccccc",
        "....!....!..",
    );
    let every = |calls| with(|options| options.every_tool_calls = calls);
    check(&every(1), "ccc", "!!!");
    check(&every(3), "cccccc", "..!..!");
    check(&every(0), "cccccc", "......");
    check(&every(u32::MAX), "ccc", "...");
}

#[test]
fn tool_calls_are_counted_since_the_last_checkpoint_and_by_session() {
    check(&CheckpointCoordinator::default(), "ccccmccccc", "........!");
    check(&CheckpointCoordinator::default(), "ccccrccccc", "........!");
    check(&CheckpointCoordinator::default(), "ccocococcc", "....!..");
}

#[test]
fn after_one_that_failed_the_next_tool_call_is_due() {
    let store = Faulty::new(InMemoryCheckpointStore::default(), Fault::Error).first(2);
    let checkpoints = CheckpointCoordinator::new(Arc::new(store));
    check(&checkpoints, "cccccmcmcmccccc", "....!!!....!");
}

#[test]
fn causes_can_be_switched_off() {
    let due = |checkpoints: &CheckpointCoordinator, cause: &str| {
        checkpoints.is_due(&SessionId::new("s"), &CheckpointCause::from(cause))
    };
    let on = CheckpointCoordinator::default();
    let no_compaction = with(|options| options.before_compaction = false);
    let no_destructive = with(|options| options.before_destructive = false);
    for (cause, expected) in [
        ("manual", [true, true, true]),
        ("fork", [true, true, true]),
        ("before_compaction", [true, false, true]),
        ("before_destructive", [true, true, false]),
        ("full_moon", [false, false, false]),
    ] {
        let found = [&on, &no_compaction, &no_destructive].map(|one| due(one, cause));
        assert_eq!(found, expected, "{cause}");
    }
}
