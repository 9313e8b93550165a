//! What is done with a session as a whole, and what that waits for.

use std::sync::Arc;
use std::time::Duration;

use victor_core::{Coordinator, JsonMap, SessionId, Timestamp, TurnId};
use victor_session::SessionCoordinator;
use victor_session::protocol::{
    InMemorySessionStore, OpenTurn, SessionCommit, SessionError, SessionExport, SessionInfo,
    SessionManager, SessionManagerExt as _, SessionPatch, SessionQuery, SessionStatus,
    SessionStore, TurnChange,
};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::poll_at_most;

use crate::{messages, session, turn, written};

fn now() -> Timestamp {
    Timestamp::now()
}

async fn refused(sessions: &SessionCoordinator) -> bool {
    let turn = sessions.begin_turn(&session()).await;
    matches!(turn, Err(SessionError::Closed(id)) if id == session())
}

#[tokio::test]
async fn a_session_is_renamed_tagged_and_found() {
    let sessions = SessionCoordinator::default();
    turn(&sessions, [1]).await;
    let patch = SessionPatch::default().with_title("Docs").with_tag("work");
    let info = sessions.update_session(&session(), &patch).await.unwrap();
    assert_eq!(
        sessions.session_info(&session()).await.unwrap(),
        Some(info.clone())
    );
    let mut query = SessionQuery::first(10);
    query.text = Some("DOC".into());
    assert_eq!(sessions.find_sessions(&query).await.unwrap(), [info]);
    let missing = sessions.update_session(&"other".into(), &patch).await;
    assert!(matches!(missing, Err(SessionError::NotFound(_))));
}

#[tokio::test]
async fn a_session_is_closed_after_its_turn_and_can_be_read_and_opened_again() {
    let sessions = SessionCoordinator::default();
    let lease = sessions.begin_turn(&session()).await.unwrap();
    let id = session();
    let mut closing = Box::pin(sessions.close_session(&id));
    assert!(poll_at_most(1, closing.as_mut()).await.is_none());
    sessions
        .record(&lease, TurnId::generate(), &messages([1]))
        .await
        .unwrap();
    sessions.record_abandoned(lease, TurnId::generate(), messages([2]), JsonMap::new());
    assert_eq!(closing.await.unwrap().status, SessionStatus::Closed);

    assert!(refused(&sessions).await);
    assert_eq!(written(&sessions).await, [1, 2]);
    let reset = sessions.reset_session(&id, &SessionPatch::default()).await;
    assert!(matches!(reset, Err(SessionError::Closed(_))), "{reset:?}");
    assert!(sessions.close_session(&id).await.is_ok());
    assert!(sessions.reopen_session(&id).await.unwrap().status.is_open());
    assert!(sessions.reopen_session(&id).await.is_ok());
    turn(&sessions, [3]).await;
    assert_eq!(written(&sessions).await, [1, 2, 3]);

    let nobody = SessionId::new("nobody");
    for missing in [
        sessions.close_session(&nobody).await,
        sessions.reopen_session(&nobody).await,
    ] {
        assert!(matches!(missing, Err(SessionError::NotFound(_))));
    }
}

#[tokio::test]
async fn a_session_that_is_closed_under_a_turn_refuses_its_writes() {
    let store = Arc::new(InMemorySessionStore::default());
    let (one, other) = (
        SessionCoordinator::new(store.clone()),
        SessionCoordinator::new(store),
    );
    turn(&one, [1]).await;
    let lease = one.begin_turn(&session()).await.unwrap();
    other.close_session(&session()).await.unwrap();
    let late = one.record(&lease, TurnId::generate(), &messages([2])).await;
    assert!(matches!(late, Err(SessionError::Closed(_))), "{late:?}");
    // What was abandoned waits until the session is open again.
    one.record_abandoned(lease, TurnId::generate(), messages([3]), JsonMap::new());
    assert!(refused(&one).await);
    other.reopen_session(&session()).await.unwrap();
    turn(&one, [4]).await;
    assert_eq!(written(&one).await, [1, 3, 4]);
    assert!(one.health().is_healthy());
}

#[tokio::test]
async fn a_deletion_waits_for_the_turn() {
    let sessions = SessionCoordinator::default();
    let lease = sessions.begin_turn(&session()).await.unwrap();
    sessions
        .record(&lease, TurnId::generate(), &messages([1]))
        .await
        .unwrap();
    let id = session();
    let mut deletion = Box::pin(sessions.delete_session(&id));
    assert!(poll_at_most(1, deletion.as_mut()).await.is_none());
    drop(lease);
    assert!(deletion.await.unwrap());
    assert!(!sessions.delete_session(&id).await.unwrap());
    turn(&sessions, [1]).await;
    assert_eq!(written(&sessions).await, [1]);
}

#[tokio::test]
async fn a_deletion_that_fails_takes_nothing_along() {
    let faulty = Faulty::new(InMemorySessionStore::default(), Fault::Error);
    let sessions = SessionCoordinator::new(Arc::new(faulty.every(6)));
    let calls = async |count| {
        for _ in 0..count {
            sessions.sessions().await.unwrap();
        }
    };
    calls(4).await;
    let lease = sessions.begin_turn(&session()).await.unwrap();
    sessions.record_abandoned(lease, TurnId::generate(), messages([1]), JsonMap::new());
    assert!(!sessions.health().is_healthy());
    calls(4).await;
    assert!(sessions.delete_session(&session()).await.is_err());
    turn(&sessions, [2]).await;
    assert_eq!(written(&sessions).await, [1, 2]);
}

/// A session that expires at a time, and has a journal if it says so.
async fn expiring(store: &InMemorySessionStore, name: &str, at: Timestamp, journal: bool) {
    let mut info = SessionInfo::new(SessionId::new(name));
    info.expires_at = Some(at);
    store.create(&info).await.unwrap();
    if journal {
        let open = TurnChange::Open(OpenTurn::new(info.id.clone(), TurnId::generate(), "{}"));
        let commit = SessionCommit::new(Vec::new(), open);
        store.commit(&info.id, 0, &commit).await.unwrap();
    }
}

#[tokio::test]
async fn what_has_expired_is_deleted_unless_a_turn_runs_in_it() {
    let store = Arc::new(InMemorySessionStore::default());
    let sessions = SessionCoordinator::new(store.clone());
    let (past, future) = (
        now() - Duration::from_secs(1),
        now() + Duration::from_secs(60),
    );
    expiring(&store, "running", past, false).await;
    expiring(&store, "waited for", past, false).await;
    expiring(&store, "open", past, true).await;
    expiring(&store, "closed", past, true).await;
    expiring(&store, "young", future, false).await;
    turn(&sessions, [1]).await;
    // More than are looked at together, with those that stay among them.
    for number in 0..250 {
        expiring(&store, &format!("old {number}"), past, false).await;
    }
    sessions.close_session(&"closed".into()).await.unwrap();
    let lease = sessions.begin_turn(&"running".into()).await.unwrap();

    let gone = sessions.expire_sessions(now()).await.unwrap();
    assert_eq!(gone.len(), 252, "{gone:?}");
    let names = async || {
        let mut names: Vec<_> = sessions
            .sessions()
            .await
            .unwrap()
            .into_iter()
            .map(|info| info.id)
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names().await,
        ["open", "running", "s", "young"].map(SessionId::new)
    );
    drop(lease);
    assert_eq!(
        sessions.expire_sessions(now()).await.unwrap(),
        ["running".into()]
    );
    assert_eq!(
        sessions.expire_sessions(future).await.unwrap(),
        ["young".into()]
    );
    assert_eq!(names().await, ["open", "s"].map(SessionId::new));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_prolonged_meanwhile_stays() {
    let store = Arc::new(InMemorySessionStore::default());
    expiring(&store, "s", now() - Duration::from_secs(1), false).await;
    let sessions = SessionCoordinator::new(Arc::new(Faulty::new(
        store.clone(),
        Fault::Slow(Duration::from_secs(1)),
    )));
    let prolonged = async {
        // Between the search and the look at the session.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let patch = SessionPatch::default().with_expiry(None);
        store.update(&session(), &patch).await.unwrap();
    };
    let (gone, ()) = tokio::join!(sessions.expire_sessions(now()), prolonged);
    assert!(gone.unwrap().is_empty());
    assert!(store.info(&session()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_is_carried_to_another_store() {
    let (here, there) = (SessionCoordinator::default(), SessionCoordinator::default());
    turn(&here, 1..40).await;
    let patch = SessionPatch::default()
        .with_title("Docs")
        .with_tag("x")
        .with_metadata("key", 1);
    here.update_session(&session(), &patch).await.unwrap();
    here.close_session(&session()).await.unwrap();
    // It is exported while somebody holds it, too.
    let export = here.export_session(&session()).await.unwrap();
    let export = SessionExport::from_json_lines(&export.to_json_lines()).unwrap();
    let missing = here.export_session(&"nobody".into()).await;
    assert!(matches!(missing, Err(SessionError::NotFound(_))));

    let info = there.import_session(&export, None).await.unwrap();
    assert_eq!(
        there.export_session(&session()).await.unwrap().entries,
        export.entries
    );
    let mut expected = export.info.clone();
    expected.updated_at = info.updated_at;
    assert_eq!(info, expected);
    assert!(info.updated_at >= export.info.updated_at);
    assert!(refused(&there).await);

    let again = there.import_session(&export, None).await;
    assert!(matches!(again, Err(SessionError::AlreadyExists(id)) if id == session()));
    let copy = there
        .import_session(&export, Some("copy".into()))
        .await
        .unwrap();
    assert_eq!((copy.id.as_str(), copy.entries), ("copy", 39));
    // The transcript goes on where it was.
    there.reopen_session(&session()).await.unwrap();
    turn(&there, 1..42).await;
    assert_eq!(written(&there).await, Vec::from_iter(1..42));
}

#[tokio::test(start_paused = true)]
async fn an_import_is_one_write() {
    let here = SessionCoordinator::default();
    turn(&here, [1, 2]).await;
    here.close_session(&session()).await.unwrap();
    let export = here.export_session(&session()).await.unwrap();
    for (fault, written) in [
        (Fault::Error, false),
        (Fault::Hang, false),
        (Fault::Panic, false),
        // The answer of the store was lost.
        (Fault::ErrorAfterwards, true),
    ] {
        let store = Arc::new(InMemorySessionStore::default());
        let sessions = SessionCoordinator::new(Arc::new(Faulty::new(store.clone(), fault)));
        let result = sessions.import_session(&export, None).await;
        assert!(
            matches!(result, Err(SessionError::Store { .. })),
            "{fault:?}"
        );
        let left = store.info(&session()).await.unwrap();
        let whole = left.map(|info| (info.entries, info.status));
        let expected = written.then_some((2, SessionStatus::Closed));
        assert_eq!(whole, expected, "{fault:?}");
    }
}
