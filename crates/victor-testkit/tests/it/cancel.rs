//! Futures polled by hand.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;
use victor_testkit::{cancel_at_every_poll, count_polls, drive, drive_until_pending, poll_at_most};

use crate::panic_of;

#[test]
fn each_await_point_is_dropped_once() {
    let begun = AtomicUsize::new(0);
    let mut drops = Vec::new();
    let run = async || {
        for step in 0..3 {
            begun.store(step, Ordering::Relaxed);
            yield_now().await;
        }
        "done"
    };
    let check = async |polls| drops.push((polls, begun.load(Ordering::Relaxed)));
    assert_eq!(drive(cancel_at_every_poll(run, check)), Some("done"));
    assert_eq!(drops, [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn a_future_that_never_waits_is_never_dropped() {
    let run = drive(cancel_at_every_poll(
        async || 7,
        async |_| panic!("dropped"),
    ));
    assert_eq!(run, Some(7));
}

#[test]
fn a_failed_check_fails_the_test() {
    let half_done = AtomicUsize::new(0);
    let run = async || {
        half_done.fetch_add(1, Ordering::Relaxed);
        yield_now().await;
        half_done.fetch_sub(1, Ordering::Relaxed);
    };
    let check =
        async |polls| assert_eq!(half_done.load(Ordering::Relaxed), 0, "after poll {polls}");
    assert!(panic_of(|| drive(cancel_at_every_poll(run, check))).contains("after poll 1"));
}

#[test]
fn a_future_without_end_is_told() {
    let run = async || loop {
        yield_now().await;
    };
    let message = panic_of(|| drive::<_>(cancel_at_every_poll::<()>(run, async |_| {})));
    assert_eq!(message, "the future was not done after 1000 polls");
}

#[tokio::test(start_paused = true)]
async fn timers_run_between_polls() {
    let mut drops = 0;
    let run = async || {
        sleep(Duration::from_secs(60)).await;
        sleep(Duration::from_secs(60)).await;
    };
    cancel_at_every_poll(run, async |_| drops += 1).await;
    assert_eq!(drops, 2);
}

#[tokio::test]
async fn polls_are_counted_and_limited() {
    let twice = async || {
        yield_now().await;
        yield_now().await;
    };
    assert_eq!(count_polls(twice()).await.1, 3);
    assert_eq!(poll_at_most(2, twice()).await, None);
    assert_eq!(poll_at_most(3, twice()).await, Some(()));
    assert_eq!(poll_at_most(0, twice()).await, None);
}

#[test]
fn a_future_goes_on_where_it_waited() {
    let (sender, receiver) = oneshot::channel();
    let mut future = pin!(async {
        yield_now().await;
        receiver.await
    });
    assert_eq!(drive_until_pending(future.as_mut()), Poll::Pending);
    sender.send(5).unwrap();
    assert_eq!(drive_until_pending(future.as_mut()), Poll::Ready(Ok(5)));
}
