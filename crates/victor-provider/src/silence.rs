//! The time limit of a provider's silence.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::attempts::{deadline, earlier};

/// The time limit of a provider's silence, from one event to the next.
///
/// Events that are there already need no clock. Between those that are waited for, the timer is left to run to an older
/// deadline, and set anew only when that has passed: setting a timer costs more than an event.
pub(crate) struct Silence {
    /// The end of this silence; unknown until somebody has to wait.
    deadline: Option<Instant>,
    limit: Option<Duration>,
    /// The end of the whole call.
    end: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    /// A silence that ends at `first`, after which each may last for `limit`.
    pub(crate) fn new(
        first: Option<Instant>,
        limit: Option<Duration>,
        end: Option<Instant>,
    ) -> Self {
        Self {
            deadline: first,
            limit,
            end,
            timer: None,
        }
    }

    /// Something came.
    pub(crate) fn end(&mut self) {
        self.deadline = None;
    }

    /// Ready when the silence lasts too long.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline.is_none() {
            self.deadline = earlier(deadline(self.limit), self.end);
        }
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}
