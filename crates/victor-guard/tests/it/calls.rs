//! Calls of code that panics, hangs or starves others.

use std::future::{Future, Pending, Ready, pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::coop::{consume_budget, has_budget_remaining};
use tokio::time::{advance, sleep};
use victor_guard::{Fault, call};

const LIMIT: Duration = Duration::from_secs(5);

async fn check<F: Future<Output: std::fmt::Display>>(make: impl FnOnce() -> F, expected: &str) {
    let found = match call(LIMIT, make).await {
        Ok(output) => output.to_string(),
        Err(fault) => fault.to_string(),
    };
    assert_eq!(found, expected);
}

async fn after(seconds: u64) -> &'static str {
    sleep(Duration::from_secs(seconds)).await;
    "done"
}

fn no_cheese() -> &'static str {
    panic!("out of cheese")
}

#[tokio::test(start_paused = true)]
async fn every_end_of_a_call_is_a_value() {
    check(|| ready("at once"), "at once").await;
    check(|| after(4), "done").await;
    check(|| after(6), "gave no answer within 5s").await;
    check(pending::<&str>, "gave no answer within 5s").await;
    let panics = "panicked: out of cheese";
    check(|| -> Ready<&str> { panic!("out of cheese") }, panics).await;
    check(|| async { no_cheese() }, panics).await;
    let panics_later = || async {
        after(1).await;
        no_cheese()
    };
    check(panics_later, panics).await;
}

/// A future whose destructor panics.
struct PanicsInDrop<F>(F, &'static AtomicBool);

impl<F: Future + Unpin> Future for PanicsInDrop<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<F> Drop for PanicsInDrop<F> {
    fn drop(&mut self) {
        self.1.store(true, Ordering::Relaxed);
        panic!("in drop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_destructor_changes_no_outcome() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    check(|| PanicsInDrop(ready("settled"), &DROPPED), "settled").await;
    assert!(DROPPED.swap(false, Ordering::Relaxed));

    let hangs = || PanicsInDrop(pending::<&str>(), &DROPPED);
    check(hangs, "gave no answer within 5s").await;
    assert!(DROPPED.swap(false, Ordering::Relaxed));

    let dropped = tokio::time::timeout(Duration::from_secs(1), call(LIMIT, hangs)).await;
    assert!(dropped.is_err());
    assert!(DROPPED.swap(false, Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_always_busy_ends_too() {
    let busy = || {
        poll_fn(|cx| {
            // Moves the clock at its first poll.
            let _ = pin!(advance(Duration::from_secs(1))).poll(cx);
            while has_budget_remaining() {
                let _ = pin!(consume_budget()).poll(cx);
            }
            cx.waker().wake_by_ref();
            Poll::<&str>::Pending
        })
    };
    check(busy, "gave no answer within 5s").await;
}

#[test]
fn outside_of_a_runtime_there_is_no_limit() {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut done = pin!(call(LIMIT, || ready(1)));
    assert_eq!(done.as_mut().poll(cx), Poll::Ready(Ok(1)));
    let mut never = pin!(call(Duration::ZERO, pending::<()>));
    for _ in 0..3 {
        assert!(never.as_mut().poll(cx).is_pending());
    }
    let mut panics = pin!(call(LIMIT, || async { panic!("in the air") }));
    let fault = panics.as_mut().poll(cx).map(Result::<(), _>::unwrap_err);
    let text = fault.map(|fault| fault.to_string());
    assert_eq!(text, Poll::Ready("panicked: in the air".to_owned()));
}

#[test]
fn a_runtime_without_timers_has_no_limit() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let answer = runtime.unwrap().block_on(call(Duration::ZERO, || async {
        tokio::task::yield_now().await;
        1
    }));
    assert_eq!(answer, Ok(1));
}

#[tokio::test]
async fn a_call_that_is_ready_at_once_allocates_nothing() {
    let mut answer = None;
    let counted = allocation_counter::measure(|| {
        let mut call = pin!(call(LIMIT, || async { 1 }));
        let cx = &mut Context::from_waker(Waker::noop());
        answer = Some(call.as_mut().poll(cx));
    });
    assert_eq!(answer, Some(Poll::Ready(Ok(1))));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn calls_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&call(LIMIT, || ready(1)));
    is_send(&call(
        LIMIT,
        pending::<Result<(), Fault>> as fn() -> Pending<_>,
    ));
}
