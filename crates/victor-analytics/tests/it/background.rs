//! Exporting in the background.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use victor_analytics::AnalyticsOptions;
use victor_analytics_protocol::AnalyticsTracker;
use victor_core::Coordinator;
use victor_testkit::drive;

use crate::fakes::{Act, Fake, coordinator, track};

const INTERVAL: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn events_are_exported_once_in_an_interval() {
    let fake = Fake::new("fake", Act::Take);
    let analytics = coordinator(AnalyticsOptions::default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1");
    sleep(2 * INTERVAL).await;
    assert_eq!(fake.calls(), 0, "not before it is initialized");
    analytics.initialize().await.unwrap();
    analytics.initialize().await.unwrap();
    assert_eq!(tasks(), 1, "the second time it does nothing");
    sleep(INTERVAL - MOMENT).await;
    assert_eq!(fake.calls(), 0);
    sleep(2 * MOMENT).await;
    assert_eq!(fake.arrived(), "1");
    track(&analytics, "b:2");
    sleep(INTERVAL).await;
    assert_eq!(fake.arrived(), "1 | 2");
    sleep(INTERVAL).await;
    assert_eq!(fake.calls(), 2, "nothing waits, nothing is sent");
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_is_added_later_is_served_too() {
    let analytics = coordinator(AnalyticsOptions::default(), &[]);
    analytics.initialize().await.unwrap();
    let late = Fake::new("late", Act::Take);
    analytics.add_exporter(late.clone());
    track(&analytics, "a:1");
    sleep(INTERVAL + MOMENT).await;
    assert_eq!(late.arrived(), "1");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_half_full_does_not_wait() {
    let fake = Fake::new("fake", Act::Take);
    let options = AnalyticsOptions::default().with_waiting_events(4);
    let analytics = coordinator(options, std::slice::from_ref(&fake));
    analytics.initialize().await.unwrap();
    track(&analytics, "a:1");
    sleep(MOMENT).await;
    assert_eq!(fake.calls(), 0);
    track(&analytics, "a:2");
    sleep(MOMENT).await;
    assert_eq!(fake.arrived(), "1 2");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_not_tried_all_the_time() {
    let fake = Fake::new("fake", Act::Fail);
    let options = AnalyticsOptions::default().with_waiting_events(4);
    let analytics = coordinator(options, std::slice::from_ref(&fake));
    analytics.initialize().await.unwrap();
    for _ in 0..100 {
        track(&analytics, "a:1");
        sleep(MOMENT).await;
    }
    assert_eq!(fake.calls(), 1);
    assert_eq!(
        analytics.health().problems.len(),
        2,
        "it fails, and events are dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hanging_exporter_does_not_delay_the_others() {
    let (hanging, good) = (
        Fake::new("hanging", Act::Hang),
        Fake::new("good", Act::Take),
    );
    let analytics = coordinator(
        AnalyticsOptions::default(),
        &[hanging.clone(), good.clone()],
    );
    analytics.initialize().await.unwrap();
    for round in 1..=3 {
        track(&analytics, "a:1");
        sleep(INTERVAL + MOMENT).await;
        assert_eq!(good.calls(), round);
    }
    assert_eq!(
        hanging.calls(),
        4,
        "30 s each, with a pause of seconds between them"
    );
    assert_eq!(
        analytics.health().problems,
        ["hanging: gave no answer within 30s"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_background_ends_with_the_coordinator() {
    let fakes = [
        Fake::new("a", Act::Take),
        Fake::new("b", Act::TakeAfter(Duration::from_secs(1))),
    ];
    let analytics = coordinator(AnalyticsOptions::default(), &fakes);
    analytics.initialize().await.unwrap();
    assert_eq!(tasks(), 2);
    track(&analytics, "a:1");
    sleep(INTERVAL + MOMENT).await;
    drop(analytics); // in the middle of b's export, which may end in peace
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fakes[1].arrived(), "1");
    assert_eq!(tasks(), 0);
    assert!(fakes.iter().all(|fake| Arc::strong_count(fake) == 1));
}

#[test]
fn without_a_runtime_there_is_no_background_and_health_says_so() {
    let analytics = coordinator(AnalyticsOptions::default(), &[]);
    drive(analytics.initialize()).unwrap().unwrap();
    let problem = "background export: there is no tokio runtime: initialize inside of one";
    assert_eq!(analytics.health().problems, [problem]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(analytics.initialize()).unwrap();
    assert!(analytics.health().is_healthy());
}

#[test]
fn without_a_clock_there_is_no_background_and_health_says_so() {
    let analytics = coordinator(AnalyticsOptions::default(), &[Fake::new("fake", Act::Take)]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        analytics.initialize().await.unwrap();
        tokio::task::yield_now().await;
    });
    let problems = analytics.health().problems;
    assert!(
        problems[0].starts_with("fake: background export: panicked: "),
        "{problems:?}"
    );
}
