//! The end.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use victor_analytics::AnalyticsOptions;
use victor_analytics_protocol::AnalyticsTracker;
use victor_core::Coordinator;
use victor_testkit::{cancel_at_every_poll, drive};

use crate::fakes::{Act, Fake, coordinator, track};

fn default() -> AnalyticsOptions {
    AnalyticsOptions::default()
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_exported_and_then_the_exporter_ends() {
    let fake = Fake::new("fake", Act::TakeAfter(Duration::from_secs(1)));
    let analytics = coordinator(
        AnalyticsOptions::default().with_batch_size(1),
        std::slice::from_ref(&fake),
    );
    analytics.initialize().await.unwrap();
    track(&analytics, "a:1 b:2");
    analytics.shutdown().await;
    assert_eq!((fake.arrived(), fake.ended()), ("1 | 2".into(), 1));
    analytics.shutdown().await;
    assert_eq!(fake.ended(), 1, "the second time it does nothing");
    assert!(analytics.health().is_healthy());
    tokio::task::yield_now().await;
    assert_eq!(
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn afterwards_nothing_panics_and_nothing_is_exported() {
    let (fake, late) = (Fake::new("fake", Act::Take), Fake::new("late", Act::Take));
    let analytics = coordinator(default(), std::slice::from_ref(&fake));
    analytics.shutdown().await;
    track(&analytics, "a:1");
    analytics.initialize().await.unwrap();
    analytics.add_exporter(late.clone());
    track(&analytics, "a:2");
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!(
        result.error.as_deref(),
        Some("fake: it is shut down; late: it is shut down")
    );
    assert_eq!(analytics.session_analytics(&"a".into()).events.len(), 2);
    assert_eq!(
        analytics.health().problems,
        ["fake: 2 events dropped", "late: 1 events dropped"]
    );
    analytics.shutdown().await;
    assert_eq!((fake.calls(), late.calls(), fake.ended()), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn faults_do_not_block_the_exit_and_what_is_lost_is_counted() {
    let check = async |export: Act, end: Act, seconds: u64, ended: usize, problems: &[&str]| {
        let (bad, good) = (
            Fake::ending("bad", export, end),
            Fake::new("good", Act::Take),
        );
        let analytics = coordinator(default(), &[bad.clone(), good.clone()]);
        analytics.initialize().await.unwrap();
        track(&analytics, "a:1 a:2");
        let start = Instant::now();
        analytics.shutdown().await;
        assert_eq!(start.elapsed().as_secs(), seconds, "{export:?} {end:?}");
        assert_eq!(analytics.health().problems, problems);
        assert_eq!(
            (bad.ended(), good.ended(), good.arrived()),
            (ended, 1, "1 2".into())
        );
    };
    let lost = "bad: 2 events dropped";
    check(Act::Hang, Act::Take, 5, 1, &[lost]).await;
    check(
        Act::Fail,
        Act::Take,
        0,
        1,
        &["bad: not sent: connection refused", lost],
    )
    .await;
    check(
        Act::Panic,
        Act::Take,
        0,
        1,
        &["bad: panicked: out of cheese", lost],
    )
    .await;
    check(
        Act::Take,
        Act::Hang,
        5,
        0,
        &["bad: shutdown: gave no answer within 5s"],
    )
    .await;
    check(
        Act::Take,
        Act::Panic,
        0,
        0,
        &["bad: shutdown: panicked: out of cheese"],
    )
    .await;
    check(
        Act::Hang,
        Act::Hang,
        10,
        0,
        &["bad: shutdown: gave no answer within 5s", lost],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_export_under_way_elsewhere_is_cut_short() {
    let fake = Fake::new("fake", Act::Hang);
    let analytics = coordinator(default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1");
    let (result, ()) = tokio::join!(analytics.flush(), analytics.shutdown());
    assert_eq!(
        result.error.as_deref(),
        Some("fake: the shutdown did not wait for it any longer")
    );
    assert_eq!(fake.ended(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_export_that_nobody_polls_does_not_block_the_exit() {
    let fake = Fake::new("fake", Act::Hang);
    let analytics = coordinator(default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1");
    let mut asleep = pin!(analytics.flush());
    assert!(timeout(Duration::from_secs(1), &mut asleep).await.is_err());
    let start = Instant::now();
    analytics.shutdown().await;
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(fake.ended(), 0, "its export is still under way");
    assert!(!asleep.await.success);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_shutdown_can_be_called_again() {
    let second = Duration::from_secs(1);
    let fake = Fake::ending("fake", Act::TakeAfter(second), Act::TakeAfter(second));
    let analytics = coordinator(default(), std::slice::from_ref(&fake));
    analytics.initialize().await.unwrap();
    track(&analytics, "a:1");
    cancel_at_every_poll(async || analytics.shutdown().await, async |_| {}).await;
    assert_eq!((fake.arrived(), fake.ended()), ("1".into(), 1));
    assert!(analytics.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn two_shutdowns_at_once_end_the_exporter_once() {
    let fake = Fake::ending("fake", Act::Take, Act::TakeAfter(Duration::from_secs(1)));
    let analytics = coordinator(default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1");
    tokio::join!(analytics.shutdown(), analytics.shutdown());
    assert_eq!((fake.ended(), fake.arrived()), (1, "1".into()));
}

#[test]
fn without_a_runtime_a_shutdown_ends_too() {
    let fake = Fake::new("fake", Act::Take);
    let analytics = coordinator(default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1");
    drive(analytics.shutdown()).unwrap();
    assert_eq!((fake.arrived(), fake.ended()), ("1".into(), 1));
    assert!(analytics.health().is_healthy());
}
