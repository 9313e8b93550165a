//! The laws of commits: entries and journal in one step, and sessions that are closed.

use std::time::Duration;

use serde_json::json;
use victor_core::{SessionId, TurnId};
use victor_session_protocol::{
    OpenTurn, SessionCommit, SessionError, SessionPatch, SessionStatus, SessionStore,
    TranscriptEntry, TurnChange,
};

use super::{append, entries, known, later, transcript};
use crate::conformance::{calm, succeed};

/// A turn that is somewhere, with all that a store could lose of it.
pub(super) fn turn(id: &SessionId, state: &str) -> OpenTurn {
    let state = format!("{{\"at\": \"{state}\",  \"text\": \"'ü👩‍👩‍👧\\n%_\" }}");
    let mut turn = OpenTurn::new(id.clone(), TurnId::generate(), state);
    turn.extra.insert("later", json!([null, 1.5]));
    turn
}

pub(super) async fn commit(
    store: &impl SessionStore,
    id: &SessionId,
    expected: u64,
    entries: &[TranscriptEntry],
    turn: TurnChange,
) -> Result<u64, SessionError> {
    let commit = SessionCommit::new(entries.to_vec(), turn);
    calm(store.commit(id, expected, &commit)).await
}

async fn journal(store: &impl SessionStore, id: &SessionId) -> Option<OpenTurn> {
    succeed(calm(store.open_turn(id)).await)
}

pub(super) async fn journals(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let missing = journal(store, &id).await;
    law!(
        missing.is_none(),
        "no turn runs where none was opened",
        "{missing:?}"
    );
    let first = turn(&id, "one");
    let early = commit(store, &id, 2, &entries(1), TurnChange::Open(first.clone())).await;
    law!(
        matches!(early, Err(SessionError::NotFound(_))),
        "a session that is not there is made by a first write only",
        "{early:?}"
    );
    law!(
        journal(store, &id).await.is_none(),
        "a commit that fails leaves the journal as it is",
        "of a session that is not there"
    );

    let written = entries(2);
    let version = commit(store, &id, 0, &written, TurnChange::Open(first.clone())).await;
    law!(
        matches!(version, Ok(2)),
        "a commit returns the new version",
        "{version:?} for 2 entries and a journal"
    );
    let (found, open) = (transcript(store, &id).await, journal(store, &id).await);
    law!(
        found == written && open.as_ref() == Some(&first),
        "a commit writes entries and journal together, every field of both",
        "{found:?}, {open:?} for {first:?}"
    );
    append(store, &id, 2, &entries(1)).await;
    law!(
        journal(store, &id).await.as_ref() == Some(&first),
        "a commit that says nothing of the journal leaves it as it is",
        "after an append"
    );
    let second = turn(&id, &"long".repeat(1 << 16));
    succeed(commit(store, &id, 3, &entries(1), TurnChange::Open(second.clone())).await);
    law!(
        journal(store, &id).await.as_ref() == Some(&second),
        "the journal says where the turn was last",
        "after a second commit"
    );
    losers(store, &id, &second).await;
    succeed(commit(store, &id, 4, &entries(1), TurnChange::Close).await);
    let left = journal(store, &id).await;
    law!(
        left.is_none(),
        "a journal that is closed is gone",
        "{left:?}"
    );
    law!(
        succeed(calm(store.open_turns()).await).is_empty(),
        "a journal that is closed is gone",
        "it is still listed"
    );
    // Twice does no harm.
    succeed(commit(store, &id, 5, &[], TurnChange::Close).await);
    without_entries(store).await;
}

/// Commits to a session of four entries, at other versions.
async fn losers(store: &impl SessionStore, id: &SessionId, open: &OpenTurn) {
    for batch in [entries(1), Vec::new()] {
        for change in [TurnChange::Open(turn(id, "lost")), TurnChange::Close] {
            let late = commit(store, id, 3, &batch, change.clone()).await;
            law!(
                matches!(
                    &late,
                    Err(SessionError::Conflict {
                        expected: 3,
                        found: 4,
                        ..
                    })
                ),
                "a commit at another version is a conflict, also without entries",
                "{late:?} for {} entries",
                batch.len()
            );
            law!(
                journal(store, id).await.as_ref() == Some(open),
                "a commit that fails leaves the journal as it is",
                "{change:?}"
            );
        }
    }
}

async fn without_entries(store: &impl SessionStore) {
    let id = SessionId::new("t");
    let open = turn(&id, "begun");
    let version = commit(store, &id, 0, &[], TurnChange::Open(open.clone())).await;
    law!(
        matches!(version, Ok(0)) && journal(store, &id).await.as_ref() == Some(&open),
        "a first commit makes the session, also without entries",
        "{version:?}"
    );
    let before = known(store, &id).await;
    later().await;
    succeed(commit(store, &id, 0, &[], TurnChange::Open(turn(&id, "on"))).await);
    let after = known(store, &id).await;
    law!(
        after == before,
        "a commit without entries leaves what is known of the session as it is",
        "{before:?} became {after:?}"
    );
}

pub(super) async fn open_turns(store: &impl SessionStore) {
    let mut turns = Vec::new();
    for (name, age) in [("a", 20), ("b", 40), ("c", 10), ("d", 30)] {
        let id = SessionId::new(name);
        let mut open = turn(&id, name);
        open.at -= Duration::from_secs(age);
        succeed(commit(store, &id, 0, &entries(1), TurnChange::Open(open.clone())).await);
        turns.push(open);
    }
    append(store, &SessionId::new("idle"), 0, &entries(1)).await;
    turns.sort_by_key(|turn| turn.at);
    let listed = succeed(calm(store.open_turns()).await);
    law!(
        listed == turns,
        "the turns that run are listed once, oldest first",
        "{listed:?}"
    );

    let deleted = turns.remove(1).session;
    succeed(calm(store.delete(&deleted)).await);
    let left = succeed(calm(store.open_turns()).await);
    law!(
        left == turns && journal(store, &deleted).await.is_none(),
        "a session is deleted with its journal",
        "{left:?}"
    );
    append(store, &deleted, 0, &entries(1)).await;
    law!(
        journal(store, &deleted).await.is_none(),
        "a session is deleted with its journal",
        "it came back with the name"
    );
}

pub(super) async fn closed(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let open = turn(&id, "open");
    let written = entries(2);
    succeed(commit(store, &id, 0, &written, TurnChange::Open(open.clone())).await);
    for status in [
        SessionStatus::Closed,
        SessionStatus::Other("archived".into()),
    ] {
        set_status(store, &id, status.clone()).await;
        let before = known(store, &id).await;
        for (batch, change) in [
            (entries(1), TurnChange::Keep),
            (Vec::new(), TurnChange::Keep),
            (Vec::new(), TurnChange::Close),
        ] {
            let refused = commit(store, &id, 2, &batch, change).await;
            law!(
                matches!(&refused, Err(SessionError::Closed(found)) if *found == id),
                "a session that is not open refuses every commit",
                "{status}: {refused:?}"
            );
        }
        law!(
            transcript(store, &id).await == written
                && journal(store, &id).await.as_ref() == Some(&open)
                && known(store, &id).await == before,
            "a session that is not open is read as any other",
            "{status}"
        );
    }
    set_status(store, &id, SessionStatus::Open).await;
    let again = commit(store, &id, 2, &entries(1), TurnChange::Close).await;
    law!(
        matches!(again, Ok(3)),
        "a session that is opened again goes on",
        "{again:?}"
    );
}

async fn set_status(store: &impl SessionStore, id: &SessionId, status: SessionStatus) {
    let mut patch = SessionPatch::default();
    patch.status = Some(status);
    succeed(calm(store.update(id, &patch)).await);
}
