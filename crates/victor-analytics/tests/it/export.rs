//! Exporting on demand, and its faults.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_analytics::{AnalyticsCoordinator, AnalyticsOptions};
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker, ExportError, ExportResult,
};
use victor_core::Coordinator;
use victor_testkit::{cancel_at_every_poll, drive};

use crate::fakes::{Act, Fake, coordinator, track};

fn batches_of(batch_size: usize) -> AnalyticsOptions {
    AnalyticsOptions::default().with_batch_size(batch_size)
}

#[tokio::test]
async fn what_waits_of_a_session_is_exported_in_batches_oldest_first() {
    let fake = Fake::new("fake", Act::Take);
    let analytics = coordinator(batches_of(2), std::slice::from_ref(&fake));
    track(&analytics, "a:1 b:2 a:3 a:4");
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!(
        (result.success, result.exported_count, result.error),
        (true, 3, None)
    );
    assert_eq!(fake.arrived(), "1 3 | 4");
    assert_eq!(
        analytics.export_analytics(&"a".into()).await.exported_count,
        0
    );
    assert_eq!(analytics.flush().await.exported_count, 1);
    assert_eq!(fake.arrived(), "1 3 | 4 | 2");
}

#[tokio::test]
async fn without_exporters_there_is_nothing_to_export() {
    let analytics = coordinator(AnalyticsOptions::default(), &[]);
    track(&analytics, "a:1");
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!((result.success, result.exported_count), (true, 0));
}

#[tokio::test]
async fn an_exporter_is_sent_what_comes_after_it_was_added() {
    let analytics = coordinator(AnalyticsOptions::default(), &[]);
    track(&analytics, "a:1");
    let late = Fake::new("late", Act::Take);
    analytics.add_exporter(late.clone());
    track(&analytics, "a:2");
    analytics.flush().await;
    assert_eq!(late.arrived(), "2");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_exported_comes_again_and_others_do_not_feel_it() {
    for (act, problem) in [
        (Act::Fail, "not sent: connection refused"),
        (Act::Panic, "panicked: out of cheese"),
        (Act::Hang, "gave no answer within 30s"),
        (
            Act::TakeAfter(Duration::from_secs(31)),
            "gave no answer within 30s",
        ),
    ] {
        let (bad, good) = (Fake::new("bad", act), Fake::new("good", Act::Take));
        let analytics = coordinator(batches_of(2), &[bad.clone(), good.clone()]);
        track(&analytics, "a:1 a:2 a:3");
        let result = analytics.export_analytics(&"a".into()).await;
        assert_eq!((result.success, result.exported_count), (false, 0));
        assert_eq!(result.error, Some(format!("bad: {problem}")));
        assert_eq!(analytics.health().problems, [format!("bad: {problem}")]);
        assert_eq!(
            (bad.calls(), bad.arrived(), good.arrived()),
            (1, String::new(), "1 2 | 3".into())
        );

        bad.becomes(Act::Take);
        track(&analytics, "a:4");
        let result = analytics.flush().await;
        assert_eq!(
            (result.success, result.exported_count),
            (true, 1),
            "the fewest"
        );
        // After a panic the batches are smaller for a while.
        assert_eq!(bad.arrived().replace(" | ", " "), "1 2 3 4");
        assert!(analytics.health().is_healthy());
    }
}

#[tokio::test]
async fn of_a_batch_that_arrived_in_part_the_rest_comes_again() {
    let fake = Fake::new("fake", Act::TakeOnly(2));
    let analytics = coordinator(batches_of(3), std::slice::from_ref(&fake));
    track(&analytics, "a:1 a:2 a:3 a:4");
    let result = analytics.flush().await;
    assert_eq!((result.success, result.exported_count), (false, 2));
    assert_eq!(result.error.as_deref(), Some("fake: full"));
    assert!(analytics.flush().await.success);
    assert_eq!(fake.arrived(), "1 2 | 3 4");
}

#[tokio::test]
async fn beyond_the_limit_the_oldest_are_dropped_and_counted() {
    let fake = Fake::new("fake", Act::Take);
    let options = AnalyticsOptions::default().with_waiting_events(2);
    let analytics = coordinator(options, std::slice::from_ref(&fake));
    track(&analytics, "a:1 a:2 a:3 a:4 a:5");
    assert_eq!(analytics.health().problems, ["fake: 3 events dropped"]);
    assert_eq!(analytics.flush().await.exported_count, 2);
    assert_eq!(fake.arrived(), "4 5");
    assert_eq!(
        analytics.session_analytics(&"a".into()).events.len(),
        5,
        "what is held is another matter"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_out_while_it_is_under_way_is_not_dropped() {
    let fake = Fake::new("fake", Act::TakeAfter(Duration::from_secs(1)));
    let options = AnalyticsOptions::default().with_waiting_events(2);
    let analytics = coordinator(options, std::slice::from_ref(&fake));
    track(&analytics, "a:1 a:2");
    let (result, ()) = tokio::join!(analytics.flush(), async { track(&analytics, "a:3 a:4") });
    assert_eq!(result.exported_count, 2);
    analytics.flush().await;
    assert_eq!(fake.arrived(), "1 2 | 3 4");
    assert!(analytics.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn batches_of_one_exporter_do_not_overlap() {
    // The fake panics if they do.
    let fake = Fake::new("fake", Act::TakeAfter(Duration::from_secs(1)));
    let analytics = coordinator(batches_of(1), std::slice::from_ref(&fake));
    track(&analytics, "a:1 b:2 a:3 b:4");
    let (a, b) = ("a".into(), "b".into());
    let (all, a, b) = tokio::join!(
        analytics.flush(),
        analytics.export_analytics(&a),
        analytics.export_analytics(&b)
    );
    assert_eq!(
        all.exported_count + a.exported_count + b.exported_count,
        4,
        "each went once"
    );
    assert!(analytics.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn what_is_tracked_during_an_export_is_left_to_the_next() {
    let fake = Fake::new("fake", Act::TakeAfter(Duration::from_secs(1)));
    let analytics = coordinator(batches_of(1), std::slice::from_ref(&fake));
    track(&analytics, "a:1 a:2");
    let (result, ()) = tokio::join!(analytics.flush(), async { track(&analytics, "a:3") });
    assert_eq!(result.exported_count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_export_loses_nothing() {
    let fake = Fake::new("fake", Act::TakeAfter(Duration::from_secs(1)));
    let analytics = coordinator(batches_of(1), std::slice::from_ref(&fake));
    track(&analytics, "a:1 a:2 a:3");
    let mut drops = 0;
    let result = cancel_at_every_poll(async || analytics.flush().await, async |_| drops += 1).await;
    assert!(result.success && drops > 1, "{drops}");
    assert_eq!(fake.arrived(), "1 | 2 | 3");
    assert!(analytics.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn an_export_that_is_dropped_after_arrival_sends_the_event_again() {
    let fake = Fake::new("fake", Act::TakeAfter(Duration::from_secs(1)));
    let slow = Fake::new("slow", Act::TakeAfter(Duration::from_secs(2)));
    let analytics = coordinator(batches_of(9), &[fake.clone(), slow.clone()]);
    track(&analytics, "a:1");
    {
        let mut flush = pin!(analytics.flush());
        assert!(
            tokio::time::timeout(Duration::from_millis(1_500), &mut flush)
                .await
                .is_err()
        );
    }
    assert_eq!(
        (fake.arrived(), slow.arrived()),
        ("1".into(), String::new())
    );
    analytics.flush().await;
    assert_eq!(
        (fake.arrived(), slow.arrived()),
        ("1".into(), "1".into()),
        "each has it once"
    );
}

#[test]
fn without_a_runtime_an_export_has_no_time_limit() {
    let fake = Fake::new("fake", Act::Take);
    let analytics = coordinator(AnalyticsOptions::default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1");
    assert!(drive(analytics.flush()).unwrap().success);
    assert_eq!(fake.arrived(), "1");
}

#[tokio::test]
async fn exporters_of_one_name_are_told_apart() {
    let analytics = coordinator(
        AnalyticsOptions::default(),
        &[Fake::new("x", Act::Take), Fake::new("x", Act::Fail)],
    );
    track(&analytics, "a:1");
    assert_eq!(
        analytics.flush().await.error.as_deref(),
        Some("x (2): not sent: connection refused")
    );
}

/// An exporter that cannot even say its name.
#[derive(Debug)]
struct Nameless;

#[async_trait]
impl AnalyticsExporter for Nameless {
    fn name(&self) -> &str {
        panic!("out of cheese")
    }

    async fn export(&self, _events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        Err(ExportError::new("not sent"))
    }
}

#[tokio::test]
async fn an_exporter_that_panics_over_its_name_goes_without_one() {
    let analytics = AnalyticsCoordinator::new([Arc::new(Nameless)]);
    track(&analytics, "a:1");
    assert_eq!(
        analytics.flush().await.error.as_deref(),
        Some("unnamed: not sent")
    );
}
