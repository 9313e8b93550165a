//! One call of foreign code.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::coop::{Unconstrained, unconstrained};
use tokio::time::{Sleep, sleep};
use victor_core::{Panicked, contain_sync};

use crate::Fault;

/// Calls foreign code: makes its future and awaits it, for at most `limit`.
///
/// A panic is contained wherever it occurs: while the future is made, polled or dropped. A panic in the destructor of a
/// future whose outcome is settled does not change the outcome.
///
/// The future runs where it is awaited; nothing is spawned. The timer starts when the future is first pending, so a
/// call that is ready at once costs no timer and no allocation. Outside of a tokio runtime with timers there is no time
/// limit. A future that blocks its thread cannot be interrupted.
///
/// # Errors
///
/// [`Fault::Panicked`] if making or polling the future panicked, [`Fault::TimedOut`] if the limit passed.
///
/// # Cancel safety
///
/// Dropping the returned future drops the inner one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use victor_guard::call;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let answer = call(Duration::from_secs(5), || async { Err::<(), _>("no such user") }).await;
/// assert_eq!(answer, Ok(Err("no such user"))); // its own error is no fault
/// # }
/// ```
pub async fn call<F: Future>(
    limit: Duration,
    make: impl FnOnce() -> F,
) -> Result<F::Output, Fault> {
    let slot = pin!(Some(contain_sync(make)?));
    let mut future = Contained(slot);
    let mut timer = None;
    poll_fn(|cx| {
        match future.poll(cx) {
            Poll::Ready(output) => return Poll::Ready(output.map_err(Fault::Panicked)),
            Poll::Pending => {}
        }
        match timer.get_or_insert_with(|| start_timer(limit)) {
            Some(timer) => (timer.as_mut().poll(cx)).map(|()| Err(Fault::TimedOut(limit))),
            None => Poll::Pending,
        }
    })
    .await
}

/// A future of which neither polling nor dropping panics.
struct Contained<'a, F>(Pin<&'a mut Option<F>>);

impl<F: Future> Contained<'_, F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panicked>> {
        let Some(future) = self.0.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        match contain_sync(|| future.poll(cx)) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

impl<F> Drop for Contained<'_, F> {
    fn drop(&mut self) {
        let _ = contain_sync(|| self.0.set(None));
    }
}

/// A timer that fires however busy the task is: without a budget, a future that uses up the task's own would starve it.
type Timer = Pin<Box<Unconstrained<Sleep>>>;

fn start_timer(limit: Duration) -> Option<Timer> {
    Handle::try_current().ok()?;
    // `sleep` panics in a runtime without timers.
    contain_sync(|| Box::pin(unconstrained(sleep(limit)))).ok()
}
