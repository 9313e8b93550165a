//! Futures, side by side.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

/// Awaits futures side by side, and returns their outputs in their order.
///
/// All that are pending are polled whenever one of them is woken: meant for the few plug-ins of a coordinator, not for
/// thousands of connections.
///
/// # Cancel safety
///
/// Dropping the call drops all of them.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut places = match places(futures) {
        Places::Single(future) => return vec![future.await],
        Places::All(places) => places,
    };
    poll_fn(|context| {
        let mut is_pending = false;
        for place in &mut places {
            if let Place::Pending(future) = place {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *place = Place::Ready(output),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    places.into_iter().filter_map(Place::output).collect()
}

/// Awaits the first of two futures that is ready, and drops the other one. If both are ready at once, it is the one
/// that is named first.
pub async fn race<T>(first: impl Future<Output = T>, second: impl Future<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Pending => second.as_mut().poll(context),
        ready => ready,
    })
    .await
}

/// Futures that are awaited together. One alone needs no place of its own in memory.
enum Places<F: Future> {
    Single(F),
    All(Vec<Place<F>>),
}

fn places<F: Future>(futures: impl IntoIterator<Item = F>) -> Places<F> {
    let mut futures = futures.into_iter();
    let first = match (futures.next(), futures.next()) {
        (Some(single), None) => return Places::Single(single),
        first => [first.0, first.1],
    };
    let all = first.into_iter().flatten().chain(futures);
    Places::All(all.map(|future| Place::Pending(Box::pin(future))).collect())
}

/// The place of a future among others.
enum Place<F: Future> {
    Pending(Pin<Box<F>>),
    Ready(F::Output),
}

impl<F: Future> Place<F> {
    fn output(self) -> Option<F::Output> {
        match self {
            Self::Ready(output) => Some(output),
            Self::Pending(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use tokio::sync::Barrier;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outputs_come_in_the_order_of_the_futures_whichever_is_ready_first() {
        let slow = |millis: u64| async move {
            sleep(Duration::from_millis(millis)).await;
            millis
        };
        for millis in [vec![], vec![3], vec![3, 1], vec![3, 1, 2, 0, 5]] {
            let outputs = join_all(millis.iter().copied().map(slow)).await;
            assert_eq!(outputs, millis);
        }
    }

    #[tokio::test]
    async fn futures_that_wait_for_each_other_end() {
        let barrier = Barrier::new(40);
        let leaders = join_all((0..40).map(|_| barrier.wait())).await;
        let leaders = leaders.iter().filter(|wait| wait.is_leader()).count();
        assert_eq!(leaders, 1);
    }

    #[tokio::test]
    async fn a_race_has_the_first_as_its_winner_if_both_are_ready() {
        assert_eq!(race(ready(1), ready(2)).await, 1);
        assert_eq!(race(pending(), ready(2)).await, 2);
        assert_eq!(race(ready(1), pending()).await, 1);
    }
}
