//! What becomes of the messages of a turn that was dropped.

use std::sync::Arc;
use std::time::Duration;

use victor_core::{Coordinator, JsonMap, TurnId};
use victor_session::SessionCoordinator;
use victor_session::protocol::{
    InMemorySessionStore, SessionManager, SessionManagerExt as _, SessionStore,
};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::{drive, poll_at_most};

use crate::{messages, session, turn, written};

fn over(store: impl SessionStore) -> SessionCoordinator {
    SessionCoordinator::new(Arc::new(store))
}

/// Begins a turn and abandons it with these messages.
async fn abandon(sessions: &SessionCoordinator, numbers: impl IntoIterator<Item = u128>) {
    let lease = sessions.begin_turn(&session()).await.unwrap();
    sessions.record_abandoned(lease, TurnId::generate(), messages(numbers), JsonMap::new());
}

#[test]
fn a_store_that_answers_at_once_has_them_at_once() {
    drive(async {
        let sessions = SessionCoordinator::default();
        abandon(&sessions, [1, 2]).await;
        assert_eq!(written(&sessions).await, [1, 2]);
        abandon(&sessions, []).await;
        turn(&sessions, [3]).await;
        assert_eq!(written(&sessions).await, [1, 2, 3]);
        assert!(sessions.health().is_healthy());
    })
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_has_them_before_the_next_turn() {
    let sessions = over(Faulty::new(
        InMemorySessionStore::default(),
        Fault::Slow(Duration::from_secs(1)),
    ));
    abandon(&sessions, [1]).await;
    turn(&sessions, [2]).await;
    assert_eq!(written(&sessions).await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_waits_for_them() {
    let sessions = over(Faulty::new(
        InMemorySessionStore::default(),
        Fault::Slow(Duration::from_secs(1)),
    ));
    abandon(&sessions, [1]).await;
    sessions.shutdown().await;
    assert_eq!(written(&sessions).await, [1]);
}

#[test]
fn without_a_runtime_they_wait_for_the_next_turn() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let sessions = over(Faulty::new(
        InMemorySessionStore::default(),
        Fault::Slow(Duration::from_secs(1)),
    ));
    let lease = runtime().block_on(sessions.begin_turn(&session())).unwrap();
    // The store needs the timers of a runtime, so that it panics here.
    sessions.record_abandoned(lease, TurnId::generate(), messages([1]), JsonMap::new());
    assert!(!sessions.health().is_healthy());
    runtime().block_on(async {
        turn(&sessions, [2]).await;
        assert_eq!(written(&sessions).await, [1, 2]);
        assert!(sessions.health().is_healthy());
    });
}

#[test]
fn a_runtime_that_ends_does_not_take_them_along() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let sessions = over(Faulty::new(
        InMemorySessionStore::default(),
        Fault::Slow(Duration::from_secs(1)),
    ));
    runtime().block_on(abandon(&sessions, [1]));
    runtime().block_on(async {
        turn(&sessions, [2]).await;
        assert_eq!(written(&sessions).await, [1, 2]);
    });
}

/// Abandons a turn over a store that does wrong in every fourth call, and looks whether the next turn that begins
/// finds the messages written, once.
async fn check(fault: Fault) {
    let sessions = over(Faulty::new(InMemorySessionStore::default(), fault).every(4));
    // Two calls: for where it stands, and for the write; and one to begin the next turn.
    turn(&sessions, [1]).await;
    abandon(&sessions, [2]).await;
    let next = sessions.begin_turn(&session()).await.unwrap();
    assert_eq!(next.version(), Some(2), "{fault:?}");
    let transcript = loop {
        if let Ok(transcript) = sessions.transcript(&session()).await {
            break transcript;
        }
    };
    let numbers: Vec<_> = transcript
        .iter()
        .map(|entry| entry.message.id().as_u128())
        .collect();
    assert_eq!(numbers, [1, 2], "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_cannot_begin_before_they_are_written() {
    let sessions = over(Faulty::new(InMemorySessionStore::default(), Fault::Error).every(2));
    abandon(&sessions, [1]).await;
    assert!(
        sessions
            .health()
            .problems
            .iter()
            .any(|problem| problem.starts_with("session `s`: "))
    );
    // It looks whether they were written, tries again, and fails again; nobody is kept waiting.
    assert!(sessions.begin_turn(&session()).await.is_err());
    assert!(sessions.begin_turn(&session()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_while_has_them_once() {
    for fault in [
        Fault::Error,
        Fault::Panic,
        Fault::Hang,
        Fault::ErrorAfterwards,
        Fault::HangAfterwards,
    ] {
        check(fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_turn_waits_until_they_are_written() {
    let sessions = over(Faulty::new(
        InMemorySessionStore::default(),
        Fault::Slow(Duration::from_secs(5)),
    ));
    abandon(&sessions, [1]).await;
    let id = session();
    let mut next = Box::pin(sessions.begin_turn(&id));
    assert!(poll_at_most(1, next.as_mut()).await.is_none());
    drop(next.await.unwrap());
    assert_eq!(written(&sessions).await, [1]);
}
