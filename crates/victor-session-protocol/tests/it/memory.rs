use victor_core::{Message, SessionId};
use victor_session_protocol::{
    InMemorySessionStore, SessionError, SessionInfo, SessionStore, TranscriptEntry,
};

fn entry(text: &str) -> TranscriptEntry {
    TranscriptEntry::new(None, Message::user(text))
}

#[tokio::test]
async fn a_transcript_grows_only_under_who_has_seen_all_of_it() {
    let store = InMemorySessionStore::default();
    let session = SessionId::new("s");
    assert_eq!(
        store
            .append(&session, 0, &[entry("a"), entry("b")])
            .await
            .unwrap(),
        2
    );
    for expected in [0, 1, 3] {
        let error = store
            .append(&session, expected, &[entry("late")])
            .await
            .unwrap_err();
        assert!(
            matches!(error, SessionError::Conflict { found: 2, expected: e, .. } if e == expected)
        );
    }
    assert_eq!(store.append(&session, 2, &[entry("c")]).await.unwrap(), 3);
    let from = async |from| store.load(&session, from).await.unwrap().len();
    assert_eq!((from(0).await, from(2).await, from(9).await), (3, 1, 0));
    assert_eq!(store.info(&session).await.unwrap().unwrap().entries, 3);
}

#[tokio::test]
async fn a_session_that_is_not_there_is_made_by_its_first_entry_only() {
    let store = InMemorySessionStore::default();
    let session = SessionId::new("s");
    assert!(matches!(
        store.append(&session, 1, &[]).await,
        Err(SessionError::NotFound(_))
    ));
    assert!(matches!(
        store.load(&session, 0).await,
        Err(SessionError::NotFound(_))
    ));
    assert_eq!(store.info(&session).await.unwrap(), None);
    assert!(!store.delete(&session).await.unwrap());

    // Whatever its maker says, a new session has no entries.
    let mut info = SessionInfo::new(session.clone());
    info.entries = 7;
    store.create(&info).await.unwrap();
    assert!(matches!(
        store.create(&info).await,
        Err(SessionError::AlreadyExists(_))
    ));
    assert_eq!(store.info(&session).await.unwrap().unwrap().entries, 0);
    assert_eq!(store.list().await.unwrap().len(), 1);
    assert!(store.delete(&session).await.unwrap());
    assert!(store.list().await.unwrap().is_empty());
}

#[test]
fn errors_say_what_and_where() {
    let session = || SessionId::new("s");
    let check = |error: SessionError, expected: &str| assert_eq!(error.to_string(), expected);
    check(
        SessionError::Conflict {
            session: session(),
            expected: 1,
            found: 2,
        },
        "session `s` has 2 entries, not 1: somebody else has written to it meanwhile",
    );
    check(SessionError::NotFound(session()), "there is no session `s`");
    check(
        SessionError::AlreadyExists(session()),
        "there is already a session `s`",
    );
    check(
        SessionError::Closed(session()),
        "session `s` is closed: open it again to go on with it",
    );
    check(
        SessionError::Busy(session()),
        "session `s` is busy: a turn runs in it",
    );
    check(SessionError::ShutDown, "the session manager was shut down");
    check(
        SessionError::store("disk full"),
        "the session store failed: disk full",
    );
}
