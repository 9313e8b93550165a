//! The laws of writes that are several things at once, and one write: sessions that are brought in, commits, and
//! clearing.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{JsonMap, SessionId};
use victor_session_protocol::{
    OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionStatus, SessionStore,
    TurnChange,
};

use super::commits::{commit, turn};
use super::queries::{full, same};
use super::{append, entries, known, transcript};
use crate::conformance::{DROPS, calm, drop_at_polls, succeed};
use crate::poll_at_most;

/// Name of the fact that holds the expected number of entries.
const COUNT: &str = "count";

pub(super) async fn imports(store: &impl SessionStore) {
    let info = full("s");
    let written = entries(3);
    succeed(calm(store.create_with(&info, &written)).await);
    let found = known(store, &info.id).await;
    let mut expected = info.clone();
    expected.entries = 3;
    law!(
        same(&found, &expected),
        "a session is brought in with all that is known of it, whatever its status",
        "{expected:?} became {found:?}"
    );
    law!(
        transcript(store, &info.id).await == written,
        "a session is brought in with its transcript"
    );
    let again = calm(store.create_with(&info, &entries(1))).await;
    law!(
        matches!(&again, Err(SessionError::AlreadyExists(found)) if *found == info.id)
            && transcript(store, &info.id).await == written,
        "nothing is brought in over a session that is there",
        "{again:?}"
    );
    let many = entries(500);
    let mut number = 0;
    let name = |number: usize| SessionId::new(format!("import {number}"));
    drop_at_polls(
        async || {
            number += 1;
            let mut info = full(name(number).as_str());
            info.status = SessionStatus::Closed;
            calm(store.create_with(&info, &many)).await
        },
        async |polls| {
            let id = name(polls);
            let Some(info) = succeed(calm(store.info(&id)).await) else {
                return;
            };
            let found = transcript(store, &id).await.len();
            law!(
                found == many.len() && info.status == SessionStatus::Closed,
                "a dropped import is whole or not there",
                "{found} entries and {info:?} after {polls} polls"
            );
        },
    )
    .await;
}

/// Commits of which one may be dropped: so many entries, with a journal and a fact that tell how many there are then.
fn counting(id: &SessionId, before: u64) -> SessionCommit {
    let count = before + 3;
    let change = match (count / 3) % 4 {
        0 => TurnChange::Close,
        _ => {
            let mut open = turn(id, "here");
            open.state = count.to_string();
            TurnChange::Open(open)
        }
    };
    let facts = JsonMap::from_iter([(COUNT.to_owned(), json!(count))]);
    SessionCommit::new(entries(3), change).with_metadata(facts)
}

/// Checks that entries, journal and facts are those of one commit.
async fn agree(store: &impl SessionStore, id: &SessionId, when: &str) {
    // Somebody may be writing: what was the same before and after is of one moment.
    let (info, open, entries) = loop {
        let before = known(store, id).await;
        let open = succeed(calm(store.open_turn(id)).await);
        let entries = transcript(store, id).await.len() as u64;
        if known(store, id).await == before {
            break (before, open, entries);
        }
    };
    let state = open.map(|open: OpenTurn| open.state);
    let expected = match (entries / 3) % 4 {
        0 => None,
        _ => Some(entries.to_string()),
    };
    law!(
        state == expected || entries == 0,
        "entries and journal are one write",
        "{entries} entries and the journal {state:?} {when}"
    );
    let fact = info.metadata.get(COUNT).and_then(Value::as_u64);
    law!(
        fact.unwrap_or_default() == entries && info.entries == entries,
        "entries and facts are one write",
        "{entries} entries and {info:?} {when}"
    );
}

pub(super) async fn commits(store: &impl SessionStore) {
    facts(store).await;
    let id = SessionId::new("dropped");
    for _ in 0..4 {
        drop_at_polls(
            async || {
                let info = succeed(calm(store.info(&id)).await);
                let before = info.map_or(0, |info| info.entries);
                calm(store.commit(&id, before, &counting(&id, before))).await
            },
            async |polls| {
                if succeed(calm(store.info(&id)).await).is_some() {
                    agree(store, &id, &format!("after {polls} polls")).await;
                }
            },
        )
        .await;
        agree(store, &id, "after a commit").await;
    }
}

async fn facts(store: &impl SessionStore) {
    let id = SessionId::new("facts");
    let facts = |value: Value| JsonMap::from_iter([("own".to_owned(), value)]);
    let of = async |store, id| known(store, id).await.metadata.get("own").cloned();
    let begin = SessionCommit::new(entries(1), TurnChange::Keep).with_metadata(facts(json!("a")));
    succeed(calm(store.commit(&id, 0, &begin)).await);
    let found = of(store, &id).await;
    law!(
        found == Some(json!("a")),
        "a session that a commit makes begins with its facts",
        "{found:?}"
    );
    let set = |value| SessionCommit::new(Vec::new(), TurnChange::Keep).with_metadata(facts(value));
    let late = calm(store.commit(&id, 0, &set(json!("lost")))).await;
    law!(
        late.is_err() && of(store, &id).await == Some(json!("a")),
        "a commit that fails sets no facts",
        "{late:?}"
    );
    let deep = json!({ "deep": [1.5, null, "ü"] });
    succeed(calm(store.commit(&id, 1, &set(deep.clone()))).await);
    append(store, &id, 1, &entries(1)).await;
    let found = of(store, &id).await;
    law!(
        found == Some(deep),
        "a commit sets its facts and leaves the others",
        "{found:?}"
    );
    succeed(calm(store.commit(&id, 2, &set(Value::Null))).await);
    let found = of(store, &id).await;
    law!(
        found.is_none(),
        "a fact that is null is taken away",
        "{found:?}"
    );
}

pub(super) async fn racing_commits(store: Arc<impl SessionStore>) {
    const WRITERS: u64 = 6;
    let id = SessionId::new("s");
    for version in (0..30).step_by(3) {
        let writers = (0..WRITERS).map(|_| {
            let (store, id) = (Arc::clone(&store), id.clone());
            tokio::spawn(async move { store.commit(&id, version, &counting(&id, version)).await })
        });
        let writers: Vec<_> = writers.collect();
        let mut won = 0;
        for writer in writers {
            match calm(writer).await {
                Ok(Ok(_)) => won += 1,
                Ok(Err(SessionError::Conflict { .. })) => {}
                failure => law!(false, "who loses a race gets a conflict", "{failure:?}"),
            }
        }
        law!(
            won == 1,
            "exactly one of several racing commits wins",
            "{won} of {WRITERS} at version {version}"
        );
        agree(&*store, &id, "after a race").await;
    }
}

pub(super) async fn clearing(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let missing = calm(store.clear(&id, &SessionPatch::default())).await;
    law!(
        matches!(&missing, Err(SessionError::NotFound(found)) if *found == id),
        "a session that is not there cannot be cleared",
        "{missing:?}"
    );
    let mut info = full("s");
    info.status = SessionStatus::Open;
    succeed(calm(store.create(&info)).await);
    let open = TurnChange::Open(turn(&id, "here"));
    succeed(commit(store, &id, 0, &entries(3), open).await);
    let mut before = known(store, &id).await;
    let patch = SessionPatch::default()
        .with_metadata("own", Value::Null)
        .with_metadata("new", 1);
    let told = succeed(calm(store.clear(&id, &patch)).await);
    patch.apply(&mut before);
    before.entries = 0;
    let found = known(store, &id).await;
    law!(
        told == before && found == before,
        "a session that is cleared keeps all but what the patch changes",
        "{before:?} became {told:?} and {found:?}"
    );
    law!(
        transcript(store, &id).await.is_empty()
            && succeed(calm(store.open_turn(&id)).await).is_none(),
        "a session that is cleared has no entries and no journal"
    );
    append(store, &id, 0, &entries(2)).await;

    let closing = SessionPatch::default().with_status(SessionStatus::Closed);
    succeed(calm(store.update(&id, &closing)).await);
    let refused = calm(store.clear(&id, &patch)).await;
    law!(
        matches!(&refused, Err(SessionError::Closed(found)) if *found == id)
            && transcript(store, &id).await.len() == 2,
        "a session that is not open is not cleared",
        "{refused:?}"
    );
    dropped_clearing(store).await;
}

async fn dropped_clearing(store: &impl SessionStore) {
    let id = SessionId::new("dropped");
    let patch = SessionPatch::default().with_title("cleared");
    for polls in 1..=DROPS {
        succeed(calm(store.delete(&id)).await);
        let info = SessionInfo::new(id.clone());
        succeed(calm(store.create_with(&info, &entries(3))).await);
        let done = poll_at_most(polls, calm(store.clear(&id, &patch))).await;
        // It may still be on its way: what was the same before and after is of one moment.
        let (info, found) = loop {
            let before = succeed(calm(store.info(&id)).await);
            let found = calm(store.load(&id, 0)).await.unwrap_or_default();
            if succeed(calm(store.info(&id)).await) == before {
                break (before, found);
            }
        };
        let title = info.as_ref().and_then(|info| info.title.as_deref());
        law!(
            match found.len() {
                0 => title == Some("cleared"),
                3 => title.is_none(),
                _ => false,
            },
            "a dropped clearing is whole or not there",
            "{} entries and {info:?} after {polls} polls",
            found.len()
        );
        if done.is_some() {
            return;
        }
    }
}
