//! What the wrapped store has, and what becomes of it under other keys and in other places.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use serde_json::json;
use victor_core::{Message, SessionId, ToolCall, ToolOutcome, ToolResult, TurnId};
use victor_encryption::{Encrypted, SealError};
use victor_session_protocol::{
    InMemorySessionStore, OpenTurn, SessionCommit, SessionInfo, SessionPatch, SessionQuery,
    SessionStore, TranscriptEntry, TurnChange,
};
use victor_tool_protocol::{
    InMemoryReceiptStore, InMemoryResultStore, Receipt, ReceiptStore, ResultStore,
};

use crate::keys;

const SECRET: &str = "swordfish";

type Database = Arc<InMemorySessionStore>;

fn over(database: &Database, numbers: &[u8]) -> Encrypted<Database> {
    Encrypted::new(database.clone(), keys(numbers))
}

fn session() -> SessionId {
    SessionId::new("s")
}

fn entry() -> TranscriptEntry {
    let mut entry = TranscriptEntry::new(Some(TurnId::generate()), Message::user(SECRET));
    entry.extra.insert("later", json!(SECRET));
    entry
}

fn open_turn() -> OpenTurn {
    let mut open = OpenTurn::new(session(), TurnId::generate(), SECRET);
    open.extra.insert("later", json!(SECRET));
    open
}

/// A session that says the secret wherever it can, with two entries and a journal.
async fn fill(store: &impl SessionStore) {
    let mut info = SessionInfo::new(session());
    info.title = Some(SECRET.into());
    info.tags.insert(SECRET.into());
    info.metadata
        .insert(SECRET.into(), json!({ SECRET: SECRET }));
    info.extra.insert("later", json!(SECRET));
    store.create(&info).await.unwrap();
    let commit = SessionCommit::new(vec![entry(), entry()], TurnChange::Open(open_turn()));
    store.commit(&session(), 0, &commit).await.unwrap();
}

/// Everything that a store has of the session, as text.
async fn everything(store: &impl SessionStore) -> String {
    let seen: [Box<dyn Debug>; 3] = [
        Box::new(store.find(&SessionQuery::default()).await),
        Box::new(store.load(&session(), 0).await),
        Box::new(store.open_turns().await),
    ];
    format!("{seen:?}")
}

/// The error beneath that of a store.
#[track_caller]
fn cause<T: Debug>(result: Result<T, impl Error>) -> SealError {
    let error = result.unwrap_err();
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<SealError>());
    cause.unwrap_or_else(|| panic!("{error}")).clone()
}

#[tokio::test]
async fn the_store_has_no_content() {
    let database = Database::default();
    let store = over(&database, &[1]);
    fill(&store).await;
    let patch = SessionPatch::default()
        .with_title(format!("{SECRET}!"))
        .with_tag(format!("{SECRET}!"))
        .with_metadata(format!("{SECRET}!"), SECRET);
    store.update(&session(), &patch).await.unwrap();
    assert!(everything(&store).await.matches(SECRET).count() >= 12);
    let kept = everything(&database).await;
    assert!(!kept.contains(SECRET), "{kept}");
    // Not even how a message was said, nor that two are the same.
    assert!(!kept.contains("User"), "{kept}");
    let [one, other] = &database.load(&session(), 0).await.unwrap()[..] else {
        panic!("two entries were written");
    };
    assert_ne!(one.message.text(), other.message.text());

    let results = Encrypted::new(InMemoryResultStore::default(), keys(&[1]));
    results.put(&session(), "h", SECRET).await.unwrap();
    let kept = results
        .inner()
        .read(&session(), "h", 0, 1000)
        .await
        .unwrap();
    assert!(!format!("{kept:?}").contains(SECRET));
    let receipts = Encrypted::new(InMemoryReceiptStore::default(), keys(&[1]));
    let result = ToolResult::new(
        &ToolCall::new("c", SECRET, "{}"),
        ToolOutcome::Denied,
        SECRET,
    );
    receipts.begin(&session(), "k").await.unwrap();
    receipts.finish(&session(), "k", &result).await.unwrap();
    let kept = format!(
        "{:?}",
        receipts.inner().begin(&session(), "k").await.unwrap()
    );
    assert!(!kept.contains(SECRET) && !kept.contains("Denied"), "{kept}");
    assert_eq!(
        receipts.begin(&session(), "k").await.unwrap(),
        Receipt::Finished(result)
    );
}

#[tokio::test]
async fn a_key_that_is_missing_is_named() {
    let database = Database::default();
    fill(&over(&database, &[1])).await;
    let wrong = over(&database, &[2, 3]);
    let fingerprint = |number| keys(&[number]).fingerprints().next().unwrap().to_owned();
    let expected = SealError::UnknownKey {
        key: fingerprint(1),
        known: vec![fingerprint(2), fingerprint(3)],
    };
    assert_eq!(cause(wrong.load(&session(), 1).await), expected);
    assert_eq!(cause(wrong.info(&session()).await), expected);
    assert_eq!(cause(wrong.list().await), expected);
    assert_eq!(cause(wrong.open_turn(&session()).await), expected);
    assert_eq!(cause(wrong.open_turns().await), expected);
    let text = expected.to_string();
    let advice = format!(
        "it was sealed with the key `{}`, and at hand are `{}`, `{}`: add that key behind the others",
        fingerprint(1),
        fingerprint(2),
        fingerprint(3)
    );
    assert_eq!(text, advice);
    let error = wrong.load(&session(), 1).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the session store failed: entry 1 of session `s` cannot be opened"
    );
}

#[tokio::test]
async fn after_a_change_of_keys_the_old_ones_open_and_the_new_one_seals() {
    let database = Database::default();
    fill(&over(&database, &[1])).await;
    let changed = over(&database, &[2, 1]);
    changed.append(&session(), 2, &[entry()]).await.unwrap();
    assert_eq!(changed.load(&session(), 0).await.unwrap().len(), 3);
    // What is set again is replaced, and what is taken away is gone, whatever key it was sealed with.
    let patch = SessionPatch::default()
        .with_tag(SECRET)
        .with_metadata(SECRET, 2);
    let info = changed.update(&session(), &patch).await.unwrap();
    assert_eq!(Vec::from_iter(&info.tags), [SECRET]);
    assert_eq!(info.metadata[SECRET], 2);
    let kept = database.info(&session()).await.unwrap().unwrap();
    assert_eq!((kept.tags.len(), kept.metadata.len()), (1, 1));
    // The first key alone does not open what the second one has sealed.
    assert!(over(&database, &[1]).load(&session(), 0).await.is_err());
    assert_eq!(over(&database, &[1]).load(&session(), 3).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_taken_away_is_gone_whatever_key_it_was_sealed_with() {
    for numbers in [[1, 2], [2, 1]] {
        let database = Database::default();
        fill(&over(&database, &[1])).await;
        let patch = SessionPatch::default()
            .without_tag(SECRET)
            .with_metadata(SECRET, ());
        let info = over(&database, &numbers)
            .update(&session(), &patch)
            .await
            .unwrap();
        assert!(info.tags.is_empty() && info.metadata.is_empty(), "{info:?}");
        let kept = database.info(&session()).await.unwrap().unwrap();
        assert!(kept.tags.is_empty() && kept.metadata.is_empty(), "{kept:?}");
    }
}

#[tokio::test]
async fn pieces_of_two_texts_make_no_text() {
    let results = Encrypted::new(InMemoryResultStore::default(), keys(&[1]));
    let mut kept = Vec::new();
    for text in ["ä".repeat(20_000), "ö".repeat(20_000)] {
        results.put(&session(), "h", &text).await.unwrap();
        let sealed = results
            .inner()
            .read(&session(), "h", 0, usize::MAX)
            .await
            .unwrap();
        kept.push(sealed.unwrap().text);
    }
    let half = kept[0].len() / 3 + 1;
    let half = half + kept[0][half..].find("sealed1:").unwrap();
    let mixed = format!("{}{}", &kept[0][..half], &kept[1][half..]);
    results.inner().put(&session(), "h", &mixed).await.unwrap();
    let error = cause(results.read(&session(), "h", 0, usize::MAX).await);
    assert!(
        error.to_string().contains("belong to different texts"),
        "{error}"
    );
    // Another order, a shorter text, and a text under another handle.
    let turned = format!("{}{}", &kept[0][half..], &kept[0][..half]);
    for (handle, wrong) in [
        ("h", &turned[..]),
        ("h", &kept[0][..half]),
        ("other", &kept[0]),
    ] {
        results
            .inner()
            .put(&session(), handle, wrong)
            .await
            .unwrap();
        assert!(
            results.read(&session(), handle, 0, 9).await.is_err(),
            "{handle}"
        );
    }
}

#[tokio::test]
async fn what_was_changed_or_moved_does_not_open() {
    let database = Database::default();
    let store = over(&database, &[1]);
    fill(&store).await;
    let kept = database.load(&session(), 0).await.unwrap();
    let info = database.info(&session()).await.unwrap().unwrap();
    let is_damaged = |error| matches!(error, SealError::Damaged { .. });

    // Entries in another order, or in another session.
    let moved = Database::default();
    moved
        .append(&session(), 0, &[kept[1].clone(), kept[0].clone()])
        .await
        .unwrap();
    moved.append(&"other".into(), 0, &kept).await.unwrap();
    let moved = over(&moved, &[1]);
    assert!(is_damaged(cause(moved.load(&session(), 0).await)));
    assert!(is_damaged(cause(moved.load(&"other".into(), 0).await)));

    // A title, tags or facts of another session.
    for part in 0..4 {
        let mut other = SessionInfo::new("other".into());
        match part {
            0 => other.title = info.title.clone(),
            1 => other.tags = info.tags.clone(),
            2 => other.metadata = info.metadata.clone(),
            _ => other.extra = info.extra.clone(),
        }
        let stolen = Database::default();
        stolen.create(&other).await.unwrap();
        assert!(
            is_damaged(cause(over(&stolen, &[1]).info(&other.id).await)),
            "{part}"
        );
    }

    // A journal of another turn.
    let mut turn = database.open_turn(&session()).await.unwrap().unwrap();
    turn.turn = TurnId::generate();
    let commit = SessionCommit::new(Vec::new(), TurnChange::Open(turn));
    database.commit(&session(), 2, &commit).await.unwrap();
    assert!(is_damaged(cause(store.open_turn(&session()).await)));

    // Every single sign.
    let sealed = kept[0].message.text().into_owned();
    let body = sealed.rfind(':').unwrap() + 1;
    for at in body..sealed.len() {
        let mut changed = sealed.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let message = Message::user(String::from_utf8(changed).unwrap());
        let tampered = Database::default();
        tampered
            .append(&session(), 0, &[TranscriptEntry::new(None, message)])
            .await
            .unwrap();
        assert!(
            is_damaged(cause(over(&tampered, &[1]).load(&session(), 0).await)),
            "{at}"
        );
    }
}

#[tokio::test]
async fn what_stands_beside_a_sealed_entry_is_not_believed() {
    let database = Database::default();
    let store = over(&database, &[1]);
    let written = entry();
    store
        .append(&session(), 0, std::slice::from_ref(&written))
        .await
        .unwrap();
    let mut kept = database.load(&session(), 0).await.unwrap();
    assert_eq!(
        (kept[0].turn, kept[0].at, kept[0].message.id()),
        (written.turn, written.at, written.message.id())
    );
    kept[0].turn = None;
    kept[0].at = Default::default();
    let changed = Database::default();
    changed.append(&session(), 0, &kept).await.unwrap();
    assert_eq!(
        over(&changed, &[1]).load(&session(), 0).await.unwrap(),
        [written]
    );
}

#[tokio::test]
async fn what_is_not_sealed_is_refused() {
    let database = Database::default();
    fill(&database).await;
    let store = over(&database, &[1]);
    assert_eq!(cause(store.load(&session(), 0).await), SealError::NotSealed);
    assert_eq!(cause(store.info(&session()).await), SealError::NotSealed);
    assert_eq!(cause(store.open_turns().await), SealError::NotSealed);
    let results = InMemoryResultStore::default();
    results.put(&session(), "h", SECRET).await.unwrap();
    let results = Encrypted::new(results, keys(&[1]));
    assert_eq!(
        cause(results.read(&session(), "h", 0, 9).await),
        SealError::NotSealed
    );
}
