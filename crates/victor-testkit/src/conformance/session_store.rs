//! The laws of session stores.

mod commits;
mod durable;
mod leases;
mod queries;
mod stress;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_core::{JsonMap, Message, SessionId, Timestamp};
use victor_session_protocol::{SessionError, SessionInfo, SessionStore, TranscriptEntry};

use super::{NAMES, calm, succeed};

pub use durable::durable_session_store;

/// Checks a store. `make` makes a new and empty one.
///
/// If it says that it has [leases](SessionStore::leases), their laws are checked too; some of their tests wait for a
/// few milliseconds, until a lease has run out.
///
/// Writers race in tasks of their own, so run it in a tokio test of flavor `multi_thread` to have them race in earnest.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime.
pub async fn session_store<S: SessionStore>(make: impl AsyncFn() -> S) {
    creation(&make().await).await;
    versions(&make().await).await;
    loads(&make().await).await;
    stress::fidelity(&make().await).await;
    isolation(&make().await).await;
    listing(&make().await).await;
    deletion(&make().await).await;
    stress::sizes(&make().await).await;
    stress::drops(&make().await).await;
    stress::races(Arc::new(make().await)).await;
    queries::updates(&make().await).await;
    queries::finding(&make().await).await;
    commits::journals(&make().await).await;
    commits::open_turns(&make().await).await;
    commits::closed(&make().await).await;
    whole::imports(&make().await).await;
    whole::commits(&make().await).await;
    whole::clearing(&make().await).await;
    whole::racing_commits(Arc::new(make().await)).await;
    stress::changes_race(Arc::new(make().await)).await;
    leases::standings(&make().await).await;
    let store = make().await;
    if store.leases() {
        leases::leases(&store).await;
        leases::races(Arc::new(store)).await;
    }
}

async fn creation(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let missing = succeed(calm(store.info(&id)).await);
    law!(
        missing.is_none(),
        "of a session that is not there, nothing is known",
        "{missing:?}"
    );

    let mut info = SessionInfo::new(id.clone());
    info.metadata = JsonMap::from_iter([(
        "title".into(),
        json!({ "text": "Überschrift", "tags": [1, null] }),
    )]);
    info.entries = 7; // An untruth: it has none yet.
    succeed(calm(store.create(&info)).await);
    let found = known(store, &id).await;
    law!(
        found.metadata == info.metadata,
        "metadata is kept",
        "{:?}",
        found.metadata
    );
    law!(
        found.entries == 0,
        "a new session has an empty transcript",
        "{found:?}"
    );
    law!(
        transcript(store, &id).await.is_empty(),
        "a new session has an empty transcript",
        "it has entries"
    );

    append(store, &id, 0, &entries(1)).await;
    let again = calm(store.create(&info)).await;
    law!(
        matches!(&again, Err(SessionError::AlreadyExists(found)) if *found == id),
        "a session is created once",
        "{again:?}"
    );
    law!(
        known(store, &id).await.entries == 1,
        "a session is created once",
        "the transcript is gone"
    );
}

async fn versions(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let early = calm(store.append(&id, 1, &entries(1))).await;
    law!(
        matches!(&early, Err(SessionError::NotFound(found)) if *found == id),
        "a session that is not there is made by a first write only",
        "{early:?}"
    );
    let info = succeed(calm(store.info(&id)).await);
    law!(
        info.is_none(),
        "a write that fails keeps nothing",
        "{info:?}"
    );

    let first = entries(3);
    let version = append(store, &id, 0, &first).await;
    law!(
        version == 3,
        "an append returns the new version",
        "{version} for 3 entries"
    );
    let found = transcript(store, &id).await;
    law!(
        found == first,
        "a transcript is what was appended, in order",
        "{found:?}"
    );
    for wrong in [0, 2, 4, u64::MAX >> 1] {
        let late = calm(store.append(&id, wrong, &entries(2))).await;
        let told = matches!(
            &late,
            Err(SessionError::Conflict { session, expected, found: 3 }) if *session == id && *expected == wrong
        );
        law!(
            told,
            "an append at another version is a conflict",
            "at {wrong} of 3: {late:?}"
        );
        law!(
            transcript(store, &id).await == first,
            "a write that fails keeps nothing",
            "at {wrong} of 3"
        );
    }
    let version = append(store, &id, 3, &[]).await;
    law!(
        version == 3,
        "an append returns the new version",
        "{version} for no entries after 3"
    );
    let second = entries(2);
    let version = append(store, &id, 3, &second).await;
    law!(
        version == 5,
        "an append returns the new version",
        "{version} for 2 entries after 3"
    );
    let all = [first, second].concat();
    law!(
        transcript(store, &id).await == all,
        "a transcript is what was appended, in order",
        "after two appends"
    );
}

async fn loads(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let missing = calm(store.load(&id, 0)).await;
    law!(
        matches!(&missing, Err(SessionError::NotFound(found)) if *found == id),
        "a session that is not there cannot be loaded",
        "{missing:?}"
    );
    let written = entries(5);
    append(store, &id, 0, &written).await;
    for from in [0, 1, 4, 5, 6, u64::MAX >> 1] {
        let rest = succeed(calm(store.load(&id, from)).await);
        let expected = usize::try_from(from)
            .ok()
            .and_then(|from| written.get(from..))
            .unwrap_or_default();
        law!(
            rest == expected,
            "a load from an entry on brings that entry and all later ones",
            "from {from} of 5"
        );
    }
}

async fn isolation(store: &impl SessionStore) {
    let names = NAMES
        .map(SessionId::new)
        .into_iter()
        .chain([SessionId::new("long".repeat(60))]);
    let mut written = Vec::new();
    for (number, id) in names.enumerate() {
        let entries = entries(number % 3 + 1);
        append(store, &id, 0, &entries).await;
        written.push((id, entries));
    }
    for (id, entries) in &written {
        law!(
            transcript(store, id).await == *entries,
            "sessions do not touch each other",
            "{id:?}"
        );
        law!(
            known(store, id).await.id == *id,
            "a session keeps its name",
            "{id:?}"
        );
    }
    let listed = succeed(calm(store.list()).await);
    law!(
        listed.len() == written.len()
            && written
                .iter()
                .all(|(id, _)| listed.iter().any(|info| info.id == *id)),
        "every session is listed once",
        "{listed:?}"
    );
}

async fn listing(store: &impl SessionStore) {
    let names = ["a", "b", "c"].map(SessionId::new);
    let nothing = succeed(calm(store.list()).await);
    law!(
        nothing.is_empty(),
        "every session is listed once",
        "an empty store has {nothing:?}"
    );
    for id in &names {
        append(store, id, 0, &entries(1)).await;
        later().await;
    }
    let before = known(store, &names[0]).await;
    append(store, &names[0], 1, &entries(1)).await;
    let after = known(store, &names[0]).await;
    law!(
        after.updated_at > before.updated_at,
        "a write moves the time of the last write",
        "{before:?}, {after:?}"
    );
    law!(
        after.created_at == before.created_at,
        "the time of creation stays",
        "{before:?}, {after:?}"
    );
    let listed = succeed(calm(store.list()).await);
    let order: Vec<&str> = listed.iter().map(|info| info.id.as_str()).collect();
    law!(
        order == ["a", "c", "b"],
        "sessions are listed most recently written first",
        "{order:?}"
    );
    for info in &listed {
        law!(
            known(store, &info.id).await == *info,
            "a session is listed as it is known",
            "{info:?}"
        );
    }
}

async fn deletion(store: &impl SessionStore) {
    let (id, other) = (SessionId::new("s"), SessionId::new("t"));
    append(store, &id, 0, &entries(2)).await;
    append(store, &other, 0, &entries(2)).await;
    law!(
        succeed(calm(store.delete(&id)).await),
        "a deletion says whether there was something",
        "there was"
    );
    law!(
        !succeed(calm(store.delete(&id)).await),
        "a deletion says whether there was something",
        "there was not"
    );
    let gone = calm(store.load(&id, 0)).await;
    law!(
        matches!(gone, Err(SessionError::NotFound(_))),
        "what is deleted is gone",
        "{gone:?}"
    );
    law!(
        succeed(calm(store.info(&id)).await).is_none(),
        "what is deleted is gone",
        "it is still known"
    );
    law!(
        succeed(calm(store.list()).await).len() == 1,
        "what is deleted is gone",
        "it is still listed"
    );
    law!(
        transcript(store, &other).await.len() == 2,
        "sessions do not touch each other",
        "after a deletion"
    );
    let anew = entries(1);
    append(store, &id, 0, &anew).await;
    law!(
        transcript(store, &id).await == anew,
        "what is deleted is gone",
        "it came back"
    );
}

async fn append(
    store: &impl SessionStore,
    id: &SessionId,
    expected: u64,
    entries: &[TranscriptEntry],
) -> u64 {
    succeed(calm(store.append(id, expected, entries)).await)
}

async fn transcript(store: &impl SessionStore, id: &SessionId) -> Vec<TranscriptEntry> {
    succeed(calm(store.load(id, 0)).await)
}

async fn known(store: &impl SessionStore, id: &SessionId) -> SessionInfo {
    let info = succeed(calm(store.info(id)).await);
    info.unwrap_or_else(|| panic!("law broken: a session that is there is known: {id:?}"))
}

fn entries(count: usize) -> Vec<TranscriptEntry> {
    (0..count)
        .map(|number| TranscriptEntry::new(None, Message::user(format!("message {number}"))))
        .collect()
}

/// Waits until the clock, which may be coarse in the store, shows a later time. It is the wall clock, which tokio's
/// paused time does not move.
async fn later() {
    let start = Timestamp::now();
    while Timestamp::now() < start + Duration::from_millis(2) {
        tokio::task::yield_now().await;
    }
}
