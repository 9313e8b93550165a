//! How deep sessions may be nested.

use victor_core::{Coordinator, Effect, SessionId};
use victor_mode::ModeCoordinator;
use victor_mode_protocol::ModeManager;

use crate::tool;

fn session(number: usize) -> SessionId {
    SessionId::new(format!("session {number}"))
}

/// Each session nested in the one before it.
fn chain(length: usize) -> ModeCoordinator {
    let modes = ModeCoordinator::new();
    for number in 1..length {
        modes.nest(&session(number - 1), &session(number));
    }
    modes
}

#[track_caller]
fn may_read(modes: &ModeCoordinator, number: usize, expected: bool) {
    let permission = modes.permits(&session(number), &tool("read_file", Effect::ReadOnly));
    assert_eq!(permission.is_permitted(), expected, "{permission:?}");
    if !expected {
        let reason = "agents are nested more than 64 deep: answer without tools";
        assert_eq!(permission.reason(), Some(reason));
    }
}

#[test]
fn a_session_may_be_nested_in_64_others() {
    let modes = chain(200);
    may_read(&modes, 64, true);
    may_read(&modes, 65, false);
    may_read(&modes, 199, false);
    // Those above one that is reset bind those below it as before.
    modes.reset(&session(1));
    may_read(&modes, 65, false);
    modes.reset(&session(65));
    may_read(&modes, 65, true);
    may_read(&modes, 66, false);
}

#[test]
fn as_many_parents_as_there_may_be_count_as_that_many() {
    let modes = ModeCoordinator::new();
    for parent in 1..=64 {
        modes.nest(&session(parent), &session(0));
        modes.nest(&session(parent), &session(0));
        may_read(&modes, 0, true);
    }
    for parent in 65..1_000 {
        modes.nest(&session(parent), &session(0));
        may_read(&modes, 0, false);
    }
    modes.reset(&session(0));
    may_read(&modes, 0, true);
}

#[test]
fn circles_of_every_length_are_decided_about() {
    for length in [2, 3, 65, 66, 1_000] {
        let modes = chain(length);
        modes.nest(&session(length - 1), &session(0));
        may_read(&modes, 0, length <= 65);
        (0..length).for_each(|number| modes.reset(&session(number)));
        (0..length).for_each(|number| may_read(&modes, number, true));
    }
}
