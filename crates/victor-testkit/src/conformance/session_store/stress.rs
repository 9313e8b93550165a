//! The laws of session stores that need unusual content, drops and races.

use std::sync::Arc;

use serde_json::json;
use victor_core::{
    Message, Part, Role, SessionId, ToolCall, ToolOutcome, ToolResult, TurnId, Usage,
};
use victor_session_protocol::{
    SessionError, SessionInfo, SessionPatch, SessionStore, TranscriptEntry,
};

use super::{append, entries, known, transcript};
use crate::conformance::{calm, drop_at_polls, succeed};
use crate::histories;

pub(super) async fn fidelity(store: &impl SessionStore) {
    let call = |id: &str| {
        let mut call = ToolCall::new(id, "read", "{ \"spaces\" :  1.0 , not json");
        call.idempotency_key = "key".into();
        call.extra.insert("later", json!([1]));
        call
    };
    let unknown =
        serde_json::from_value::<Part>(json!({ "type": "hologram", "later": { "a": 1 } }));
    let mut result = ToolResult::new(&call("c"), ToolOutcome::Other("half_done".into()), "ok");
    result.extra.insert("usage", json!(Usage::new(1, 2)));
    let message = Message::new(
        Role::Assistant,
        vec![call("c").into(), Part::text("text"), succeed(unknown)],
    )
    .pinned()
    .with_model("model".into())
    .with_extra("own", json!({ "deep": [null, "ü"] }));
    let mut entry = TranscriptEntry::new(Some(TurnId::generate()), message);
    entry
        .extra
        .insert("from_a_later_version", json!({ "a": [1, 2.5, "x"] }));
    let answer = TranscriptEntry::new(None, Message::tool_results_of([result]));
    let strange = TranscriptEntry::new(
        None,
        Message::new(Role::Other("narrator".into()), Vec::new()),
    );

    let mut batches = vec![vec![entry, answer, strange]];
    batches.extend(histories(1, 30).into_iter().map(|messages| {
        messages
            .iter()
            .map(|message| TranscriptEntry::new(None, message.clone()))
            .collect()
    }));
    for (number, batch) in batches.iter().enumerate() {
        let id = SessionId::new(format!("history {number}"));
        append(store, &id, 0, batch).await;
        let found = transcript(store, &id).await;
        law!(
            found.len() == batch.len(),
            "a transcript is what was appended, in order",
            "{} of {}",
            found.len(),
            batch.len()
        );
        for (found, written) in found.iter().zip(batch) {
            law!(
                found == written,
                "every field of an entry is kept",
                "{written:?} became {found:?}"
            );
        }
    }
}

pub(super) async fn sizes(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let many = entries(2000);
    let version = append(store, &id, 0, &many).await;
    law!(
        version == 2000,
        "an append returns the new version",
        "{version} for 2000 entries"
    );
    let large = [TranscriptEntry::new(
        None,
        Message::user("ä".repeat(1 << 20)),
    )];
    append(store, &id, 2000, &large).await;
    law!(
        transcript(store, &id).await == [many, large.to_vec()].concat(),
        "large transcripts and messages are kept",
        "2000 entries and one of 2 MiB"
    );
}

pub(super) async fn drops(store: &impl SessionStore) {
    let id = SessionId::new("s");
    append(store, &id, 0, &entries(3)).await;
    drop_at_polls(
        async || {
            let version = known(store, &id).await.entries;
            calm(store.append(&id, version, &entries(3))).await
        },
        async |polls| {
            let found = transcript(store, &id).await.len();
            law!(
                found.is_multiple_of(3),
                "a dropped write is whole or not there",
                "{found} entries after {polls} polls"
            );
        },
    )
    .await;
    // A dropped write may still be on its way; a writer that sees the conflict tries again.
    loop {
        let version = known(store, &id).await.entries;
        match calm(store.append(&id, version, &entries(3))).await {
            Err(SessionError::Conflict { .. }) => {}
            result => {
                succeed(result);
                break;
            }
        }
    }
}

pub(super) async fn races(store: Arc<impl SessionStore>) {
    const WRITERS: u64 = 8;
    let id = SessionId::new("s");
    for version in 0..20 {
        let writers = (0..WRITERS).map(|_| {
            let (store, id) = (Arc::clone(&store), id.clone());
            tokio::spawn(async move { store.append(&id, version, &entries(1)).await })
        });
        let mut won = 0;
        for writer in writers.collect::<Vec<_>>() {
            match calm(writer).await {
                Ok(Ok(_)) => won += 1,
                Ok(Err(SessionError::Conflict { .. })) => {}
                failure => law!(false, "who loses a race gets a conflict", "{failure:?}"),
            }
        }
        law!(
            won == 1,
            "exactly one of several racing writes wins",
            "{won} of {WRITERS} at version {version}"
        );
        let entries = transcript(&*store, &id).await.len() as u64;
        law!(
            entries == version + 1,
            "exactly one of several racing writes wins",
            "{entries} entries"
        );
    }
    let info = SessionInfo::new(SessionId::new("t"));
    let writers = (0..WRITERS).map(|_| {
        let (store, info) = (Arc::clone(&store), info.clone());
        tokio::spawn(async move { store.create(&info).await })
    });
    let mut won = 0;
    for writer in writers.collect::<Vec<_>>() {
        won += u64::from(matches!(calm(writer).await, Ok(Ok(()))));
    }
    law!(
        won == 1,
        "a session is created once",
        "{won} of {WRITERS} racing calls made it"
    );
}

/// Changes of what is known race with each other and with writes: none undoes another.
pub(super) async fn changes_race(store: Arc<impl SessionStore>) {
    const WRITERS: u64 = 8;
    let id = SessionId::new("s");
    append(&*store, &id, 0, &entries(1)).await;
    let appends = tokio::spawn({
        let (store, id) = (Arc::clone(&store), id.clone());
        async move {
            for version in 1..=WRITERS {
                store.append(&id, version, &entries(1)).await?;
                tokio::task::yield_now().await;
            }
            Ok::<_, SessionError>(())
        }
    });
    let changes = (0..WRITERS).map(|number| {
        let (store, id) = (Arc::clone(&store), id.clone());
        tokio::spawn(async move {
            let mut patch = SessionPatch::default();
            patch.add_tags.insert(number.to_string());
            patch.metadata.insert(number.to_string(), number.into());
            store.update(&id, &patch).await
        })
    });
    for change in changes.collect::<Vec<_>>() {
        succeed(succeed(calm(change).await));
    }
    succeed(succeed(calm(appends).await));
    let info = known(&*store, &id).await;
    law!(
        info.tags.len() as u64 == WRITERS
            && info.metadata.len() as u64 == WRITERS
            && info.entries == WRITERS + 1,
        "changes and writes that race are all kept",
        "{info:?}"
    );
}
