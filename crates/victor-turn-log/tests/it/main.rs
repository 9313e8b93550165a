//! Recorders and followers through their public API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use victor_chat_protocol::{
    ChatResponse, EventBatch, EventLogError, InMemoryEventLog, TurnEvent, TurnEventKind,
    TurnEventLog, TurnFinished, TurnObserver, TurnOpening, TurnOutcome,
};
use victor_core::{HealthStatus, SessionId, Timestamp, TurnId};
use victor_turn_log::{RecorderOptions, TurnFollower, TurnRecorder};

const LONG: Duration = Duration::from_secs(60);

/// A log that fails so often, each time before or after the write.
#[derive(Debug, Default)]
struct Log {
    inner: InMemoryEventLog,
    failures: AtomicUsize,
    writes_first: bool,
    appends: AtomicUsize,
}

#[async_trait]
impl TurnEventLog for Log {
    async fn append(&self, batches: &[EventBatch]) -> Result<Vec<u64>, EventLogError> {
        self.appends.fetch_add(1, Ordering::Relaxed);
        let left = self.failures.load(Ordering::Relaxed);
        if left == 0 {
            return self.inner.append(batches).await;
        }
        self.failures.store(left - 1, Ordering::Relaxed);
        if self.writes_first {
            self.inner.append(batches).await?;
        }
        Err(EventLogError::new("the answer was lost"))
    }

    async fn len(&self, turn: TurnId) -> Result<u64, EventLogError> {
        self.inner.len(turn).await
    }

    async fn read(
        &self,
        turn: TurnId,
        from: u64,
        max: usize,
    ) -> Result<Vec<TurnEvent>, EventLogError> {
        self.inner.read(turn, from, max).await
    }

    async fn wait(&self, turn: TurnId, known: u64, time: Duration) -> Result<(), EventLogError> {
        self.inner.wait(turn, known, time).await
    }

    async fn remove_before(&self, time: Timestamp) -> Result<u64, EventLogError> {
        self.inner.remove_before(time).await
    }
}

fn session() -> SessionId {
    SessionId::new("s")
}

fn text(turn: TurnId, number: u64) -> TurnEvent {
    let kind = TurnEventKind::text(number.to_string());
    TurnEvent::new(session(), turn, number, kind)
}

async fn texts(log: &impl TurnEventLog, turn: TurnId) -> Vec<String> {
    let events = log.read(turn, 0, 10_000).await.unwrap();
    events
        .iter()
        .map(|event| event.content().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_events_of_all_turns_are_written_together() {
    let log = Arc::new(Log::default());
    let recorder = TurnRecorder::new(log.clone());
    let turns: Vec<_> = (0..10).map(TurnId::from_u128).collect();
    let mut recordings: Vec<_> = turns
        .iter()
        .map(|turn| {
            recorder
                .begin(&TurnOpening::new(&session(), *turn))
                .unwrap()
        })
        .collect();
    for number in 0..100 {
        for (recording, turn) in recordings.iter_mut().zip(&turns) {
            recording.event(&text(*turn, number));
        }
    }
    drop(recordings);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(log.appends.load(Ordering::Relaxed), 1);
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for turn in turns {
        assert_eq!(texts(&log, turn).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_fails_loses_and_doubles_nothing() {
    for writes_first in [false, true] {
        let log = Arc::new(Log {
            failures: AtomicUsize::new(3),
            writes_first,
            ..Log::default()
        });
        let recorder = TurnRecorder::new(log.clone());
        let turn = TurnId::from_u128(1);
        let mut recording = recorder.begin(&TurnOpening::new(&session(), turn)).unwrap();
        let mut was_degraded = false;
        for number in 0..20 {
            recording.event(&text(turn, number));
            tokio::time::sleep(Duration::from_millis(30)).await;
            was_degraded |= recorder.health().status == HealthStatus::Degraded;
        }
        assert!(was_degraded, "{writes_first}");
        drop(recording);
        tokio::time::sleep(LONG).await;
        let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
        assert_eq!(texts(&log, turn).await, expected, "{writes_first}");
        assert_eq!(recorder.health().status, HealthStatus::Healthy);
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_another_process_takes_up_goes_on_in_the_same_log() {
    let (log, turn) = (Arc::new(InMemoryEventLog::default()), TurnId::from_u128(1));
    let mut follower = TurnFollower::new(log.clone(), turn, 2);
    for _ in 0..2 {
        let recorder = TurnRecorder::new(log.clone());
        let mut recording = recorder.begin(&TurnOpening::new(&session(), turn)).unwrap();
        for number in 0..3 {
            recording.event(&text(turn, number));
        }
        assert!(recorder.flush().await);
    }
    assert_eq!(texts(&log, turn).await, ["0", "1", "2", "0", "1", "2"]);
    for expected in ["2", "0", "1", "2"] {
        let event = follower.next(LONG).await.unwrap().unwrap();
        assert_eq!(event.content(), expected);
    }
    assert!(!follower.is_over());
    let finished = ChatResponse::ended(session(), turn, TurnOutcome::Completed);
    let end = TurnEvent::new(session(), turn, 3, TurnFinished::new(Box::new(finished)));
    let batch = EventBatch::new(session(), turn, 6, vec![end]);
    log.append(&[batch]).await.unwrap();
    follower.next(LONG).await.unwrap().unwrap();
    assert!(follower.is_over());
    assert_eq!(follower.position(), 7);
    assert!(follower.next(Duration::ZERO).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_and_what_is_old_is_removed() {
    let log = Arc::new(Log {
        failures: AtomicUsize::new(usize::MAX),
        ..Log::default()
    });
    let options = RecorderOptions::default().with_waiting_events(5);
    let recorder = TurnRecorder::with_options(log.clone(), options);
    let turn = TurnId::from_u128(1);
    let mut recording = recorder.begin(&TurnOpening::new(&session(), turn)).unwrap();
    for number in 0..12 {
        recording.event(&text(turn, number));
    }
    assert!(!recorder.flush().await);
    let problems = recorder.health().problems;
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("7 events dropped")),
        "{problems:?}"
    );
    log.failures.store(0, Ordering::Relaxed);
    assert!(recorder.flush().await);
    assert_eq!(texts(&log, turn).await, ["7", "8", "9", "10", "11"]);

    let log = Arc::new(InMemoryEventLog::default());
    let options = RecorderOptions::default().with_keep(Duration::ZERO);
    let recorder = TurnRecorder::with_options(log.clone(), options);
    let old = TurnId::from_u128(2);
    log.append(&[EventBatch::new(session(), old, 0, vec![text(old, 0)])])
        .await
        .unwrap();
    std::thread::park_timeout(Duration::from_millis(2));
    let mut recording = recorder.begin(&TurnOpening::new(&session(), turn)).unwrap();
    recording.event(&text(turn, 0));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(log.len(old).await.unwrap(), 0);
}
