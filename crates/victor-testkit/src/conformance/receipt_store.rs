//! The laws of stores of receipts.

use std::sync::Arc;

use serde_json::json;
use victor_core::{Image, MediaSource, Part, SessionId, ToolCall, ToolOutcome, ToolResult};
use victor_tool_protocol::{Receipt, ReceiptStore};

use super::{NAMES, calm, drop_at_polls, succeed};

/// Number of receipts of one session that a suite has at the same time.
const MANY: usize = 500;

/// Checks a store of receipts. `make` makes a new and empty one.
///
/// Callers race in tasks of their own, so run it in a tokio test of flavor `multi_thread` to have them race in earnest.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime.
pub async fn receipt_store<S: ReceiptStore>(make: impl AsyncFn() -> S) {
    life(&make().await).await;
    fidelity(&make().await).await;
    isolation(&make().await).await;
    sizes(&make().await).await;
    drops(&make().await).await;
    races(Arc::new(make().await)).await;
}

/// A receipt from its beginning to its end.
async fn life(store: &impl ReceiptStore) {
    let id = SessionId::new("s");
    expect(store, &id, "k", Receipt::New, "a new key is new").await;
    for _ in 0..2 {
        expect(store, &id, "k", Receipt::Begun, "what began is told").await;
    }
    let done = result("done");
    for _ in 0..2 {
        // The second time as after an answer that got lost.
        succeed(calm(store.finish(&id, "k", &done)).await);
        let finished = Receipt::Finished(done.clone());
        expect(store, &id, "k", finished, "a result is given back").await;
    }

    let law = "what was withdrawn is new";
    succeed(calm(store.withdraw(&id, "never seen")).await);
    expect(store, &id, "never seen", Receipt::New, law).await;
    for _ in 0..2 {
        succeed(calm(store.withdraw(&id, "never seen")).await);
        expect(store, &id, "never seen", Receipt::New, law).await;
    }

    succeed(calm(store.forget(&"nobody".into())).await);
    let law = "what is withdrawn or forgotten leaves the rest";
    expect(store, &id, "k", Receipt::Finished(done), law).await;
    succeed(calm(store.forget(&id)).await);
    for key in ["k", "never seen"] {
        expect(store, &id, key, Receipt::New, "what is forgotten is new").await;
    }
}

async fn fidelity(store: &impl ReceiptStore) {
    let id = SessionId::new("s");
    let unknown =
        serde_json::from_value::<Part>(json!({ "type": "hologram", "later": { "a": 1 } }));
    let image = Image::new(MediaSource::Url("https://example.com/ü.png".into()));
    let content = vec![
        Part::text("zero \0, \u{202e}turned, 👩‍👩‍👧\r\n"),
        Part::text(""),
        Part::Image(image),
        succeed(unknown),
    ];
    let call = ToolCall::new("call \"1\"", "größe", "{}");
    let mut strange =
        ToolResult::with_parts(&call, ToolOutcome::Other("half_done".into()), content);
    strange
        .extra
        .insert("later", json!({ "deep": [null, 2.5] }));
    let empty = ToolResult::with_parts(&call, ToolOutcome::Success, Vec::new());
    for (key, result) in [("strange", strange), ("empty", empty)] {
        expect(store, &id, key, Receipt::New, "a new key is new").await;
        succeed(calm(store.finish(&id, key, &result)).await);
        let finished = Receipt::Finished(result);
        let law = "every field of a result is kept";
        expect(store, &id, key, finished, law).await;
    }
}

async fn isolation(store: &impl ReceiptStore) {
    let law = "sessions and keys are kept apart";
    let sessions = NAMES.map(SessionId::new);
    for session in &sessions {
        for key in NAMES {
            expect(store, session, key, Receipt::New, law).await;
            let result = result(&format!("{session} {key}"));
            succeed(calm(store.finish(session, key, &result)).await);
        }
    }
    succeed(calm(store.withdraw(&sessions[0], NAMES[0])).await);
    succeed(calm(store.forget(&sessions[1])).await);
    for (number, session) in sessions.iter().enumerate() {
        for key in NAMES {
            let gone = number == 1 || (number == 0 && key == NAMES[0]);
            let found = if gone {
                Receipt::New
            } else {
                Receipt::Finished(result(&format!("{session} {key}")))
            };
            expect(store, session, key, found, law).await;
        }
    }
}

async fn sizes(store: &impl ReceiptStore) {
    let id = SessionId::new("s");
    let law = "many and large receipts are kept";
    let text = |number| match number {
        0 => "ä".repeat(1 << 20),
        _ => format!("result {number}"),
    };
    for number in 0..MANY {
        let key = format!("turn/{number}");
        expect(store, &id, &key, Receipt::New, law).await;
        succeed(calm(store.finish(&id, &key, &result(&text(number)))).await);
    }
    for number in 0..MANY {
        let finished = Receipt::Finished(result(&text(number)));
        expect(store, &id, &format!("turn/{number}"), finished, law).await;
    }
}

/// Dropped calls, of which each may have happened.
async fn drops(store: &impl ReceiptStore) {
    let id = SessionId::new("s");
    let law = "a dropped write is whole or not there";
    let check = async |polls: usize, allowed: &[Receipt]| {
        let found = succeed(calm(store.begin(&id, "k")).await);
        law!(
            allowed.contains(&found),
            "a dropped write is whole or not there",
            "{found:?} after {polls} polls"
        );
    };
    let begun = [Receipt::New, Receipt::Begun];
    drop_at_polls(
        async || calm(store.begin(&id, "k")).await,
        async |polls| {
            check(polls, &begun).await;
            succeed(calm(store.withdraw(&id, "k")).await);
        },
    )
    .await;
    succeed(calm(store.begin(&id, "k")).await);
    let done = result("done");
    drop_at_polls(
        async || calm(store.finish(&id, "k", &done)).await,
        async |polls| check(polls, &[Receipt::Begun, Receipt::Finished(done.clone())]).await,
    )
    .await;
    succeed(calm(store.finish(&id, "k", &done)).await);
    expect(store, &id, "k", Receipt::Finished(done), law).await;
}

async fn races(store: Arc<impl ReceiptStore>) {
    const CALLERS: usize = 8;
    for number in 0..20 {
        let callers = (0..CALLERS).map(|_| {
            let store = Arc::clone(&store);
            let key = format!("k{number}");
            tokio::spawn(async move { store.begin(&"s".into(), &key).await })
        });
        let mut first = 0;
        for caller in callers.collect::<Vec<_>>() {
            match succeed(calm(caller).await) {
                Ok(Receipt::New) => first += 1,
                Ok(Receipt::Begun) => {}
                other => law!(false, "who is not the first is told so", "{other:?}"),
            }
        }
        law!(
            first == 1,
            "of several who begin, exactly one is the first",
            "{first} of {CALLERS}"
        );
    }
}

fn result(text: &str) -> ToolResult {
    ToolResult::new(
        &ToolCall::new("c", "write", "{}"),
        ToolOutcome::Success,
        text,
    )
}

/// Begins, and expects that this is known of the key.
async fn expect(
    store: &impl ReceiptStore,
    session: &SessionId,
    key: &str,
    expected: Receipt,
    law: &str,
) {
    let found = succeed(calm(store.begin(session, key)).await);
    let excerpt = |receipt: &Receipt| format!("{receipt:?}").chars().take(500).collect::<String>();
    assert!(
        found == expected,
        "law broken: {law}: `{key}` of `{session}` is {} and not {}",
        excerpt(&found),
        excerpt(&expected)
    );
}
