//! Events that outlive the coordinator, retries, and what is given up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use victor_analytics::{AnalyticsCoordinator, AnalyticsOptions};
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsTracker, DeadLetter, EventOutbox, EventStoreError, ExportErrorKind,
};
use victor_core::{Coordinator, Timestamp};

use crate::fakes::{Act, Fake, coordinator, track};

/// An outbox in memory, which fails while it is told to.
#[derive(Debug, Clone, Default)]
struct Outbox(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    fails: bool,
    events: Vec<(u64, AnalyticsEvent)>,
    next: u64,
    cursors: BTreeMap<String, u64>,
    letters: Vec<DeadLetter>,
}

impl Outbox {
    fn state(&self) -> Result<std::sync::MutexGuard<'_, State>, EventStoreError> {
        let state = self.0.lock().unwrap();
        match state.fails {
            true => Err(EventStoreError::new("disk full")),
            false => Ok(state),
        }
    }

    fn fails(&self, fails: bool) {
        self.0.lock().unwrap().fails = fails;
    }
}

#[async_trait]
impl EventOutbox for Outbox {
    async fn append(&self, events: &[AnalyticsEvent]) -> Result<u64, EventStoreError> {
        let mut state = self.state()?;
        for event in events {
            state.next += 1;
            let place = state.next;
            state.events.push((place, event.clone()));
        }
        Ok(0)
    }

    async fn register(&self, exporter: &str) -> Result<(), EventStoreError> {
        let mut state = self.state()?;
        let next = state.next;
        state.cursors.entry(exporter.to_owned()).or_insert(next);
        Ok(())
    }

    async fn waiting(
        &self,
        exporter: &str,
        limit: usize,
    ) -> Result<Vec<(u64, AnalyticsEvent)>, EventStoreError> {
        let state = self.state()?;
        let Some(cursor) = state.cursors.get(exporter) else {
            return Ok(Vec::new());
        };
        let waiting = state.events.iter().filter(|(place, _)| place > cursor);
        Ok(waiting.take(limit).cloned().collect())
    }

    async fn advance(
        &self,
        exporter: &str,
        place: u64,
        dead: &[DeadLetter],
    ) -> Result<(), EventStoreError> {
        let mut state = self.state()?;
        state.letters.extend_from_slice(dead);
        state.cursors.insert(exporter.to_owned(), place);
        Ok(())
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, EventStoreError> {
        Ok(self.state()?.letters.clone())
    }
}

fn with_outbox(outbox: &Outbox, exporters: &[Arc<Fake>]) -> AnalyticsCoordinator {
    let builder = AnalyticsCoordinator::builder().outbox(outbox.clone());
    let builder = exporters
        .iter()
        .fold(builder, |builder, fake| builder.exporter(fake.clone()));
    builder.build()
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_outbox_arrives_after_the_end_of_the_process() {
    let outbox = Outbox::default();
    let (well, dead) = (Fake::new("well", Act::Take), Fake::new("dead", Act::Fail));
    let analytics = with_outbox(&outbox, &[well.clone(), dead]);
    track(&analytics, "a:1 b:2");
    assert!(!analytics.flush().await.success);
    track(&analytics, "a:3");
    assert!(analytics.persist().await.success);
    assert_eq!(well.arrived(), "1 2");
    drop(analytics); // as if it was killed

    let (well, revived) = (Fake::new("well", Act::Take), Fake::new("dead", Act::Take));
    let analytics = with_outbox(&outbox, &[well.clone(), revived.clone()]);
    analytics.initialize().await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(
        (well.arrived(), revived.arrived()),
        ("3".into(), "1 2 3".into())
    );
    track(&analytics, "a:4");
    analytics.shutdown().await;
    assert_eq!(
        (well.arrived(), revived.arrived()),
        ("3 | 4".into(), "1 2 3 | 4".into())
    );
    assert!(analytics.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn events_of_a_day_ago_and_of_tomorrow_arrive_in_the_order_in_which_they_were_tracked() {
    let outbox = Outbox::default();
    let fake = Fake::new("fake", Act::Take);
    let day = 86_400_000_000;
    let now = Timestamp::now().as_unix_micros();
    drop(
        with_outbox(&outbox, std::slice::from_ref(&fake))
            .persist()
            .await,
    );
    outbox.register("fake").await.unwrap();
    for (kind, at) in [("1", now - day), ("2", now + day), ("3", 0), ("4", now)] {
        let mut event = AnalyticsEvent::new(kind);
        event.timestamp = Timestamp::from_unix_micros(at).unwrap();
        outbox.append(&[event]).await.unwrap();
    }
    let analytics = with_outbox(&outbox, std::slice::from_ref(&fake));
    assert!(analytics.flush().await.success);
    assert_eq!(fake.arrived(), "1 2 3 4");
}

#[tokio::test(start_paused = true)]
async fn events_are_in_the_outbox_within_moments() {
    let outbox = Outbox::default();
    let analytics = with_outbox(&outbox, &[Fake::new("fake", Act::Hang)]);
    analytics.initialize().await.unwrap();
    for number in 1..=3 {
        track(&analytics, "a:1");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(outbox.0.lock().unwrap().events.len(), number);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_fails_is_tried_again_and_shown() {
    let outbox = Outbox::default();
    let fake = Fake::new("fake", Act::Take);
    let analytics = with_outbox(&outbox, std::slice::from_ref(&fake));
    analytics.initialize().await.unwrap();
    outbox.fails(true);
    track(&analytics, "a:1");
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!(result.error.as_deref(), Some("outbox: disk full"));
    assert_eq!(analytics.health().problems, ["outbox: disk full"]);
    outbox.fails(false);
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!((result.success, result.exported_count), (true, 1));
    assert!(analytics.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_in_the_outbox_too() {
    let outbox = Outbox::default();
    let fake = Fake::new("fake", Act::Give(ExportErrorKind::Permanent));
    let analytics = with_outbox(&outbox, std::slice::from_ref(&fake));
    track(&analytics, "a:1");
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!((result.exported_count, result.rejected.len()), (0, 1));
    let letters = outbox.dead_letters().await.unwrap();
    assert_eq!(letters, analytics.dead_letters());
    assert_eq!(
        (letters.len(), &*letters[0].reason),
        (1, "not sent: connection refused")
    );
    assert_eq!(analytics.health().problems, ["fake: 1 events given up"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_after_pauses_that_grow() {
    let fake = Fake::new("fake", Act::Fail);
    let analytics = coordinator(AnalyticsOptions::default(), std::slice::from_ref(&fake));
    analytics.initialize().await.unwrap();
    track(&analytics, "a:1");
    sleep(Duration::from_secs(60) + Duration::from_millis(1)).await;
    let mut before = Instant::now();
    for longest in [1, 2, 4, 8, 16, 32, 64] {
        let calls = fake.calls();
        while fake.calls() == calls {
            sleep(Duration::from_millis(10)).await;
        }
        let pause = before.elapsed();
        let longest = Duration::from_secs(longest);
        let slack = Duration::from_millis(20);
        assert!(
            pause + slack >= longest / 2 && pause <= longest + slack,
            "{pause:?} of {longest:?}"
        );
        before = Instant::now();
    }
    fake.becomes(Act::Take);
    sleep(Duration::from_secs(128)).await;
    assert_eq!(fake.arrived(), "1");
    assert!(analytics.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_asks_for_it_is_left_alone() {
    let fake = Fake::new("fake", Act::Later(Duration::from_secs(100)));
    let analytics = coordinator(AnalyticsOptions::default(), std::slice::from_ref(&fake));
    analytics.initialize().await.unwrap();
    track(&analytics, "a:1");
    sleep(Duration::from_secs(60 + 99)).await;
    assert_eq!(fake.calls(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn batches_that_are_too_large_are_sent_in_parts_at_once() {
    let fake = Fake::new("fake", Act::Fits(2));
    let analytics = coordinator(AnalyticsOptions::default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9");
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!((result.success, result.exported_count), (true, 9));
    assert_eq!(fake.arrived().replace(" |", ""), "1 2 3 4 5 6 7 8 9");
    fake.becomes(Act::Fits(0));
    track(&analytics, "a:10 b:11");
    let result = analytics.export_analytics(&"a".into()).await;
    assert_eq!(
        (result.success, result.exported_count, result.rejected.len()),
        (true, 0, 1)
    );
    assert_eq!(analytics.dead_letters()[0].event.event_type, "10");
}

#[tokio::test]
async fn an_event_over_which_an_exporter_panics_is_given_up_and_holds_up_no_other() {
    let fake = Fake::new("fake", Act::Chokes("3"));
    let analytics = coordinator(AnalyticsOptions::default(), std::slice::from_ref(&fake));
    track(&analytics, "a:1 a:2 a:3 a:4");
    for _ in 0..8 {
        analytics.flush().await;
    }
    assert_eq!(fake.arrived().replace(" |", ""), "1 2 4");
    let letters = analytics.dead_letters();
    assert_eq!((letters.len(), &*letters[0].event.event_type), (1, "3"));
    assert_eq!(letters[0].reason, "panicked: out of cheese");
}
