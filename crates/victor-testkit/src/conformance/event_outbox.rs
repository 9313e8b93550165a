//! The laws of outboxes of events.

use victor_analytics_protocol::{AnalyticsEvent, DeadLetter, EventOutbox};

use super::{calm, drop_at_polls, succeed};

/// Checks outboxes. `make` opens the same outbox again, empty at first, and with room for a hundred events.
///
/// The laws: events wait in order for each exporter from the time on at which it was made known; an exporter's cursor
/// moves forward only, and that of no other; an event that comes twice waits once; all of it is there when the outbox
/// is opened again; dead letters are kept once.
///
/// # Panics
///
/// A law is broken.
pub async fn event_outbox<O: EventOutbox>(make: impl AsyncFn() -> O) {
    let outbox = make().await;
    check_order(&outbox).await;
    check_cursors(&outbox).await;
    check_letters(&outbox).await;
    let before = waiting(&outbox, "first").await;
    let letters = succeed(calm(outbox.dead_letters()).await);
    drop(outbox);
    let again = make().await;
    succeed(calm(again.register("first")).await);
    law!(
        waiting(&again, "first").await == before,
        "an outbox outlives the process",
        "{before:?}"
    );
    law!(
        succeed(calm(again.dead_letters()).await) == letters,
        "dead letters outlive the process",
        "{letters:?}"
    );
    check_drops(&again).await;
}

fn event(kind: impl Into<String>) -> AnalyticsEvent {
    let mut event = AnalyticsEvent::new(kind.into()).with("text", "line\nbreak \u{0}");
    event.session_id = Some("s\0".into());
    event.tags = ["tag".into()].into();
    event
}

async fn append(outbox: &impl EventOutbox, events: &[AnalyticsEvent]) {
    let dropped = succeed(calm(outbox.append(events)).await);
    law!(
        dropped == 0,
        "nothing is dropped while there is room",
        "{dropped}"
    );
}

/// The events that wait for an exporter, with their places.
async fn waiting(outbox: &impl EventOutbox, exporter: &str) -> Vec<(u64, AnalyticsEvent)> {
    let waiting = succeed(calm(outbox.waiting(exporter, 1_000)).await);
    let grow = waiting.is_sorted_by(|one, next| one.0 < next.0);
    law!(grow, "places grow", "{waiting:?}");
    waiting
}

async fn kinds(outbox: &impl EventOutbox, exporter: &str) -> Vec<String> {
    let waiting = waiting(outbox, exporter).await.into_iter();
    waiting
        .map(|(_, event)| event.event_type.into_owned())
        .collect()
}

async fn check_order(outbox: &impl EventOutbox) {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(event);
    append(outbox, std::slice::from_ref(&a)).await;
    for name in ["first", "second"] {
        succeed(calm(outbox.register(name)).await);
    }
    append(outbox, &[b.clone(), c.clone()]).await;
    append(outbox, &[c.clone(), d]).await;
    append(outbox, &[]).await;
    succeed(calm(outbox.register("first")).await);
    for name in ["first", "second"] {
        let found = kinds(outbox, name).await;
        law!(
            found == ["b", "c", "d"],
            "events wait once and in order, from the time on at which the exporter was made known",
            "{name}: {found:?}"
        );
    }
    let found = waiting(outbox, "first").await;
    law!(
        found[0].1 == b && found[1].1 == c,
        "an event is kept as it is",
        "{found:?}"
    );
    let some = succeed(calm(outbox.waiting("first", 2)).await);
    law!(
        some == found[..2],
        "no more events are returned than asked for",
        "{some:?}"
    );
    let none = kinds(outbox, "unknown").await;
    law!(
        none.is_empty(),
        "nothing waits for an exporter that is not known",
        "{none:?}"
    );
}

async fn check_cursors(outbox: &impl EventOutbox) {
    let places: Vec<u64> = waiting(outbox, "first")
        .await
        .iter()
        .map(|(place, _)| *place)
        .collect();
    for (place, left) in [
        (places[1], &["d"][..]),
        (places[0], &["d"]),
        (places[2], &[]),
    ] {
        succeed(calm(outbox.advance("first", place, &[])).await);
        let found = kinds(outbox, "first").await;
        law!(
            found == left,
            "a cursor moves forward only",
            "{place}: {found:?}"
        );
        let found = kinds(outbox, "second").await;
        law!(
            found == ["b", "c", "d"],
            "each exporter has a cursor of its own",
            "{found:?}"
        );
    }
    succeed(calm(outbox.advance("second", places[2], &[])).await);
    // Places are not used again once everything was sent.
    append(outbox, &[event("e"), event("f")]).await;
    for name in ["first", "second"] {
        let found = kinds(outbox, name).await;
        law!(
            found == ["e", "f"],
            "what comes later waits again",
            "{name}: {found:?}"
        );
    }
}

async fn check_letters(outbox: &impl EventOutbox) {
    let found = waiting(outbox, "first").await;
    let letter = DeadLetter::new("first", found[0].1.clone(), "it is no event");
    for _ in 0..2 {
        let letters = std::slice::from_ref(&letter);
        succeed(calm(outbox.advance("first", found[0].0, letters)).await);
    }
    let letters = succeed(calm(outbox.dead_letters()).await);
    law!(
        letters == [letter],
        "dead letters are kept once",
        "{letters:?}"
    );
}

async fn check_drops(outbox: &impl EventOutbox) {
    let kept = event("kept");
    drop_at_polls(
        async || succeed(calm(outbox.append(std::slice::from_ref(&kept))).await),
        async |_| {
            let found = kinds(outbox, "first").await;
            law!(
                found == ["f"] || found == ["f", "kept"],
                "a write that is dropped has happened as a whole or not at all",
                "{found:?}"
            );
        },
    )
    .await;
    let found = kinds(outbox, "first").await;
    law!(
        found == ["f", "kept"],
        "a write that is dropped can be repeated",
        "{found:?}"
    );
    let many: Vec<_> = (0..200).map(|number| event(number.to_string())).collect();
    let dropped = succeed(calm(outbox.append(&many)).await);
    let found = kinds(outbox, "first").await;
    law!(
        found.len() == 100 && found[99] == "199" && dropped >= 100,
        "the last events are kept, and the number of those that were dropped is returned",
        "{dropped}, {found:?}"
    );
}
