//! The recorder of turns.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};
use victor_chat_protocol::{
    EventBatch, EventLogError, ObservedTurn, TurnEvent, TurnEventLog, TurnObserver, TurnOpening,
};
use victor_core::{Health, Lock, Problems, Timestamp, TurnId};
use victor_guard::{call, report};
use victor_provider_protocol::LedgerObserver;

use crate::RecorderOptions;
use crate::pending::{Pending, Written};

/// The longest pause after a failure of the log.
const LONGEST: Duration = Duration::from_secs(5);

/// Records the events of an orchestrator's turns into a log, as a [`TurnObserver`]. A clone is the same recorder.
///
/// It writes in a task of its own, which begins with the first event on the tokio runtime at hand and ends when the last
/// clone is dropped. Call [`flush`](Self::flush) before a program ends.
#[derive(Clone)]
pub struct TurnRecorder(Arc<Shared>);

struct Shared {
    log: Arc<dyn TurnEventLog>,
    options: RecorderOptions,
    pending: Lock<Pending>,
    problems: Problems,
    /// Wakes the task when there is something to write.
    some: Arc<Notify>,
    is_started: AtomicBool,
    /// Held while something is written.
    writing: Mutex<()>,
}

impl TurnRecorder {
    /// Creates a recorder into a log.
    pub fn new(log: impl TurnEventLog) -> Self {
        Self::with_options(log, RecorderOptions::default())
    }

    /// Creates a recorder into a log that works in another way.
    pub fn with_options(log: impl TurnEventLog, options: RecorderOptions) -> Self {
        Self(Arc::new(Shared {
            log: Arc::new(log),
            options,
            pending: Lock::default(),
            problems: Problems::default(),
            some: Arc::default(),
            is_started: AtomicBool::new(false),
            writing: Mutex::default(),
        }))
    }

    /// Writes what waits at this moment. Returns whether all of it is in the log.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call may lose the events under way.
    pub async fn flush(&self) -> bool {
        // What another process has recorded of a turn shows when it is written to.
        self.0.write().await || self.0.write().await
    }

    /// Returns the health: problems of the log, and the number of events that were dropped because of them.
    #[must_use]
    pub fn health(&self) -> Health {
        let reported = self.0.problems.health("turn log");
        let mut problems = reported.problems;
        let dropped = self.0.pending.lock().dropped;
        if dropped > 0 {
            problems.push(format!("{dropped} events dropped"));
        }
        let mut health = Health::from_problems("turn log", problems);
        health.faults = reported.faults;
        health
    }

    /// Begins to write in the background.
    fn start(&self) {
        if self.0.is_started.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            let problem = "there is no tokio runtime: events wait until `flush`";
            self.0.problems.report("recorder", problem);
            return;
        };
        if !self.0.is_started.swap(true, Ordering::Relaxed) {
            self.0.problems.clear("recorder");
            let (shared, some) = (Arc::downgrade(&self.0), Arc::clone(&self.0.some));
            runtime.spawn(write_now_and_then(shared, some));
        }
    }
}

/// Writes what has come, until nobody has the recorder any more.
async fn write_now_and_then(shared: Weak<Shared>, some: Arc<Notify>) {
    let mut removed: Option<Instant> = None;
    let mut pause = None;
    loop {
        match pause {
            None => some.notified().await,
            Some(pause) => sleep(pause).await,
        }
        let Some(interval) = shared.upgrade().map(|shared| shared.options.interval) else {
            return;
        };
        if pause.is_none() {
            sleep(interval).await;
        }
        let Some(shared) = shared.upgrade() else {
            return;
        };
        pause = match (shared.write().await, pause) {
            (true, _) => None,
            (false, None) => Some(interval.max(Duration::from_millis(10))),
            (false, Some(pause)) => Some((pause * 2).min(LONGEST)),
        };
        let keep = shared.options.keep;
        if removed.is_none_or(|at| at.elapsed() > keep / 10) {
            removed = Some(Instant::now());
            shared.remove_old().await;
        }
    }
}

impl Shared {
    /// Writes what waits, and returns whether nothing of it is left.
    async fn write(&self) -> bool {
        let _writing = self.writing.lock().await;
        let taken = self.pending.lock().take();
        if taken.is_empty() {
            return true;
        }
        let (batches, unsure): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        let outcome = self.guard(|| self.log.append(&batches)).await;
        let mut is_all = true;
        let lengths = outcome.unwrap_or_default();
        for (number, (batch, is_unsure)) in batches.into_iter().zip(unsure).enumerate() {
            let written = match lengths.get(number) {
                None => Written::Unknown,
                Some(length) if *length == batch.first => Written::Yes,
                Some(length) => self.behind(&batch, *length, is_unsure).await,
            };
            is_all &= !self.pending.lock().settle(batch, written);
        }
        is_all
    }

    /// Finds out where the log is that has another number of events of a turn than was expected.
    async fn behind(&self, batch: &EventBatch, length: u64, is_unsure: bool) -> Written {
        if !is_unsure {
            // Another process has recorded the turn before, or this one did in an earlier attempt.
            return Written::Behind { length, known: 0 };
        }
        let count = batch.events.len();
        match self
            .guard(|| self.log.read(batch.turn, batch.first, count))
            .await
        {
            Ok(found) => {
                let same = batch.events.iter().zip(&found);
                let known = same.take_while(|(event, found)| event == found).count();
                if known == count && length == batch.end() {
                    return Written::Yes;
                }
                Written::Behind { length, known }
            }
            Err(_) => Written::Unknown,
        }
    }

    async fn remove_old(&self) {
        let before = Timestamp::now() - self.options.keep;
        drop(self.guard(|| self.log.remove_before(before)).await);
    }

    async fn guard<T, F>(&self, make: impl FnOnce() -> F) -> Result<T, EventLogError>
    where
        F: Future<Output = Result<T, EventLogError>>,
    {
        let answer = call(self.options.log_timeout, make)
            .await
            .map_err(|fault| EventLogError::new(format!("it {fault}")))
            .flatten();
        report(&self.problems, "log", answer.as_ref().err());
        answer
    }
}

impl LedgerObserver for TurnRecorder {}

impl TurnObserver for TurnRecorder {
    fn begin(&self, turn: &TurnOpening<'_>) -> Option<Box<dyn ObservedTurn>> {
        self.start();
        self.0.pending.lock().begin(turn.session, turn.turn);
        Some(Box::new(Recording {
            recorder: self.clone(),
            turn: turn.turn,
        }))
    }
}

/// The recording of one turn.
#[derive(Debug)]
struct Recording {
    recorder: TurnRecorder,
    turn: TurnId,
}

impl ObservedTurn for Recording {
    fn event(&mut self, event: &TurnEvent) {
        let shared = &self.recorder.0;
        let limit = shared.options.waiting_events;
        let is_first = shared.pending.lock().push(event, limit);
        if is_first {
            shared.some.notify_one();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.recorder.0.pending.lock().end(self.turn);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The task sees that nobody has the recorder any more.
        self.some.notify_one();
    }
}

impl fmt::Debug for TurnRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnRecorder")
            .field("log", &self.0.log)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
