//! Turns a panic into a value.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Somebody else's code panicked; this is what it said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {message}")]
pub struct Panicked {
    /// The panic's message, or a remark that it had none.
    pub message: String,
}

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self {
            message: text.unwrap_or("no message").to_owned(),
        }
    }
}

/// Runs a future of somebody else's and returns its panic as an error instead of unwinding further.
///
/// The future runs where it is awaited: nothing is spawned. After a panic it is dropped and never polled again. Code
/// that leaves shared data half changed when it panics is not made whole by this; what the callee holds is its own
/// affair, and a lock that it poisoned stays poisoned.
///
/// # Cancel safety
///
/// Dropping the returned future drops the inner one.
///
/// # Errors
///
/// [`Panicked`], if polling the future panicked.
///
/// ```
/// # use std::{pin::pin, task::{Context, Poll, Waker}};
/// let mut run = pin!(victor_core::contain(async { panic!("out of cheese") }));
/// # let poll: Poll<Result<(), _>> = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
/// # let Poll::Ready(outcome) = poll else { panic!() };
/// // let outcome = run.await;
/// assert_eq!(outcome.unwrap_err().message, "out of cheese");
/// ```
pub async fn contain<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|cx| match contain_sync(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// Runs a function of somebody else's and returns its panic as an error instead of unwinding further.
///
/// # Errors
///
/// [`Panicked`], if the function panicked.
pub fn contain_sync<T>(function: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload| Panicked::new(&*payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_payload_is_told() {
        let message = |function: fn()| contain_sync(function).unwrap_err().message;
        assert_eq!(message(|| panic!("plain")), "plain");
        assert_eq!(message(|| panic!("formatted {}", 1)), "formatted 1");
        assert_eq!(message(|| std::panic::panic_any(1)), "no message");
        assert_eq!(contain_sync(|| 1), Ok(1));
    }
}
