//! The laws of analytics trackers.

mod sink;

use std::sync::Arc;

use futures_util::future::join_all;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsTracker, EventQuery, ExportResult};
use victor_core::{SessionId, Timestamp};

use self::sink::Sink;
use super::puppet::{Act, ends};
use super::{SIDE_BY_SIDE, drop_at_polls, guarded, life};

/// Number of events that is too high for a tracker of the suite.
const MANY: usize = 2_000;

/// Checks a tracker. `make` makes a new one without exporters, which holds fewer than 2,000 events of a session, and
/// fewer than 2,000 for an exporter that takes none.
///
/// The laws: tracking does not wait, whatever the exporters do; a session has its events in order and nothing of
/// others; events are found by time, kind, session and tag; an export sends what waits of its session, oldest first and
/// in one batch at a time, to every exporter; one that fails, panics or hangs is felt by no other, shown in health, and
/// sent the same events again; what an exporter will never take becomes a dead letter and holds up nothing; memory is
/// bounded, and what is dropped is counted; a dropped export loses nothing; a shutdown sends what waits and ends every
/// exporter once.
///
/// Some of the suite's exporters never answer, so the clock of tokio should be paused.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime with a clock.
pub async fn analytics_tracker<T: AnalyticsTracker>(make: impl Fn() -> T) {
    check_sessions(&make());
    check_queries(&make());
    check_exports(&make()).await;
    check_faults(&make).await;
    check_refusals(&make).await;
    check_bounds(&make()).await;
    check_drops(&make()).await;
    check_shutdown(&make).await;
}

/// Tracks events of these kinds.
fn track<T: AnalyticsTracker>(tracker: &T, session: &str, kinds: &[&str]) {
    for kind in kinds {
        let event = AnalyticsEvent::new((*kind).to_owned()).with("of", session);
        guarded(|| tracker.track_event(&SessionId::new(session), event));
    }
}

async fn export<T: AnalyticsTracker>(tracker: &T, session: &str) -> ExportResult {
    ends(tracker.export_analytics(&SessionId::new(session))).await
}

/// Exports what must arrive everywhere.
async fn export_all<T: AnalyticsTracker>(tracker: &T, session: &str, count: usize) {
    let result = export(tracker, session).await;
    law!(
        result.success && result.exported_count == count && result.error.is_none(),
        "an export says how many events have arrived",
        "{result:?} in place of {count}"
    );
}

fn kinds(events: &[AnalyticsEvent]) -> Vec<&str> {
    events.iter().map(|event| &*event.event_type).collect()
}

fn check_sessions<T: AnalyticsTracker>(tracker: &T) {
    let of = |session: &str| guarded(|| tracker.session_analytics(&SessionId::new(session)));
    track(tracker, "one", &["a", "b"]);
    track(tracker, "other", &["x"]);
    track(tracker, "one", &["c"]);
    for (session, expected) in [
        ("one", &["a", "b", "c"][..]),
        ("other", &["x"]),
        ("none", &[]),
    ] {
        let found = of(session);
        law!(
            kinds(&found.events) == expected && found.forgotten == 0,
            "a session has its own events, oldest first",
            "{session}: {found:?}"
        );
        let id = Some(SessionId::new(session));
        law!(
            found.events.iter().all(|event| event.session_id == id
                && event.data.get("of") == Some(session.into())),
            "an event is kept as it is, with its session",
            "{found:?}"
        );
    }
    guarded(|| tracker.reset(&SessionId::new("one")));
    law!(
        of("one").events.is_empty(),
        "a reset forgets the session",
        "{:?}",
        of("one")
    );
    law!(
        of("other").events.len() == 1,
        "a reset forgets no other session",
        "{:?}",
        of("other")
    );
}

fn check_queries<T: AnalyticsTracker>(tracker: &T) {
    let at = |second: i64| {
        Timestamp::from_unix_micros(second * 1_000_000).expect("a time of this century")
    };
    for (second, session, kind, tags) in [
        (3, "one", "b", &["x"][..]),
        (1, "one", "a", &["x", "y"]),
        (2, "other", "a", &[]),
    ] {
        let mut event = AnalyticsEvent::new(kind);
        event.timestamp = at(second);
        event.tags = tags.iter().map(|tag| Arc::from(*tag)).collect();
        guarded(|| tracker.track_event(&SessionId::new(session), event));
    }
    let any = EventQuery::default;
    for (query, expected) in [
        (any(), &[1, 2, 3][..]),
        (any().with_session(Some("one".into())), &[1, 3]),
        (any().with_session(Some("none".into())), &[]),
        (any().with_types(vec!["a".into()]), &[1, 2]),
        (any().with_tag(Some("x".into())), &[1, 3]),
        (any().with_since(Some(at(2))), &[2, 3]),
        (any().with_until(Some(at(2))), &[1]),
        (any().with_newest_first(true).with_limit(Some(2)), &[3, 2]),
    ] {
        let found = guarded(|| tracker.events(&query));
        let times = found.iter().map(|event| event.timestamp);
        law!(
            times.eq(expected.iter().map(|second| at(*second))),
            "events are found by time, kind, session and tag",
            "{query:?}: {found:?}"
        );
    }
}

async fn check_exports<T: AnalyticsTracker>(tracker: &T) {
    export_all(tracker, "one", 0).await;
    let (first, second) = (Sink::add(tracker, "first"), Sink::add(tracker, "second"));
    track(tracker, "one", &["a", "b"]);
    track(tracker, "other", &["x"]);
    export_all(tracker, "one", 2).await;
    for sink in [&first, &second] {
        law!(
            sink.arrived() == ["a", "b"],
            "an export sends what waits of its session, oldest first, to every exporter",
            "{}: {:?}",
            sink.name,
            sink.arrived()
        );
    }
    export_all(tracker, "one", 0).await;
    law!(
        first.arrived().len() == 2,
        "what has arrived is not sent again",
        "{:?}",
        first.arrived()
    );
    let late = Sink::add(tracker, "late");
    track(tracker, "one", &["c"]);
    export_all(tracker, "one", 1).await;
    law!(
        late.arrived() == ["c"],
        "an exporter is sent the events from the time on at which it was added",
        "{:?}",
        late.arrived()
    );
    export(tracker, "other").await;
    law!(
        first.arrived() == ["a", "b", "c", "x"],
        "an export sends what waits of its session, oldest first, to every exporter",
        "{:?}",
        first.arrived()
    );
    law!(
        first
            .events()
            .iter()
            .all(|event| event.session_id.as_ref().map(SessionId::as_str)
                == event.data.get("of").as_ref().and_then(|of| of.as_str())),
        "an event is kept as it is, with its session",
        "{:?}",
        first.events()
    );
    life::is_well(tracker);
}

async fn check_faults<T: AnalyticsTracker>(make: &impl Fn() -> T) {
    for fault in [
        Act::Fails,
        Act::Panics,
        Act::Hangs,
        Act::Rubbish("takes one"),
        Act::Rubbish("boasts"),
    ] {
        let tracker = make();
        let (broken, well) = (
            Sink::add(&tracker, "suite_broken"),
            Sink::add(&tracker, "suite_well"),
        );
        broken.puppet.becomes(fault);
        track(&tracker, "one", &["a", "b", "c"]);
        let result = export(&tracker, "one").await;
        let arrived = broken.arrived().len();
        law!(
            !result.success && result.error.is_some() && result.exported_count == arrived,
            "an export says that an exporter did not take everything, and what the fewest were",
            "{fault:?}, {arrived} arrived: {result:?}"
        );
        law!(
            well.arrived() == ["a", "b", "c"],
            "exporters do not feel each other",
            "{fault:?}: {:?}",
            well.arrived()
        );
        let of = |name: &str| result.exporters.get(name).map(|result| result.success);
        law!(
            of("suite_broken") == Some(false) && of("suite_well") == Some(true),
            "an export has the outcome of each exporter",
            "{fault:?}: {result:?}"
        );
        life::shows_problem(&tracker, "suite_broken", &format!("{fault:?}"));
        life::counts_faults(&tracker, "suite_broken", &format!("{fault:?}"));
        track(&tracker, "one", &["d"]);
        broken.puppet.becomes(Act::Works);
        export(&tracker, "one").await;
        law!(
            broken.arrived() == ["a", "b", "c", "d"],
            "what has not arrived is sent again, in order",
            "{fault:?}: {:?}",
            broken.arrived()
        );
        law!(
            well.arrived() == ["a", "b", "c", "d"],
            "what has arrived is not sent again",
            "{fault:?}: {:?}",
            well.arrived()
        );
        life::is_well(&tracker);
    }
}

/// Checks that events are given up at once which an exporter will never take.
async fn check_refusals<T: AnalyticsTracker>(make: &impl Fn() -> T) {
    for (refusal, arrives, dead) in [
        ("gives up", &[][..], &["a", "b", "c"][..]),
        ("rejects", &["b", "c"], &["a"]),
        ("takes few", &["a", "b", "c"], &[]),
    ] {
        let tracker = make();
        let sink = Sink::add(&tracker, "suite_sink");
        sink.puppet.becomes(Act::Rubbish(refusal));
        track(&tracker, "one", &["a", "b", "c"]);
        export(&tracker, "one").await;
        let letters = guarded(|| tracker.dead_letters());
        let mut given_up: Vec<_> = letters
            .iter()
            .map(|letter| &*letter.event.event_type)
            .collect();
        given_up.sort_unstable();
        let is_named = letters.iter().all(|letter| letter.exporter == "suite_sink");
        // A tracker that sends single events has each of them rejected.
        let is_right = given_up == dead || (refusal == "rejects" && given_up.starts_with(dead));
        law!(
            is_right && is_named,
            "what an exporter will never take becomes a dead letter",
            "{refusal}: {letters:?}"
        );
        let arrived = sink.arrived();
        law!(
            arrived == arrives || arrived.len() + given_up.len() == 3,
            "what an exporter will take arrives",
            "{refusal}: {arrived:?}"
        );
        sink.puppet.becomes(Act::Works);
        track(&tracker, "one", &["d"]);
        export(&tracker, "one").await;
        law!(
            sink.arrived()[arrived.len()..] == ["d"],
            "what was given up holds up nothing",
            "{refusal}: {:?}",
            sink.arrived()
        );
    }
}

/// More events than there is room for, while the exporter takes none.
async fn check_bounds<T: AnalyticsTracker>(tracker: &T) {
    let sink = Sink::add(tracker, "suite_sink");
    sink.puppet.becomes(Act::Fails);
    let names: Vec<String> = (0..MANY).map(|number| number.to_string()).collect();
    for name in &names {
        track(tracker, "one", &[name]);
    }
    let held = guarded(|| tracker.session_analytics(&SessionId::new("one")));
    let expected: Vec<&str> = names[names.len() - held.events.len()..]
        .iter()
        .map(|name| &**name)
        .collect();
    law!(
        held.events.len() < MANY,
        "the events that are held of a session are bounded",
        "all {MANY} are held"
    );
    law!(
        kinds(&held.events) == expected,
        "of a session, the last events are held",
        "{:?}",
        kinds(&held.events)
    );
    law!(
        held.forgotten as usize + held.events.len() == MANY,
        "what is no longer held is counted",
        "{} of {MANY} held, {} forgotten",
        held.events.len(),
        held.forgotten
    );
    export(tracker, "one").await;
    sink.puppet.becomes(Act::Works);
    export(tracker, "one").await;
    let arrived = sink.arrived();
    law!(
        arrived.len() < MANY,
        "the events that wait for an exporter are bounded",
        "all {MANY} waited"
    );
    law!(
        !arrived.is_empty() && names.ends_with(&arrived),
        "the last events wait for an exporter",
        "{arrived:?}"
    );
    let dropped = (MANY - arrived.len()).to_string();
    life::shows_problem(tracker, &dropped, "events were dropped");
}

async fn check_drops<T: AnalyticsTracker>(tracker: &T) {
    let sink = Sink::add(tracker, "sink");
    let names: Vec<String> = (0..super::DROPS).map(|number| number.to_string()).collect();
    let mut tracked = 0;
    drop_at_polls(
        async || {
            track(tracker, "one", &[&names[tracked]]);
            tracked += 1;
            export(tracker, "one").await
        },
        async |polls| {
            law!(
                sink.puppet.running() == 0,
                "dropping a call drops the calls of the exporters",
                "after {polls} polls"
            );
        },
    )
    .await;
    export(tracker, "one").await;
    // An event may arrive twice.
    let mut arrived = sink.arrived();
    arrived.dedup();
    law!(
        arrived == names[..tracked],
        "a dropped export loses nothing",
        "{arrived:?} of {tracked}"
    );
    let exports = (0..SIDE_BY_SIDE).map(async |number| {
        let session = format!("beside {number}");
        track(tracker, &session, &["a", "b"]);
        export_all(tracker, &session, 2).await;
    });
    join_all(exports).await;
    law!(
        sink.overlaps() == 0,
        "an exporter is sent one batch at a time",
        "{} overlapped",
        sink.overlaps()
    );
}

async fn check_shutdown<T: AnalyticsTracker>(make: &impl Fn() -> T) {
    for fault in [Act::Works, Act::Fails, Act::Panics, Act::Hangs] {
        let tracker = make();
        life::begins(&tracker).await;
        let (other, well) = (Sink::add(&tracker, "other"), Sink::add(&tracker, "well"));
        other.puppet.becomes(fault);
        track(&tracker, "one", &["a", "b"]);
        track(&tracker, "two", &["x"]);
        life::ends(&tracker).await;
        law!(
            well.arrived() == ["a", "b", "x"],
            "a shutdown sends what waits of every session",
            "{fault:?}: {:?}",
            well.arrived()
        );
        law!(
            well.shutdowns() == 1 && other.shutdowns() == 1,
            "a shutdown ends every exporter once",
            "{fault:?}: {} and {}",
            well.shutdowns(),
            other.shutdowns()
        );
        track(&tracker, "one", &["c"]);
        let result = export(&tracker, "one").await;
        guarded(|| tracker.session_analytics(&SessionId::new("one")));
        let late = Sink::add(&tracker, "late");
        track(&tracker, "one", &["d"]);
        export(&tracker, "one").await;
        ends(tracker.shutdown()).await;
        law!(
            well.late_calls() + other.late_calls() == 0 && late.arrived().is_empty(),
            "an exporter is called no more after its end",
            "{fault:?}: {result:?}"
        );
    }
}
