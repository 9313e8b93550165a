//! The queue of spans, and the task that sends them.

mod sender;
mod worker;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use victor_core::{Health, Lock, Problems};

use self::sender::Sender;
use crate::metrics::Metrics;
use crate::{OtelError, OtelOptions};

/// The component of the health that is the sending of spans.
const TRACES: &str = "traces";
/// The component of the health that is the sending of metrics.
const METRICS: &str = "metrics";

/// Most flushes that wait for the task; further ones wait for their place.
const MAX_FLUSHES: usize = 16;

/// Numbers of spans, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportCounts {
    /// Spans that the receiver has taken.
    pub sent: u64,
    /// Spans that the receiver has refused one by one, as it reports.
    pub rejected: u64,
    /// Spans that were dropped, since the queue was full or the receiver did not take them after all attempts.
    pub dropped: u64,
    /// Spans that wait to be sent, or are on their way.
    pub waiting: u64,
}

/// Sends spans and metrics, without making anybody wait.
pub(crate) struct Exporter {
    shared: Arc<Shared>,
    worker: Lock<Option<Worker>>,
}

struct Worker {
    task: JoinHandle<()>,
    flushes: mpsc::Sender<oneshot::Sender<()>>,
}

/// State that the exporter shares with its task.
struct Shared {
    options: OtelOptions,
    sender: Sender,
    metrics: Arc<Metrics>,
    queue: Lock<VecDeque<Span>>,
    /// Spans that are on their way.
    sending: AtomicU64,
    /// Tells the task that a batch is full.
    is_full: Notify,
    /// Whether the work ends, so that nobody waits longer than needed.
    is_ending: AtomicBool,
    ending: Notify,
    sent: AtomicU64,
    rejected: AtomicU64,
    dropped: AtomicU64,
    problems: Problems,
}

impl Exporter {
    pub(crate) fn new(options: OtelOptions, metrics: Arc<Metrics>) -> Result<Self, OtelError> {
        let sender = Sender::new(&options)?;
        let shared = Shared {
            options,
            sender,
            metrics,
            queue: Lock::default(),
            sending: AtomicU64::new(0),
            is_full: Notify::new(),
            is_ending: AtomicBool::new(false),
            ending: Notify::new(),
            sent: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            problems: Problems::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            worker: Lock::default(),
        })
    }

    /// Takes a span, or drops it if too many wait.
    pub(crate) fn push(&self, span: Span) {
        let options = &self.shared.options;
        if !options.traces {
            return;
        }
        let waiting = {
            let mut queue = self.shared.queue.lock();
            if queue.len() < options.max_queue {
                queue.push_back(span);
                queue.len()
            } else {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        self.wake();
        if waiting == options.max_batch {
            self.shared.is_full.notify_one();
        }
    }

    /// Sees to it that the task runs, if there is a runtime for it. It is begun anew where its runtime has ended.
    pub(crate) fn wake(&self) {
        let mut worker = self.worker.lock();
        if worker
            .as_ref()
            .is_some_and(|worker| !worker.task.is_finished())
        {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (flushes, receiver) = mpsc::channel(MAX_FLUSHES);
            let task = runtime.spawn(worker::run(self.shared.clone(), receiver));
            *worker = Some(Worker { task, flushes });
        }
    }

    /// Sends what waits, and returns whether all of it has been dealt with in time.
    pub(crate) async fn flush(&self, limit: Duration) -> bool {
        self.wake();
        let (done, is_done) = oneshot::channel();
        let flushes = self
            .worker
            .lock()
            .as_ref()
            .map(|worker| worker.flushes.clone());
        let Some(flushes) = flushes else { return false };
        let flush = async {
            let is_asked = flushes.send(done).await.is_ok();
            is_asked && is_done.await.is_ok()
        };
        timeout(limit, flush).await.unwrap_or(false)
    }

    /// Sends what waits within the time limit of the options, and drops the rest.
    pub(crate) async fn shutdown(&self) {
        let shared = &self.shared;
        shared.is_ending.store(true, Ordering::Release);
        shared.ending.notify_waiters();
        let is_done = self.flush(shared.options.shutdown_timeout).await;
        if let Some(worker) = self.worker.lock().take() {
            worker.task.abort();
        }
        if !is_done {
            let left = shared.queue.lock().drain(..).len() as u64;
            let left = left + shared.sending.swap(0, Ordering::AcqRel);
            shared.dropped.fetch_add(left, Ordering::Relaxed);
        }
        shared.is_ending.store(false, Ordering::Release);
    }

    pub(crate) fn counts(&self) -> ExportCounts {
        self.shared.counts()
    }

    /// Returns the health of the coordinator that exports: the problems of now, the failures until now, and the spans
    /// that were lost.
    pub(crate) fn health(&self, coordinator: &str) -> Health {
        let mut health = self.shared.problems.health(coordinator);
        let ExportCounts {
            dropped, rejected, ..
        } = self.counts();
        if dropped > 0 {
            health.add_problem(format!("{dropped} spans were dropped"));
        }
        if rejected > 0 {
            health.add_problem(format!("the receiver has refused {rejected} spans"));
        }
        health
    }
}

impl Shared {
    fn counts(&self) -> ExportCounts {
        let sending = self.sending.load(Ordering::Acquire);
        ExportCounts {
            sent: self.sent.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            waiting: self.queue.lock().len() as u64 + sending,
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.get_mut().take() {
            worker.task.abort();
        }
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
