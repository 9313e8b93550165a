//! The laws of what is known of sessions: how it is changed, and how sessions are found by it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use victor_core::{JsonMap, SessionId, Timestamp};
use victor_session_protocol::{
    SessionError, SessionInfo, SessionPatch, SessionQuery, SessionStatus, SessionStore,
};

use super::{append, entries, known, later, transcript};
use crate::conformance::{calm, succeed};

/// The smallest difference of times that a store must keep.
const TICK: Duration = Duration::from_micros(1);

pub(super) fn words<const N: usize>(words: [&str; N]) -> BTreeSet<String> {
    words.map(str::to_owned).into()
}

/// A session of which everything is known that can be.
pub(super) fn full(name: &str) -> SessionInfo {
    let mut info = SessionInfo::new(SessionId::new(name));
    info.created_at -= Duration::from_secs(100);
    info.updated_at -= Duration::from_secs(50);
    info.title = Some("Über 'uns' \"100 %\"\n👩‍👩‍👧".into());
    info.tags = words(["a,b", "A", "a", " a", "日本 語", "\"q\"", "%", ""]);
    info.status = SessionStatus::Other("archived".into());
    info.expires_at = Some(info.created_at + Duration::from_secs(3600));
    info.metadata = JsonMap::from_iter([("own".into(), json!({ "deep": [1.5, null, "ü"] }))]);
    info.extra.insert("from_a_later_version", json!([1]));
    info
}

/// Whether one is the other, with times as exact as a store must keep them.
pub(super) fn same(one: &SessionInfo, other: &SessionInfo) -> bool {
    let near = |one: Timestamp, other: Timestamp| {
        one.max(other).saturating_duration_since(one.min(other)) <= TICK
    };
    let expiry = match (one.expires_at, other.expires_at) {
        (Some(one), Some(other)) => near(one, other),
        (one, other) => one == other,
    };
    let mut other_times = one.clone();
    other_times.created_at = other.created_at;
    other_times.updated_at = other.updated_at;
    other_times.expires_at = other.expires_at;
    expiry
        && near(one.created_at, other.created_at)
        && near(one.updated_at, other.updated_at)
        && other_times == *other
}

pub(super) async fn updates(store: &impl SessionStore) {
    let mut expected = full("s");
    succeed(calm(store.create(&expected)).await);
    let found = known(store, &expected.id).await;
    law!(
        same(&found, &expected),
        "what a session is created with is kept",
        "{expected:?} became {found:?}"
    );
    let other = full("t");
    succeed(calm(store.create(&other)).await);

    let mut missing = SessionPatch::default();
    missing.title = Some("x".into());
    let id = SessionId::new("nobody");
    let result = calm(store.update(&id, &missing)).await;
    law!(
        matches!(&result, Err(SessionError::NotFound(found)) if *found == id)
            && succeed(calm(store.info(&id)).await).is_none(),
        "a session that is not there cannot be changed",
        "{result:?}"
    );

    for patch in patches() {
        later().await;
        patch.apply(&mut expected);
        let told = succeed(calm(store.update(&expected.id, &patch)).await);
        law!(
            same(&told, &expected),
            "a change is that of the patch, and the rest stays",
            "{patch:?} made {told:?} instead of {expected:?}"
        );
        let found = known(store, &expected.id).await;
        law!(
            found == told,
            "a change returns what is known then",
            "{told:?}, but {found:?}"
        );
    }
    law!(
        same(&known(store, &other.id).await, &other),
        "sessions do not touch each other",
        "after a change"
    );

    let id = SessionId::new("written");
    let written = entries(2);
    append(store, &id, 0, &written).await;
    let mut patch = SessionPatch::default();
    patch.title = Some("Title".into());
    let told = succeed(calm(store.update(&id, &patch)).await);
    law!(
        told.entries == 2 && transcript(store, &id).await == written,
        "a change leaves the transcript as it is",
        "{told:?}"
    );
}

fn patches() -> Vec<SessionPatch> {
    let patch = |change: fn(&mut SessionPatch)| {
        let mut patch = SessionPatch::default();
        change(&mut patch);
        patch
    };
    vec![
        patch(|_| ()),
        patch(|patch| patch.title = Some("it's \\ \"new\"".into())),
        patch(|patch| patch.title = Some(String::new())),
        patch(|patch| patch.add_tags = words(["new", "a", "both"])),
        patch(|patch| {
            patch.add_tags = words(["both", "fleeting"]);
            patch.remove_tags = words(["A", "fleeting", "never there"]);
        }),
        patch(|patch| patch.status = Some(SessionStatus::Closed)),
        patch(|patch| patch.expires_at = Some(None)),
        patch(|patch| patch.expires_at = Some(Some(Timestamp::UNIX_EPOCH))),
        patch(|patch| {
            patch.metadata.insert("new".into(), json!({ "kept": null }));
            patch.metadata.insert("number".into(), json!(1));
        }),
        patch(|patch| {
            patch.metadata.insert("own".into(), json!(null));
            patch.metadata.insert("never there".into(), json!(null));
            patch.metadata.insert("number".into(), json!("2"));
        }),
        patch(|patch| {
            patch.title = Some("all at once".into());
            patch.status = Some(SessionStatus::Open);
            patch.metadata.insert("new".into(), json!([]));
        }),
    ]
}

/// Sessions that differ in everything by which one can look for them. Many were written at the same time.
fn shelf() -> Vec<SessionInfo> {
    let now = Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let titles = [
        Some("Release notes"),
        Some("release NOTES 100%"),
        Some("Über uns"),
        Some("über_uns"),
        Some("a'b\\c\"d"),
        Some("[x] *? d"),
        None,
    ];
    let tags = [
        words([]),
        words(["work"]),
        words(["work", "a,b"]),
        words(["WORK", "a"]),
        words(["wor_", "%"]),
    ];
    let names = ["b", "a", "B", "é", "z", "a_%", "Notes-7", "日本", "a'", "~"];
    let statuses = [
        SessionStatus::Open,
        SessionStatus::Closed,
        SessionStatus::Other("archived".into()),
    ];
    (0..30)
        .map(|number: u64| {
            let at = number as usize;
            let name = format!("{}{}", names[at % names.len()], at / names.len());
            let mut info = SessionInfo::new(SessionId::new(name));
            // Groups of ten share their time.
            info.updated_at = now + Duration::from_secs(number / 10);
            info.created_at = now;
            info.title = titles[at % titles.len()].map(str::to_owned);
            info.tags = tags[at % tags.len()].clone();
            info.status = statuses[at % statuses.len()].clone();
            let expires = now + Duration::from_secs(number);
            info.expires_at = number.is_multiple_of(4).then_some(expires);
            info
        })
        .collect()
}

fn questions() -> Vec<SessionQuery> {
    let now = Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let mut questions = vec![SessionQuery::default()];
    let mut ask = |change: &dyn Fn(&mut SessionQuery)| {
        let mut query = SessionQuery::default();
        change(&mut query);
        questions.push(query);
    };
    for text in [
        "",
        "notes",
        "NOTES",
        "Über",
        "über",
        "ÜBER",
        "%",
        "_",
        "\\",
        "'",
        "\"",
        "*",
        "?",
        "[x]",
        "%_'\\",
        "r_uns",
        "100%",
        "nothing like it",
        "é",
        "B0",
        "d a",
        "release notes 100%",
    ] {
        ask(&|query| query.text = Some(text.into()));
    }
    for tags in [
        words(["work"]),
        words(["a,b", "work"]),
        words(["a"]),
        words(["wor_"]),
        words(["%"]),
        words(["wor"]),
        words(["work", "%"]),
    ] {
        ask(&|query| query.tags = tags.clone());
    }
    for status in ["open", "closed", "archived", "Open", "%"] {
        ask(&|query| query.status = Some(SessionStatus::from(status)));
    }
    for seconds in [0, 8, 11, 100] {
        ask(&|query| query.expired_at = Some(now + Duration::from_secs(seconds)));
    }
    ask(&|query| query.expired_at = Some(now - Duration::from_secs(1)));
    ask(&|query| {
        query.text = Some("U".into());
        query.tags = words(["work"]);
        query.status = Some(SessionStatus::Open);
        query.expired_at = Some(now + Duration::from_secs(20));
    });
    questions
}

pub(super) async fn finding(store: &impl SessionStore) {
    for info in shelf() {
        succeed(calm(store.create(&info)).await);
    }
    let mut shelf = shelf();
    shelf.sort_by(|one, other| {
        (other.updated_at.cmp(&one.updated_at)).then_with(|| one.id.cmp(&other.id))
    });
    for query in questions() {
        let matching = shelf.iter().filter(|info| query.matches(info));
        let expected: Vec<_> = matching.cloned().collect();
        let found = find(store, &query).await;
        law!(
            names(&found).into_iter().collect::<BTreeSet<_>>()
                == names(&expected).into_iter().collect::<BTreeSet<_>>()
                && found.len() == expected.len(),
            "exactly the sessions to which all of a query applies are found",
            "{query:?}: {:?} instead of {:?}",
            names(&found),
            names(&expected)
        );
        law!(
            names(&found) == names(&expected),
            "sessions are found most recently written first, and at equal times by the bytes of their names",
            "{:?} instead of {:?}",
            names(&found),
            names(&expected)
        );
        for limit in [0, 1, 3, 10] {
            pages(store, query.clone(), limit, &expected).await;
        }
    }
    // A page begins behind a place, and not behind a session that must still be there.
    let page = find(store, &SessionQuery::first(4)).await;
    if let Some(last) = page.last() {
        succeed(calm(store.delete(&last.id)).await);
        let rest = find(store, &SessionQuery::default().after(last)).await;
        law!(
            names(&rest) == names(&shelf[4..]),
            "a page goes on behind a session that is gone",
            "{:?}",
            names(&rest)
        );
    }
}

async fn pages(
    store: &impl SessionStore,
    mut query: SessionQuery,
    limit: u32,
    expected: &[SessionInfo],
) {
    query.limit = Some(limit);
    let mut found = Vec::new();
    loop {
        let page = find(store, &query).await;
        law!(
            page.len() <= limit as usize,
            "no more sessions are found than were asked for",
            "{} instead of {limit}",
            page.len()
        );
        let Some(last) = page.last() else { break };
        query = query.after(last);
        found.extend(page);
        if found.len() > expected.len() {
            break;
        }
    }
    law!(
        limit == 0 || names(&found) == names(expected),
        "pages neither lose nor repeat a session",
        "{query:?}: {:?} instead of {:?}",
        names(&found),
        names(expected)
    );
}

async fn find(store: &impl SessionStore, query: &SessionQuery) -> Vec<SessionInfo> {
    succeed(calm(store.find(query)).await)
}

fn names(infos: &[SessionInfo]) -> Vec<&str> {
    infos.iter().map(|info| info.id.as_str()).collect()
}
