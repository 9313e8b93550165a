//! The task that sends what waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use victor_core::Timestamp;

use super::sender::{Outcome, Signal};
use super::{METRICS, Shared, TRACES};

/// The wait before the second attempt; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait before an attempt, also where the receiver asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Sends what waits, until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, mut flushes: mpsc::Receiver<oneshot::Sender<()>>) {
    let mut metrics_due = Instant::now() + shared.options.metrics_interval;
    loop {
        let due = Instant::now() + shared.options.delay;
        let flush = tokio::select! {
            flush = flushes.recv() => match flush {
                Some(done) => Some(done),
                None => return,
            },
            () = shared.is_full.notified() => None,
            () = sleep_until(due) => None,
        };
        while shared.send_batch().await {}
        if flush.is_some() || Instant::now() >= metrics_due {
            shared.send_metrics().await;
            metrics_due = Instant::now() + shared.options.metrics_interval;
        }
        if let Some(done) = flush {
            let _ = done.send(()); // who asked may have stopped waiting
        }
    }
}

impl Shared {
    /// Sends the oldest spans. Returns whether there were any.
    async fn send_batch(&self) -> bool {
        let mut batch: Vec<Span> = {
            let mut queue = self.queue.lock();
            let count = queue.len().min(self.options.max_batch.max(1));
            let batch: Vec<_> = queue.drain(..count).collect();
            self.sending.store(batch.len() as u64, Ordering::Release);
            batch
        };
        if batch.is_empty() {
            return false;
        }
        // What is too large for one request goes in halves.
        while !batch.is_empty() {
            let mut part = batch.len();
            let outcome = loop {
                let body = self.sender.spans(&batch[..part]);
                match self.send(Signal::Traces, body).await {
                    Outcome::TooLarge(_) if part > 1 => part = part.div_ceil(2),
                    outcome => break outcome,
                }
            };
            let count = part as u64;
            match outcome {
                Outcome::Taken { rejected, message } => {
                    let rejected = rejected.min(count);
                    self.sent.fetch_add(count - rejected, Ordering::Relaxed);
                    self.rejected.fetch_add(rejected, Ordering::Relaxed);
                    match message {
                        Some(message) => self.problems.report(TRACES, message),
                        None => self.problems.clear(TRACES),
                    }
                }
                Outcome::Failed(reason, _) | Outcome::TooLarge(reason) => {
                    self.dropped.fetch_add(count, Ordering::Relaxed);
                    self.problems.report(TRACES, reason);
                }
            }
            self.sending.fetch_sub(count, Ordering::AcqRel);
            batch.drain(..part);
        }
        true
    }

    async fn send_metrics(&self) {
        if !self.options.metrics {
            return;
        }
        let Some(metrics) = self.metrics.snapshot(Timestamp::now()) else {
            return;
        };
        let body = self.sender.metrics(metrics);
        match self.send(Signal::Metrics, body).await {
            Outcome::Taken { message: None, .. } => self.problems.clear(METRICS),
            Outcome::Taken {
                message: Some(reason),
                ..
            }
            | Outcome::Failed(reason, _)
            | Outcome::TooLarge(reason) => self.problems.report(METRICS, reason),
        }
    }

    /// Sends a body, again where that may help.
    async fn send(&self, signal: Signal, body: Vec<u8>) -> Outcome {
        let body = self.sender.packed(body);
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let outcome = self.sender.send(signal, body.clone()).await;
            let Outcome::Failed(_, Some(asked)) = &outcome else {
                return outcome;
            };
            if attempt >= self.options.max_attempts {
                return outcome;
            }
            let longest = asked.unwrap_or(wait).min(LONGEST_WAIT);
            if !self.pause(longest).await {
                // There is no time to wait as long as was asked for; what can be sent is not worth more than that.
                attempt = self.options.max_attempts;
                continue;
            }
            (attempt, wait) = (attempt + 1, wait * 2);
        }
    }

    /// Waits, and returns whether there was time for it. At the end of the work there is a tenth of the time limit.
    async fn pause(&self, time: Duration) -> bool {
        let ending = self.ending.notified();
        let short = self.options.shutdown_timeout / 10;
        if self.is_ending.load(Ordering::Acquire) {
            sleep(time.min(short)).await;
            return time <= short;
        }
        tokio::select! {
            () = sleep(time) => true,
            () = ending => false,
        }
    }
}
