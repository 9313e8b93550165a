//! Who may work on a session, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::yield_now;
use victor_core::{Coordinator, JsonMap, TurnId};
use victor_session::SessionCoordinator;
use victor_session::protocol::{
    SessionError, SessionInfo, SessionManager, SessionManagerExt as _, SessionPatch, TurnChange,
    TurnLease, TurnPolicy, TurnRequest,
};
use victor_testkit::poll_at_most;

use crate::{message, messages, session, turn, written};

#[tokio::test]
async fn many_waiters_are_served_in_the_order_in_which_they_came() {
    let sessions = Arc::new(SessionCoordinator::default());
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = sessions.begin_turn(&session()).await.unwrap();
    let mut waiters = Vec::new();
    for number in 0..50 {
        let (sessions, order) = (sessions.clone(), order.clone());
        waiters.push(tokio::spawn(async move {
            let _lease = sessions.begin_turn(&session()).await.unwrap();
            order.lock().unwrap().push(number);
            yield_now().await;
        }));
        yield_now().await;
    }
    assert!(order.lock().unwrap().is_empty());
    drop(first);
    for waiter in waiters {
        waiter.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_waiter_that_gives_up_leaves_the_queue() {
    let sessions = SessionCoordinator::default();
    let first = sessions.begin_turn(&session()).await.unwrap();
    assert!(
        poll_at_most(1, sessions.begin_turn(&session()))
            .await
            .is_none()
    );
    let id = session();
    let mut next = Box::pin(sessions.begin_turn(&id));
    assert!(poll_at_most(1, next.as_mut()).await.is_none());
    drop(first);
    assert_eq!(next.await.unwrap().session(), &session());
}

#[tokio::test]
async fn a_waiter_that_gives_up_when_its_turn_has_come_wakes_the_next() {
    for policy in [TurnPolicy::Queue, TurnPolicy::Interrupt] {
        let sessions = Arc::new(SessionCoordinator::default());
        let first = sessions.begin_turn(&session()).await.unwrap();
        let id = session();
        let request = TurnRequest::new(TurnId::generate(), policy);
        let mut chosen = Box::pin(sessions.begin_turn_with(&id, request));
        assert!(poll_at_most(1, chosen.as_mut()).await.is_none());
        let next = tokio::spawn({
            let sessions = sessions.clone();
            async move { sessions.begin_turn(&session()).await.is_ok() }
        });
        yield_now().await;
        drop(first);
        drop(chosen);
        let next = tokio::time::timeout(Duration::from_secs(20), next).await;
        assert!(next.expect("it was not woken").unwrap(), "{policy:?}");
    }
}

#[tokio::test]
async fn sessions_do_not_wait_for_each_other() {
    let sessions = SessionCoordinator::default();
    let leases: Vec<TurnLease> = [
        sessions.begin_turn(&"one".into()).await.unwrap(),
        sessions.begin_turn(&"other".into()).await.unwrap(),
    ]
    .into();
    for lease in &leases {
        sessions
            .record(lease, TurnId::generate(), &[message(1)])
            .await
            .unwrap();
    }
    assert_eq!(sessions.sessions().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_repeated_write_is_written_once() {
    let sessions = SessionCoordinator::default();
    turn(&sessions, [1, 2]).await;
    turn(&sessions, [2, 3]).await;
    turn(&sessions, [1, 2, 3]).await;
    // Also by another process, which reads what was written last.
    turn(&sessions, 100..200).await;
    turn(&sessions, 100..200).await;
    assert_eq!(
        written(&sessions).await,
        [1, 2, 3].into_iter().chain(100..200).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn entries_know_their_turn_and_a_lease_its_version() {
    let sessions = SessionCoordinator::default();
    let id = TurnId::generate();
    let lease = sessions.begin_turn(&session()).await.unwrap();
    assert_eq!(lease.version(), Some(0));
    sessions
        .record(&lease, id, &messages([1, 2]))
        .await
        .unwrap();
    drop(lease);
    assert_eq!(
        sessions.begin_turn(&session()).await.unwrap().version(),
        Some(2)
    );
    assert_eq!(
        sessions.transcript(&session()).await.unwrap()[1].turn,
        Some(id)
    );
}

#[tokio::test]
async fn a_session_can_be_created_once() {
    let sessions = SessionCoordinator::default();
    let mut info = SessionInfo::new(session());
    info.metadata.insert("title".into(), "Docs".into());
    info.metadata.insert("of the transcript".into(), 1.into());
    sessions.create_session(&info).await.unwrap();
    let again = sessions.create_session(&info).await;
    assert!(matches!(again, Err(SessionError::AlreadyExists(id)) if id == session()));
    turn(&sessions, [1]).await;
    let known = sessions.sessions().await.unwrap();
    assert_eq!(
        (known[0].entries, &known[0].metadata["title"]),
        (1, &"Docs".into())
    );
    assert!(
        sessions
            .transcript(&"other".into())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_reset_session_waits_for_the_turn_and_keeps_all_but_the_transcript() {
    let sessions = Arc::new(SessionCoordinator::default());
    let mut info = SessionInfo::new(session());
    info.metadata.insert("title".into(), "Docs".into());
    info.metadata.insert("of the transcript".into(), 1.into());
    sessions.create_session(&info).await.unwrap();
    let lease = sessions.begin_turn(&session()).await.unwrap();
    let patch = SessionPatch::default().with_metadata("of the transcript", ());
    let mut reset = Box::pin(sessions.reset_session(&info.id, &patch));
    assert!(poll_at_most(1, reset.as_mut()).await.is_none());
    sessions
        .record(&lease, TurnId::generate(), &messages([1, 2]))
        .await
        .unwrap();
    drop(lease);
    reset.await.unwrap();
    assert!(written(&sessions).await.is_empty());
    let known = sessions.sessions().await.unwrap();
    assert_eq!(
        (&known[0].metadata["title"], known[0].created_at),
        (&"Docs".into(), info.created_at)
    );
    assert_eq!(known[0].metadata.len(), 1, "{:?}", known[0].metadata);
    // The same messages may be written again.
    turn(&sessions, [1]).await;
    assert_eq!(written(&sessions).await, [1]);
    sessions
        .reset_session(&"other".into(), &SessionPatch::default())
        .await
        .unwrap();
    assert_eq!(sessions.sessions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn after_the_shutdown_no_turn_begins() {
    let sessions = SessionCoordinator::default();
    let lease = sessions.begin_turn(&session()).await.unwrap();
    let id = session();
    let mut waiting = Box::pin(sessions.begin_turn(&id));
    assert!(poll_at_most(1, waiting.as_mut()).await.is_none());
    sessions.shutdown().await;
    assert!(matches!(
        sessions.begin_turn(&"other".into()).await,
        Err(SessionError::ShutDown)
    ));
    // The turn that runs may still write what it has.
    sessions
        .record(&lease, TurnId::generate(), &[message(1)])
        .await
        .unwrap();
    drop(lease);
    assert!(matches!(waiting.await, Err(SessionError::ShutDown)));
    sessions.shutdown().await;
}

#[tokio::test]
async fn a_lease_of_another_manager_is_refused() {
    let (sessions, other) = (SessionCoordinator::default(), SessionCoordinator::default());
    let lease = other.begin_turn(&session()).await.unwrap();
    let result = sessions
        .record(&lease, TurnId::generate(), &[message(1)])
        .await;
    assert!(matches!(result, Err(SessionError::Store { .. })));
    sessions.record_abandoned(lease, TurnId::generate(), messages([1]), JsonMap::new());
    assert!(!sessions.health().is_healthy());
    assert!(written(&other).await.is_empty());
}

#[tokio::test]
async fn facts_are_written_with_the_messages_of_a_turn() {
    let sessions = SessionCoordinator::default();
    let facts = |key: &str| JsonMap::from_iter([(key.to_owned(), true.into())]);
    let turn = TurnId::generate();
    let lease = sessions.begin_turn(&session()).await.unwrap();
    sessions
        .commit(
            &lease,
            turn,
            &[message(1)],
            TurnChange::Keep,
            &facts("first"),
        )
        .await
        .unwrap();
    // Also where no message comes with them, and when the turn is dropped.
    sessions
        .commit(&lease, turn, &[], TurnChange::Keep, &facts("alone"))
        .await
        .unwrap();
    sessions.record_abandoned(lease, turn, messages([2]), facts("abandoned"));
    let info = sessions.session_info(&session()).await.unwrap().unwrap();
    let kept: Vec<_> = info.metadata.keys().map(String::as_str).collect();
    assert_eq!(
        (info.entries, kept),
        (2, vec!["abandoned", "alone", "first"])
    );
}
