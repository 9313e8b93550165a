//! The laws of session managers.

mod turns;
mod whole;

use std::sync::Arc;

use serde_json::json;
use victor_core::{JsonMap, Message, MessageId, SessionId, TurnId};
use victor_session_protocol::{
    OpenTurn, SessionManager, SessionManagerExt as _, TranscriptEntry, TurnChange, TurnLease,
};

use super::puppet::ends;
use super::{calm, life, succeed};

/// Checks a manager. `make` makes one whose store is empty.
///
/// # Panics
///
/// A law is broken.
pub async fn session_manager<M: SessionManager>(make: impl AsyncFn() -> M) {
    turns::one_at_a_time(&make().await).await;
    turns::policies(&make().await).await;
    turns::merging(&make().await).await;
    turns::drops(&make().await).await;
    writes(&make().await).await;
    races(&make().await).await;
    abandoned(&make().await).await;
    whole::resets(&make().await).await;
    whole::closes(&make().await).await;
    whole::deletes(&make().await).await;
    whole::expires(&make().await).await;
    whole::imports(&make().await).await;
    lives(&make().await).await;
}

async fn writes(manager: &impl SessionManager) {
    let (session, turn) = (SessionId::new("s"), TurnId::generate());
    let lease = begun(manager, &session).await;
    law!(
        lease.session() == &session && lease.version().is_none_or(|version| version == 0),
        "a lease is that of its session, with the length of its transcript",
        "{lease:?} at {:?}",
        lease.version()
    );
    let messages = [Message::user("one"), Message::assistant("two")].map(Arc::new);
    let facts = JsonMap::from_iter([("mode".to_owned(), json!("plan"))]);
    let open = TurnChange::Open(OpenTurn::new(session.clone(), turn, r#"{"at":1}"#));
    succeed(calm(manager.commit(&lease, turn, &messages, open, &facts)).await);
    let ids = messages.each_ref().map(|message| message.id());
    let (found, info) = (
        written(manager, &session).await,
        succeed(calm(manager.session_info(&session)).await),
    );
    law!(
        found == ids,
        "a commit writes its messages in order",
        "{found:?}"
    );
    law!(
        info.as_ref()
            .is_some_and(|info| info.metadata.get("mode") == Some(&json!("plan"))),
        "a commit sets its facts in the metadata of the session",
        "{info:?}"
    );
    let entries = succeed(calm(manager.transcript(&session)).await);
    law!(
        entries.iter().all(|entry| entry.turn == Some(turn)),
        "an entry names the turn that wrote it",
        "{entries:?}"
    );
    let journal = succeed(calm(manager.open_turn(&session)).await);
    law!(
        !manager.persists_turns() || journal.as_ref().is_some_and(|open| open.turn == turn),
        "a commit opens the journal of its turn",
        "{journal:?}"
    );

    // A turn that does not know what became of its last commit sends all again.
    let third = Arc::new(Message::assistant("three"));
    let all = [&messages[..], std::slice::from_ref(&third)].concat();
    succeed(calm(manager.record(&lease, turn, &all)).await);
    let found = written(manager, &session).await;
    law!(
        found == [ids[0], ids[1], third.id()],
        "messages that are written are not written again",
        "{found:?}"
    );
    succeed(calm(manager.commit(&lease, turn, &[], TurnChange::Close, &JsonMap::new())).await);
    let journal = succeed(calm(manager.open_turn(&session)).await);
    law!(
        journal.is_none(),
        "a commit closes the journal of its turn",
        "{journal:?}"
    );
    drop(lease);
    let lease = begun(manager, &session).await;
    law!(
        lease.version().is_none_or(|version| version == 3),
        "a lease is that of its session, with the length of its transcript",
        "{:?} of 3",
        lease.version()
    );
}

/// Somebody else writes to the store while a turn runs.
async fn races(manager: &impl SessionManager) {
    let (session, turn) = (SessionId::new("s"), TurnId::generate());
    let lease = begun(manager, &session).await;
    let first = Arc::new(Message::user("one"));
    succeed(calm(manager.record(&lease, turn, std::slice::from_ref(&first))).await);
    let other = TranscriptEntry::new(None, Message::user("faster"));
    let expected = [first.id(), other.message.id()];
    succeed(calm(manager.store().append(&session, 1, &[other])).await);
    for text in ["two", "three"] {
        let late = [Arc::new(Message::assistant(text))];
        let result = calm(manager.record(&lease, turn, &late)).await;
        law!(
            matches!(&result, Err(error) if error.is_conflict()),
            "a turn that has lost to another writer writes nothing more",
            "{result:?}"
        );
        let found = written(manager, &session).await;
        law!(
            found == expected,
            "a turn that has lost to another writer writes nothing more",
            "{found:?}"
        );
    }
    drop(lease);
    let lease = begun(manager, &session).await;
    let next = Arc::new(Message::user("next"));
    let result = calm(manager.record(&lease, TurnId::generate(), &[next])).await;
    law!(
        result.is_ok(),
        "a turn begins behind everything that was written before",
        "{result:?}"
    );
    let foreign = TurnLease::new(session.clone(), ());
    let before = written(manager, &session).await;
    let result = calm(manager.record(&foreign, turn, &[Arc::new(Message::user("no"))])).await;
    law!(
        result.is_err() && written(manager, &session).await == before,
        "a lease of another manager is no right to write",
        "{result:?}"
    );
}

async fn abandoned(manager: &impl SessionManager) {
    let (session, turn) = (SessionId::new("s"), TurnId::generate());
    let lease = begun(manager, &session).await;
    let open = TurnChange::Open(OpenTurn::new(session.clone(), turn, "{}"));
    let first = Arc::new(Message::user("one"));
    succeed(
        calm(manager.commit(
            &lease,
            turn,
            std::slice::from_ref(&first),
            open,
            &JsonMap::new(),
        ))
        .await,
    );
    let rest = Arc::new(Message::assistant("stopped"));
    let facts = JsonMap::from_iter([("mode".to_owned(), json!("plan"))]);
    super::guarded(|| manager.record_abandoned(lease, turn, vec![rest.clone()], facts));
    // Behind it, so that it is written by then.
    let lease = begun(manager, &session).await;
    let found = written(manager, &session).await;
    law!(
        found == [first.id(), rest.id()],
        "messages of an abandoned turn are written before the next turn begins",
        "{found:?}"
    );
    let info = succeed(calm(manager.session_info(&session)).await);
    law!(
        info.is_some_and(|info| info.metadata.get("mode") == Some(&json!("plan"))),
        "facts of an abandoned turn are written with its messages"
    );
    let journal = succeed(calm(manager.open_turn(&session)).await);
    law!(
        journal.is_none(),
        "an abandoned turn is closed in the journal",
        "{journal:?}"
    );
    drop(lease);
}

async fn lives(manager: &impl SessionManager) {
    life::begins(manager).await;
    let session = SessionId::new("s");
    drop(begun(manager, &session).await);
    life::ends(manager).await;
    let result = calm(manager.begin_turn(&session)).await;
    law!(
        result.is_err(),
        "no turn begins after the shutdown",
        "{result:?}"
    );
}

/// Begins a turn in a session that is free.
async fn begun(manager: &impl SessionManager, session: &SessionId) -> TurnLease {
    succeed(ends(manager.begin_turn(session)).await)
}

/// Writes one message in a turn of its own.
async fn record_one(manager: &impl SessionManager, session: &SessionId, text: &str) {
    let lease = begun(manager, session).await;
    let message = Arc::new(Message::user(text));
    succeed(calm(manager.record(&lease, TurnId::generate(), &[message])).await);
}

async fn written(manager: &impl SessionManager, session: &SessionId) -> Vec<MessageId> {
    let entries = succeed(calm(manager.transcript(session)).await);
    entries.iter().map(|entry| entry.message.id()).collect()
}
