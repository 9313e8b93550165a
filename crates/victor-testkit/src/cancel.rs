//! Futures polled by hand: dropped at every await point, counted, driven without a runtime.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Number of polls after which a future counts as one that never ends.
const MAX_POLLS: usize = 1000;

/// Runs a future again and again, and drops it after its first poll, its second, and so on, until it completes.
///
/// After each drop `check` is called with the number of polls that the future had; it looks whether what the future
/// worked on is whole. Returns what the future that completed returned. A future that never waits is polled once and
/// never dropped, so `check` is not called.
///
/// In a tokio test, await it; without a runtime, hand it to [`drive`].
///
/// # Panics
///
/// The future needs more than 1000 polls.
///
/// ```
/// use victor_testkit::{cancel_at_every_poll, drive};
///
/// let mut drops = Vec::new();
/// let answer = cancel_at_every_poll(
///     async || {
///         tokio::task::yield_now().await; // dropped here in the first run
///         tokio::task::yield_now().await; // and here in the second
///         42
///     },
///     async |polls| drops.push(polls),
/// );
/// assert_eq!(drive(answer), Some(42));
/// assert_eq!(drops, [1, 2]);
/// ```
pub async fn cancel_at_every_poll<T>(
    mut run: impl AsyncFnMut() -> T,
    mut check: impl AsyncFnMut(usize),
) -> T {
    for polls in 1..=MAX_POLLS {
        if let Some(output) = poll_at_most(polls, run()).await {
            return output;
        }
        check(polls).await;
    }
    panic!("the future was not done after {MAX_POLLS} polls");
}

/// Polls a future at most so many times, each time when it is woken, and drops it if it is not done by then.
pub async fn poll_at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Awaits a future and says how many polls it needed.
pub async fn count_polls<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx).map(|output| (output, polls))
    })
    .await
}

/// Runs a future without a runtime as long as it wakes itself, and returns what it returned, or nothing if it waits
/// for somebody else.
///
/// ```
/// assert_eq!(victor_testkit::drive(async { 1 + 1 }), Some(2));
/// assert_eq!(victor_testkit::drive(std::future::pending::<()>()), None);
/// ```
pub fn drive<F: Future>(future: F) -> Option<F::Output> {
    match drive_until_pending(pin!(future)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Polls a future without a runtime as long as it wakes itself, and leaves it where it waits for somebody else, so
/// that a test can do something meanwhile and go on.
pub fn drive_until_pending<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    while woken.0.swap(false, Ordering::AcqRel) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Poll::Ready(output);
        }
    }
    Poll::Pending
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
