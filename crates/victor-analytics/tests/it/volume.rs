//! Many events from many tasks, through exporters of which one fails and one is slow.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use victor_analytics::{AnalyticsCoordinator, AnalyticsOptions};
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker, ExportError, ExportResult,
};
use victor_core::{Coordinator, EventId, SessionId};

const TASKS: usize = 8;

/// Maximum number of events that wait for an exporter.
const WAITING: usize = 20_000;

/// Keeps the identifiers of what arrives, as a receiver that deduplicates does.
#[derive(Debug)]
struct Receiver {
    name: &'static str,
    arrived: Mutex<HashSet<EventId>>,
    calls: AtomicUsize,
    /// Every third call fails; half of these after the events arrived.
    fails: bool,
    pause: Duration,
    largest: AtomicUsize,
    overlaps: AtomicBool,
    busy: AtomicBool,
}

impl Receiver {
    fn new(name: &'static str, fails: bool, pause: Duration) -> Arc<Self> {
        let (arrived, calls, largest, overlaps, busy) = Default::default();
        Arc::new(Self {
            name,
            arrived,
            calls,
            fails,
            pause,
            largest,
            overlaps,
            busy,
        })
    }
}

#[async_trait]
impl AnalyticsExporter for Receiver {
    fn name(&self) -> &str {
        self.name
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let overlaps = self.busy.swap(true, Ordering::SeqCst);
        self.overlaps.fetch_or(overlaps, Ordering::SeqCst);
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.largest.fetch_max(events.len(), Ordering::SeqCst);
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        self.busy.store(false, Ordering::SeqCst);
        let fails = self.fails && call % 3 == 1;
        if !fails || call % 2 == 1 {
            self.arrived
                .lock()
                .unwrap()
                .extend(events.iter().map(|event| event.id));
        }
        match fails {
            true => Err(ExportError::new("connection reset")),
            false => Ok(ExportResult::exported(events.len())),
        }
    }
}

/// The number of events that have arrived at the slowest.
fn fewest(receivers: &[Arc<Receiver>]) -> usize {
    let arrived = receivers
        .iter()
        .map(|receiver| receiver.arrived.lock().unwrap().len());
    arrived.min().unwrap_or_default()
}

/// Sends so many events from eight tasks and checks that each arrives everywhere, within bounded memory.
async fn check(count: usize) {
    let receivers = [
        Receiver::new("well", false, Duration::ZERO),
        Receiver::new("failing", true, Duration::ZERO),
        Receiver::new("slow", false, Duration::from_millis(2)),
    ];
    let options = AnalyticsOptions::default()
        .with_retry_pause(Duration::from_millis(1))
        .with_waiting_events(WAITING)
        .with_batch_size(2_000)
        .with_shutdown_timeout(Duration::from_secs(60));
    let builder = AnalyticsCoordinator::builder().options(options);
    let builder = receivers.iter().fold(builder, |builder, receiver| {
        builder.exporter(receiver.clone())
    });
    let analytics = Arc::new(builder.build());
    analytics.initialize().await.unwrap();
    let tracked = Arc::new(AtomicUsize::new(0));
    let tasks = (0..TASKS).map(|task| {
        let (analytics, receivers) = (Arc::clone(&analytics), receivers.clone());
        let tracked = Arc::clone(&tracked);
        tokio::spawn(async move {
            let session = SessionId::new(format!("s{task}"));
            let mut sent = Vec::with_capacity(count / TASKS);
            for number in 0..count / TASKS {
                let event = AnalyticsEvent::new("tool_call_finished").with("number", number);
                sent.push(event.id);
                analytics.track_event(&session, event);
                let tracked = tracked.fetch_add(1, Ordering::Relaxed);
                // No faster than the slowest takes them for long: what does not fit is dropped, as another test knows.
                while number % 100 == 0 && tracked > WAITING / 2 + fewest(&receivers) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            sent
        })
    });
    let mut sent = HashSet::with_capacity(count);
    for task in tasks.collect::<Vec<_>>() {
        sent.extend(task.await.unwrap());
    }
    assert_eq!(sent.len(), count, "identifiers are unique");
    for _ in 0..1_000 {
        if analytics.flush().await.success {
            break;
        }
    }
    analytics.shutdown().await;
    for receiver in &receivers {
        assert_eq!(*receiver.arrived.lock().unwrap(), sent, "{}", receiver.name);
        assert!(
            !receiver.overlaps.load(Ordering::SeqCst),
            "{}",
            receiver.name
        );
        assert!(receiver.largest.load(Ordering::SeqCst) <= 2_000);
    }
    let held = analytics.events(&victor_analytics_protocol::EventQuery::default());
    assert!(held.len() <= 20_000, "{} events are held", held.len());
    let health = analytics.health();
    assert!(health.is_healthy(), "{health:?}");
}

/// Forty thousand events, or as many as `VICTOR_EVENTS` says: a million take half a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_arrives_everywhere() {
    let count = std::env::var("VICTOR_EVENTS").ok();
    let count = count.map_or(40_000, |count| count.parse().expect("a number"));
    check(count / TASKS * TASKS).await;
}
