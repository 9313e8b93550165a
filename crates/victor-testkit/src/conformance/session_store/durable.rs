//! The laws of session stores that outlive their process.

use victor_core::SessionId;
use victor_session_protocol::{
    OpenTurn, SessionError, SessionInfo, SessionPatch, SessionStatus, SessionStore,
    TranscriptEntry, TurnChange,
};

use super::commits::{commit, turn};
use super::leases;
use super::queries::{full, words};
use super::{append, entries, transcript};
use crate::conformance::{calm, succeed};

/// Checks a store that is durable. `open` opens the same storage each time it is called; the first time it is empty.
/// What it returned before may still be there, as the store of another process would, or have been dropped.
///
/// It comes beside [`session_store`](super::session_store), which checks the laws of every store.
///
/// # Panics
///
/// A law is broken.
pub async fn durable_session_store<S: SessionStore>(open: impl AsyncFn() -> S) {
    let id = SessionId::new("'s");
    let store = open().await;
    law!(store.persists_turns(), "a durable store says that it is");
    fill(&store, &id).await;
    let before = everything(&store).await;
    drop(store);

    let store = open().await;
    let after = everything(&store).await;
    law!(
        before.0 == after.0,
        "what is known of sessions is there after reopening",
        "{:?} became {:?}",
        before.0,
        after.0
    );
    law!(
        before.1 == after.1,
        "transcripts are there after reopening",
        "{:?} became {:?}",
        before.1,
        after.1
    );
    law!(
        before.2 == after.2,
        "journals are there after reopening",
        "{:?} became {:?}",
        before.2,
        after.2
    );
    let late = calm(store.append(&id, 2, &entries(1))).await;
    law!(
        matches!(
            late,
            Err(SessionError::Conflict {
                expected: 2,
                found: 3,
                ..
            })
        ),
        "versions hold after reopening",
        "{late:?}"
    );
    append(&store, &id, 3, &entries(1)).await;

    // Two processes on one storage.
    let other = open().await;
    let first = calm(other.append(&id, 4, &entries(1))).await;
    let late = calm(store.append(&id, 4, &entries(1))).await;
    law!(
        matches!(first, Ok(5))
            && matches!(
                late,
                Err(SessionError::Conflict {
                    expected: 4,
                    found: 5,
                    ..
                })
            )
            && transcript(&store, &id).await == transcript(&other, &id).await,
        "stores that are open side by side see each other's writes",
        "{first:?}, {late:?}"
    );
    if store.leases() {
        leases::side_by_side(&store, &other).await;
    }
}

/// Writes something of every kind.
async fn fill(store: &impl SessionStore, id: &SessionId) {
    let open = turn(id, "here");
    succeed(
        commit(
            store,
            id,
            0,
            &entries(1),
            TurnChange::Open(turn(id, "gone")),
        )
        .await,
    );
    succeed(commit(store, id, 1, &entries(2), TurnChange::Open(open)).await);
    succeed(calm(store.create(&full("created"))).await);
    let mut patch = SessionPatch::default();
    patch.title = Some("Title".into());
    patch.add_tags = words(["x", "y"]);
    patch.metadata.insert("key".into(), 1.into());
    succeed(calm(store.update(id, &patch)).await);
    for gone in ["closed", "deleted"].map(SessionId::new) {
        succeed(
            commit(
                store,
                &gone,
                0,
                &entries(1),
                TurnChange::Open(turn(&gone, "x")),
            )
            .await,
        );
        succeed(commit(store, &gone, 1, &[], TurnChange::Close).await);
    }
    let mut closing = SessionPatch::default();
    closing.status = Some(SessionStatus::Closed);
    succeed(calm(store.update(&SessionId::new("closed"), &closing)).await);
    succeed(calm(store.delete(&SessionId::new("deleted"))).await);
}

type Everything = (Vec<SessionInfo>, Vec<Vec<TranscriptEntry>>, Vec<OpenTurn>);

async fn everything(store: &impl SessionStore) -> Everything {
    let infos = succeed(calm(store.list()).await);
    let mut transcripts = Vec::new();
    for info in &infos {
        transcripts.push(transcript(store, &info.id).await);
    }
    (infos, transcripts, succeed(calm(store.open_turns()).await))
}
