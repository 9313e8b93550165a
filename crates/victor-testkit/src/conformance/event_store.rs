//! The laws of stores of events.

use std::sync::Arc;

use victor_analytics_protocol::{AnalyticsEvent, EventPosition, EventQuery, EventStore};
use victor_core::Timestamp;

use super::{calm, succeed};

/// Events that a store must have before it is checked by [`event_store`].
#[must_use]
pub fn stored_events() -> Vec<AnalyticsEvent> {
    [
        (3, Some("one"), "b", &["x"][..]),
        (1, Some("one"), "a", &["x", "y\0"]),
        (2, Some("other\0"), "a", &[]),
        (4, None, "c\0", &["y"]),
    ]
    .into_iter()
    .map(|(second, session, kind, tags)| {
        let mut event = AnalyticsEvent::new(kind).with("second", second);
        event.timestamp = at(second);
        event.session_id = session.map(Into::into);
        event.tags = tags.iter().map(|tag| Arc::from(*tag)).collect();
        event
    })
    .collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_micros(second * 1_000_000).expect("a time of this century")
}

/// Checks a store that has the [`stored_events`] and no others.
///
/// The laws: events are found by time, kind, session and tag, in the order of time, page by page.
///
/// # Panics
///
/// A law is broken.
pub async fn event_store<S: EventStore + ?Sized>(store: &S) {
    let any = EventQuery::default;
    for (query, expected) in [
        (any(), &[1, 2, 3, 4][..]),
        (any().with_session(Some("one".into())), &[1, 3]),
        (any().with_session(Some("other\0".into())), &[2]),
        (any().with_session(Some("none".into())), &[]),
        (any().with_types(vec!["a".into()]), &[1, 2]),
        (
            any().with_types(vec!["b".into(), "c\0".into(), "d".into()]),
            &[3, 4],
        ),
        (any().with_tag(Some("x".into())), &[1, 3]),
        (any().with_tag(Some("y\0".into())), &[1]),
        (any().with_tag(Some("none".into())), &[]),
        (any().with_since(Some(at(2))), &[2, 3, 4]),
        (any().with_until(Some(at(2))), &[1]),
        (
            any().with_since(Some(at(2))).with_until(Some(at(4))),
            &[2, 3],
        ),
        (any().with_limit(Some(0)), &[]),
        (any().with_limit(Some(2)), &[1, 2]),
        (any().with_newest_first(true).with_limit(Some(2)), &[4, 3]),
    ] {
        check(store, &query, expected).await;
    }
    for (newest_first, expected) in [(false, [1, 2, 3, 4]), (true, [4, 3, 2, 1])] {
        let mut query = any().with_newest_first(newest_first).with_limit(Some(1));
        for second in expected {
            let page = check(store, &query, &[second]).await;
            query.after = page.last().map(EventPosition::from);
        }
        check(store, &query, &[]).await;
    }
}

async fn check<S: EventStore + ?Sized>(
    store: &S,
    query: &EventQuery,
    expected: &[i64],
) -> Vec<AnalyticsEvent> {
    let found = succeed(calm(store.events(query)).await);
    let seconds = found
        .iter()
        .filter_map(|event| event.data.get("second")?.as_i64());
    law!(
        seconds.eq(expected.iter().copied()),
        "events are found by time, kind, session and tag",
        "{query:?}: {found:?}"
    );
    found
}
