//! Stores that work, and stores that do not.

use std::sync::Arc;
use std::time::Duration;

use victor_core::{Coordinator, Timestamp, TurnId};
use victor_session::SessionCoordinator;
use victor_session::protocol::{
    InMemorySessionStore, SessionError, SessionExport, SessionInfo, SessionManager,
    SessionManagerExt as _, SessionPatch, SessionQuery,
};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::{cancel_at_every_poll, conformance};

use crate::{message, messages, session, turn, written};

#[tokio::test]
async fn the_store_in_memory_keeps_the_laws_of_stores() {
    conformance::session_store(async || InMemorySessionStore::default()).await;
    conformance::session_store(async || Arc::new(InMemorySessionStore::default())).await;
}

#[tokio::test(start_paused = true)]
async fn each_fault_is_an_error_of_every_call() {
    for (fault, why) in [
        (Fault::Error, "injected fault"),
        (Fault::Panic, "panicked: injected fault"),
        (Fault::Hang, "gave no answer within 30s"),
    ] {
        let sessions = SessionCoordinator::new(Arc::new(Faulty::new(
            InMemorySessionStore::default(),
            fault,
        )));
        let id = session();
        let export = SessionExport::new(SessionInfo::new(id.clone()), Vec::new());
        let errors = [
            sessions.begin_turn(&id).await.map(drop),
            sessions.create_session(&SessionInfo::new(id.clone())).await,
            sessions.transcript(&id).await.map(drop),
            sessions.sessions().await.map(drop),
            sessions.session_info(&id).await.map(drop),
            sessions
                .find_sessions(&SessionQuery::default())
                .await
                .map(drop),
            sessions
                .update_session(&id, &SessionPatch::default())
                .await
                .map(drop),
            sessions.open_turn(&id).await.map(drop),
            sessions.open_turns().await.map(drop),
            sessions.close_session(&id).await.map(drop),
            sessions.reopen_session(&id).await.map(drop),
            sessions.expire_sessions(Timestamp::now()).await.map(drop),
            sessions.export_session(&id).await.map(drop),
            sessions.import_session(&export, None).await.map(drop),
            sessions.delete_session(&id).await.map(drop),
            sessions.reset_session(&id, &SessionPatch::default()).await,
            // The session is free for the next.
            sessions.begin_turn(&id).await.map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(
                matches!(error, SessionError::Store { .. }) && error.to_string().contains(why),
                "{error}"
            );
        }
        assert!(sessions.health().problems[0].starts_with("store: "));
    }
}

#[tokio::test(start_paused = true)]
async fn health_recovers_with_the_store() {
    let sessions = SessionCoordinator::new(Arc::new(
        Faulty::new(InMemorySessionStore::default(), Fault::Error).first(1),
    ));
    assert!(sessions.begin_turn(&session()).await.is_err());
    assert!(!sessions.health().is_healthy());
    turn(&sessions, [1]).await;
    assert!(sessions.health().is_healthy());
}

/// Tries a write again until it succeeds, over a store that does wrong in every third call.
async fn check_retry(fault: Fault) {
    let store = Arc::new(Faulty::new(InMemorySessionStore::default(), fault).every(3));
    let sessions = SessionCoordinator::new(store);
    let lease = sessions.begin_turn(&session()).await.unwrap();
    let id = TurnId::generate();
    let mut tries = 0;
    for batch in [messages([1, 2]), messages([3])] {
        while sessions.record(&lease, id, &batch).await.is_err() {
            tries += 1;
            assert!(tries < 10, "{fault:?}");
        }
    }
    assert!(tries > 0);
    let transcript = loop {
        if let Ok(transcript) = sessions.transcript(&session()).await {
            break transcript;
        }
    };
    let numbers: Vec<_> = transcript
        .iter()
        .map(|entry| entry.message.id().as_u128())
        .collect();
    assert_eq!(numbers, [1, 2, 3], "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_tried_again_is_written_once() {
    for fault in [
        Fault::Error,
        Fault::Panic,
        Fault::Hang,
        Fault::ErrorAfterwards,
        Fault::HangAfterwards,
    ] {
        check_retry(fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_lost_is_not_tried_again_behind_somebody_else() {
    let inner = Arc::new(InMemorySessionStore::default());
    let sessions =
        SessionCoordinator::new(Arc::new(Faulty::new(inner.clone(), Fault::Error).every(2)));
    let lease = sessions.begin_turn(&session()).await.unwrap();
    assert!(
        sessions
            .record(&lease, TurnId::generate(), &[message(1)])
            .await
            .is_err()
    );
    turn(&SessionCoordinator::new(inner), [2]).await;
    let result = sessions
        .record(&lease, TurnId::generate(), &[message(1)])
        .await;
    assert!(
        matches!(
            result,
            Err(SessionError::Conflict {
                expected: 0,
                found: 1,
                ..
            })
        ),
        "{result:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn turns_and_writes_may_be_dropped_anywhere() {
    let slow = || {
        Faulty::new(
            InMemorySessionStore::default(),
            Fault::Slow(Duration::from_millis(1)),
        )
    };
    let sessions = SessionCoordinator::new(Arc::new(slow()));
    cancel_at_every_poll(
        async || {
            let lease = sessions.begin_turn(&session()).await.unwrap();
            sessions
                .record(&lease, TurnId::generate(), &messages([1, 2]))
                .await
                .unwrap();
        },
        async |_| assert!([0, 2].contains(&written(&sessions).await.len())),
    )
    .await;
    assert_eq!(written(&sessions).await, [1, 2]);
    let sessions = SessionCoordinator::new(Arc::new(slow()));
    turn(&sessions, [1]).await;
    cancel_at_every_poll(
        async || {
            sessions
                .reset_session(&session(), &SessionPatch::default())
                .await
                .unwrap();
        },
        async |_| (),
    )
    .await;
    assert!(written(&sessions).await.is_empty());
    turn(&sessions, [2]).await;
    assert_eq!(written(&sessions).await, [2]);
}
