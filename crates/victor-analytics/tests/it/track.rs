//! Tracking, and what is held of a session.

use std::sync::Arc;
use std::thread;

use victor_analytics::{AnalyticsCoordinator, AnalyticsOptions};
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsTracker};
use victor_core::Coordinator;

use crate::fakes::{Act, Fake, coordinator, track};

/// The events that are held of a session, and how many were forgotten.
fn held(analytics: &AnalyticsCoordinator, session: &str) -> String {
    let found = analytics.session_analytics(&session.into());
    assert!(
        found
            .events
            .iter()
            .all(|event| event.session_id == Some(session.into()))
    );
    let kinds: Vec<_> = found
        .events
        .iter()
        .map(|event| &*event.event_type)
        .collect();
    format!("{} +{}", kinds.join(" "), found.forgotten)
}

#[test]
fn each_session_has_its_events_and_no_runtime_is_needed() {
    let analytics = AnalyticsCoordinator::new([Fake::new("fake", Act::Take)]);
    track(&analytics, "a:1 b:2 a:3");
    assert_eq!(held(&analytics, "a"), "1 3 +0");
    assert_eq!(held(&analytics, "b"), "2 +0");
    assert_eq!(held(&analytics, "c"), " +0");
}

#[test]
fn of_long_sessions_the_last_events_are_held_and_the_others_counted() {
    let options = AnalyticsOptions::default().with_events_per_session(2);
    let analytics = coordinator(options, &[]);
    track(&analytics, "a:1 a:2 a:3 a:4 b:5");
    assert_eq!(held(&analytics, "a"), "3 4 +2");
    assert_eq!(held(&analytics, "b"), "5 +0");
}

#[test]
fn of_many_sessions_the_last_active_ones_are_held() {
    let options = AnalyticsOptions::default().with_sessions(2);
    let analytics = coordinator(options, &[]);
    track(&analytics, "a:1 b:2 a:3 c:4");
    assert_eq!(
        [
            held(&analytics, "a"),
            held(&analytics, "b"),
            held(&analytics, "c")
        ],
        ["1 3 +0", " +0", "4 +0"]
    );
}

#[tokio::test]
async fn a_reset_forgets_a_session_but_not_what_waits() {
    let fake = Fake::new("fake", Act::Take);
    let analytics = coordinator(AnalyticsOptions::default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1 b:2");
    analytics.reset(&"a".into());
    analytics.reset(&"nobody".into());
    assert_eq!(
        [held(&analytics, "a"), held(&analytics, "b")],
        [" +0", "2 +0"]
    );
    analytics.flush().await;
    assert_eq!(fake.arrived(), "1 2");
}

#[test]
fn threads_may_track_at_once() {
    const THREADS: usize = 8;
    const EACH: usize = 2_000;
    let fake = Fake::new("fake", Act::Take);
    let options = AnalyticsOptions::default()
        .with_waiting_events(THREADS * EACH)
        .with_events_per_session(100);
    let analytics = Arc::new(coordinator(options, std::slice::from_ref(&fake)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .unwrap();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let analytics = &analytics;
            scope.spawn(move || {
                for count in 0..EACH {
                    let session = format!("s{}", number % 2).as_str().into();
                    analytics
                        .track_event(&session, AnalyticsEvent::new(format!("{number}.{count}")));
                }
            });
        }
        for _ in 0..20 {
            runtime.block_on(analytics.flush());
        }
    });
    runtime.block_on(analytics.flush());
    let mut kinds: Vec<_> = fake
        .events()
        .into_iter()
        .map(|event| event.event_type.into_owned())
        .collect();
    assert_eq!(
        kinds.len(),
        THREADS * EACH,
        "nothing is lost, and nothing comes twice"
    );
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), THREADS * EACH);
    for session in ["s0", "s1"] {
        let found = analytics.session_analytics(&session.into());
        assert_eq!(
            (found.events.len(), found.forgotten),
            (100, (THREADS / 2 * EACH - 100) as u64)
        );
    }
    assert!(analytics.health().is_healthy());
}

#[test]
fn it_can_be_shared_among_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<AnalyticsCoordinator>();
}
