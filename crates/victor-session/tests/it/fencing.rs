//! Two coordinators on one store, as in two processes.

use std::sync::Arc;

use victor_core::{Coordinator, JsonMap, TurnId};
use victor_session::protocol::{
    InMemorySessionStore, SessionError, SessionManager, SessionManagerExt as _, SessionStore,
};
use victor_session::{SessionCoordinator, SessionOptions};

use crate::{messages, session, turn, written};

fn two() -> (SessionCoordinator, SessionCoordinator) {
    let store = Arc::new(InMemorySessionStore::default());
    (
        SessionCoordinator::new(store.clone()),
        SessionCoordinator::new(store),
    )
}

async fn record(
    sessions: &SessionCoordinator,
    numbers: impl IntoIterator<Item = u128>,
) -> Result<(), SessionError> {
    let lease = sessions.begin_turn(&session()).await?;
    sessions
        .record(&lease, TurnId::generate(), &messages(numbers))
        .await
}

#[tokio::test]
async fn the_loser_gets_a_conflict_and_nothing_of_it_is_kept() {
    let (one, other) = two();
    let lease = one.begin_turn(&session()).await.unwrap();
    turn(&other, [1, 2]).await;
    for _ in 0..2 {
        let result = one.record(&lease, TurnId::generate(), &messages([3])).await;
        assert!(
            matches!(
                result,
                Err(SessionError::Conflict {
                    expected: 0,
                    found: 2,
                    ..
                })
            ),
            "{result:?}"
        );
    }
    assert_eq!(written(&one).await, [1, 2]);
    drop(lease);
    turn(&one, [3]).await;
    assert_eq!(written(&other).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_turn_begins_behind_what_another_wrote_before_it() {
    for idle_sessions in [0, 10_000] {
        let store = Arc::new(InMemorySessionStore::default());
        let two = [0, 1].map(|_| {
            let mut options = SessionOptions::default();
            options.idle_sessions = idle_sessions;
            SessionCoordinator::with_options(store.clone(), options)
        });
        for number in 0..10 {
            let lease = two[number % 2].begin_turn(&session()).await.unwrap();
            assert_eq!(lease.version(), Some(number as u64));
            let next = messages([number as u128]);
            let record = two[number % 2].record(&lease, TurnId::generate(), &next);
            record.await.unwrap();
        }
        assert_eq!(written(&two[0]).await, (0..10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_reset_forgets_the_version() {
    let (one, other) = two();
    turn(&one, [1]).await;
    turn(&other, [2]).await;
    one.reset(&session());
    turn(&one, [3]).await;
    let lease = one.begin_turn(&session()).await.unwrap();
    turn(&other, []).await;
    other.reset(&session());
    turn(&other, [4]).await;
    // While a turn works on it, its version stays.
    one.reset(&session());
    assert!(
        one.record(&lease, TurnId::generate(), &messages([5]))
            .await
            .is_err()
    );
    drop(lease);
    turn(&one, [5]).await;
    assert_eq!(written(&one).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn what_a_loser_abandons_is_given_up_and_told() {
    let (one, other) = two();
    for conflict_first in [false, true] {
        let lease = one.begin_turn(&session()).await.unwrap();
        other.reset(&session());
        turn(&other, [u128::from(conflict_first) + 1]).await;
        if conflict_first {
            assert!(
                one.record(&lease, TurnId::generate(), &messages([8]))
                    .await
                    .is_err()
            );
        }
        one.record_abandoned(lease, TurnId::generate(), messages([9]), JsonMap::new());
        assert!(
            one.health().problems[0].contains("session `s`"),
            "{:?}",
            one.health()
        );
    }
    assert_eq!(written(&one).await, [1, 2]);
    turn(&one, [3]).await;
    assert_eq!(written(&one).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_session_that_was_deleted_is_new_and_not_found_by_the_turn_that_ran() {
    let store = Arc::new(InMemorySessionStore::default());
    let sessions = SessionCoordinator::new(store.clone());
    turn(&sessions, [1]).await;
    store.delete(&session()).await.unwrap();
    record(&sessions, [2]).await.unwrap();
    assert_eq!(written(&sessions).await, [2]);

    let lease = sessions.begin_turn(&session()).await.unwrap();
    store.delete(&session()).await.unwrap();
    let late = messages([3]);
    let result = sessions.record(&lease, TurnId::generate(), &late).await;
    assert!(matches!(result, Err(SessionError::NotFound(_))));
    drop(lease);
    record(&sessions, [4]).await.unwrap();
    assert_eq!(written(&sessions).await, [4]);
}

#[tokio::test]
async fn idle_sessions_are_forgotten_when_there_are_too_many() {
    let store = Arc::new(InMemorySessionStore::default());
    let mut options = SessionOptions::default();
    options.idle_sessions = 10;
    let (one, other) = (
        SessionCoordinator::with_options(store.clone(), options),
        SessionCoordinator::new(store),
    );
    turn(&one, [1]).await;
    turn(&other, [2]).await;
    let held = one.begin_turn(&"held".into()).await.unwrap();
    for number in 0..1000 {
        drop(one.begin_turn(&number.to_string().into()).await.unwrap());
    }
    let shown = format!("{one:?}");
    let count = shown
        .split(" sessions")
        .next()
        .unwrap()
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap();
    assert!(count.parse::<usize>().unwrap() <= 20, "{shown}");
    // The version is read anew, and who holds a session still holds it.
    turn(&one, [3]).await;
    let again = victor_testkit::poll_at_most(1, one.begin_turn(&"held".into())).await;
    assert!(again.is_none());
    drop(held);
}
