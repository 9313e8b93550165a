//! Guards against other people's code.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};
use victor_context_protocol::TokenCounter;
use victor_core::{Message, Problems, contain_sync};

use crate::EstimateCounter;

/// A counter of somebody else's; where it panics, the estimate takes its place.
#[derive(Debug)]
pub(crate) struct ContainedCounter {
    inner: Arc<dyn TokenCounter>,
    problems: Arc<Problems>,
}

impl ContainedCounter {
    pub(crate) fn new(inner: Arc<dyn TokenCounter>, problems: Arc<Problems>) -> Self {
        Self { inner, problems }
    }

    fn or_estimate(&self, count: impl Fn(&dyn TokenCounter) -> u32) -> u32 {
        contain_sync(|| count(&*self.inner)).unwrap_or_else(|panicked| {
            self.problems.report("token counter", panicked);
            count(&EstimateCounter)
        })
    }
}

impl TokenCounter for ContainedCounter {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn count_text(&self, text: &str) -> u32 {
        self.or_estimate(|counter| counter.count_text(text))
    }

    fn count_message(&self, message: &Message) -> u32 {
        self.or_estimate(|counter| counter.count_message(message))
    }
}

/// Runs a future, at most for `limit` if this is a tokio runtime with timers. None if the time is up.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    // Most calls are done at once and need no timer.
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        match timer.get_or_insert_with(|| start_timer(limit)) {
            Some(timer) => timer.as_mut().poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

fn start_timer(limit: Duration) -> Option<Pin<Box<Sleep>>> {
    // `sleep` panics in a runtime without timers.
    Handle::try_current()
        .ok()
        .and_then(|_| contain_sync(|| Box::pin(sleep(limit))).ok())
}
