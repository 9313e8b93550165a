//! The laws of stores of large results.

use futures_util::future::join_all;
use victor_core::SessionId;
use victor_tool_protocol::{ResultPage, ResultStore};

use super::{NAMES, SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// A text in which characters have one to four bytes, with what stores may trip over.
const TEXT: &str = "a\0é\r\n東\u{feff}👩\u{200d}👧\u{301} '; --";

/// Checks a store of large results. `make` makes a new and empty one, which must have room for 16 MiB.
///
/// # Panics
///
/// A law is broken.
pub async fn result_store<S: ResultStore>(make: impl AsyncFn() -> S) {
    life(&make().await).await;
    pages(&make().await).await;
    isolation(&make().await).await;
    sizes(&make().await).await;
    drops(&make().await).await;
}

/// A text from its beginning to its end.
async fn life(store: &impl ResultStore) {
    let id = SessionId::new("s");
    expect(store, &id, "h", None, "what was never put is not there").await;
    for text in ["first", "", TEXT, "a second one, which is longer"] {
        succeed(calm(store.put(&id, "h", text)).await);
        expect(store, &id, "h", Some(text), "what was put last is there").await;
    }
    succeed(calm(store.put(&id, "i", "other")).await);
    succeed(calm(store.forget(&"nobody".into())).await);
    let law = "what is forgotten leaves the rest";
    expect(store, &id, "i", Some("other"), law).await;
    succeed(calm(store.forget(&id)).await);
    for handle in ["h", "i"] {
        expect(store, &id, handle, None, "what is forgotten is gone").await;
    }
}

async fn pages(store: &impl ResultStore) {
    let id = SessionId::new("s");
    succeed(calm(store.put(&id, "h", TEXT)).await);
    let length = TEXT.len() as u64;
    for offset in (0..=length + 1).chain([u64::MAX >> 1, u64::MAX]) {
        for max_bytes in (0..7).chain([TEXT.len(), usize::MAX]) {
            let found = succeed(calm(store.read(&id, "h", offset, max_bytes)).await);
            let expected = ResultPage::of(TEXT, offset, max_bytes);
            law!(
                found.as_ref() == Some(&expected),
                "a page is what `ResultPage::of` cuts",
                "from {offset} at most {max_bytes}: {found:?} and not {expected:?}"
            );
        }
    }
}

async fn isolation(store: &impl ResultStore) {
    let law = "sessions and handles are kept apart";
    let sessions = NAMES.map(SessionId::new);
    let text = |session: &SessionId, handle: &str| format!("{session} {handle}");
    for session in &sessions {
        for handle in NAMES {
            expect(store, session, handle, None, law).await;
            succeed(calm(store.put(session, handle, &text(session, handle))).await);
        }
    }
    succeed(calm(store.forget(&sessions[1])).await);
    for (number, session) in sessions.iter().enumerate() {
        for handle in NAMES {
            let there = (number != 1).then(|| text(session, handle));
            expect(store, session, handle, there.as_deref(), law).await;
        }
    }
}

async fn sizes(store: &impl ResultStore) {
    let id = SessionId::new("s");
    let large: String = (0..1 << 20).map(|line| format!("{line:7}\n")).collect();
    succeed(calm(store.put(&id, "h", &large)).await);
    // Side by side, pages that do not fall on a character in the next text.
    let offsets = (0..large.len() as u64).step_by(1_000_003);
    let read = offsets.map(async |offset| {
        let page = succeed(calm(store.read(&id, "h", offset, 1_000_003)).await);
        page.map(|page| page.text).unwrap_or_default()
    });
    let whole = join_all(read).await.concat();
    law!(
        whole == large,
        "a large text can be paged through",
        "{} bytes of {}",
        whole.len(),
        large.len()
    );
    let put = (0..SIDE_BY_SIDE).map(async |number| {
        let handle = number.to_string();
        succeed(calm(store.put(&id, &handle, &handle)).await);
    });
    join_all(put).await;
    for number in 0..SIDE_BY_SIDE {
        let text = number.to_string();
        let law = "calls side by side are independent";
        expect(store, &id, &text, Some(&text), law).await;
    }
}

async fn drops(store: &impl ResultStore) {
    let id = SessionId::new("s");
    let (old, new) = ("old ".repeat(1_000), "new ".repeat(2_000));
    succeed(calm(store.put(&id, "h", &old)).await);
    drop_at_polls(
        async || calm(store.put(&id, "h", &new)).await,
        async |polls| {
            let found = succeed(calm(store.read(&id, "h", 0, usize::MAX)).await);
            let whole = found
                .as_ref()
                .is_some_and(|page| page.text == old || page.text == new);
            law!(
                whole,
                "a dropped write is whole or not there",
                "after {polls} polls"
            );
        },
    )
    .await;
    succeed(calm(store.put(&id, "h", &new)).await);
    expect(store, &id, "h", Some(&new), "what was put last is there").await;
}

/// Expects that this is the whole text under the handle.
async fn expect(
    store: &impl ResultStore,
    session: &SessionId,
    handle: &str,
    expected: Option<&str>,
    law: &str,
) {
    let found = succeed(calm(store.read(session, handle, 0, usize::MAX)).await);
    let expected = expected.map(|text| ResultPage::of(text, 0, usize::MAX));
    assert!(
        found == expected,
        "law broken: {law}: `{handle}` of `{session}` is {found:?} and not {expected:?}"
    );
}
