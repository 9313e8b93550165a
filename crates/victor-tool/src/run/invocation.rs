//! A call that runs, and its attempts.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::info;
use victor_core::{Panicked, ToolCall, with_causes};
use victor_tool_protocol::{ToolContext, ToolError, ToolOutput, ToolScope};

use super::batch::CallBatch;
use super::liveness::Liveness;
use crate::contained::ContainedFuture;
use crate::registry::Registered;
use crate::{ToolOptions, arguments};

/// A call that runs.
pub(super) struct Invocation<'a> {
    pub(super) options: &'a ToolOptions,
    pub(super) call: &'a ToolCall,
    pub(super) tool: &'a Registered,
    pub(super) context: ToolContext,
    pub(super) batch: &'a CallBatch,
    pub(super) liveness: &'a Arc<Liveness>,
}

/// The outcome of all attempts at a call.
pub(super) struct Attempts {
    /// The outcome of the last attempt.
    pub(super) outcome: AttemptOutcome,
    pub(super) count: u32,
    /// The time for which the tool held its thread, where that was longer than the whole call may take.
    pub(super) blocked: Option<Duration>,
}

/// The outcome of one attempt.
pub(super) enum AttemptOutcome {
    Done(ToolOutput),
    Failed(ToolError),
    TimedOut(Timeout),
    Panicked(Panicked),
}

/// The limit that ended an attempt.
pub(super) enum Timeout {
    /// The longest time of an attempt.
    Took(Duration),
    /// The longest time without a sign of life.
    Silent(Duration),
}

/// The time limits of an attempt.
struct Limits {
    /// The longest time without a sign of life.
    silence: Duration,
    /// The longest time if there never is one.
    first: Duration,
    /// The longest time with signs of life.
    total: Duration,
}

impl Invocation<'_> {
    /// Makes attempts until one succeeds or another one makes no sense.
    pub(super) async fn attempts(&self, mut arguments: Value) -> Attempts {
        let allowed = self.batch.scope.timeout.unwrap_or(self.options.timeout);
        let silence = self.tool.limits.timeout.unwrap_or(allowed);
        let mut left = allowed.max(silence);
        let retry = &self.options.retry;
        let mut count = 1;
        let mut blocked = None;
        loop {
            let began;
            let outcome = {
                let (held, _permit) = match &self.tool.permits {
                    Some(permits) => self.batch.permits.acquire(permits).await,
                    None => (self.batch.permits.clone(), None),
                };
                began = Instant::now();
                let first = silence.min(left);
                let limits = Limits {
                    silence,
                    first,
                    total: self.options.total_timeout.max(first),
                };
                let attempt = self.attempt(arguments, &limits, &mut blocked);
                held.scope(attempt).await
            };
            left = left.saturating_sub(began.elapsed());
            let delay = retry.delay(count, &outcome, self.tool.spec.effect);
            let attempts = Attempts {
                outcome,
                count,
                blocked,
            };
            let Some(delay) = delay.filter(|delay| *delay < left) else {
                return attempts;
            };
            // Arguments that could be read once can be read again.
            let Ok(again) = arguments::parse(self.call, &self.tool.spec) else {
                return attempts;
            };
            arguments = Value::Object(again);
            let why = match &attempts.outcome {
                AttemptOutcome::Failed(error) => with_causes(error),
                _ => "it took too long".to_owned(),
            };
            info!(tool = %self.call.name, count, ?delay, %why, "tool call is tried again");
            count += 1;
            let message = format!("{why}; attempt {count} of {} in {delay:?}", retry.attempts);
            self.liveness.report(&self.call.id, &message);
            sleep(delay).await;
            left -= delay;
        }
    }

    /// Calls the tool once. Notes in `blocked` for how long it held its thread, if that was too long.
    async fn attempt(
        &self,
        arguments: Value,
        limits: &Limits,
        blocked: &mut Option<Duration>,
    ) -> AttemptOutcome {
        let made = ContainedFuture::new(|| self.tool.tool.call(&self.context, arguments));
        let mut call = match made {
            Ok(call) => pin!(call),
            Err(panicked) => return AttemptOutcome::Panicked(panicked),
        };
        let began = Instant::now();
        let ends = after(began, limits.total);
        let mut timer = pin!(sleep_until(after(began, limits.first)));
        let ended = poll_fn(|cx| {
            let (polled, took) = timed(|| call.as_mut().poll(cx));
            if took > limits.first {
                *blocked = Some(took);
            }
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Ok(output));
            }
            while timer.as_mut().poll(cx).is_ready() {
                let last = self.liveness.last();
                if let Some(timeout) = limits.passed(began, last, ends) {
                    return Poll::Ready(Err(timeout));
                }
                // Reset only here, so that a sign of life costs nothing.
                timer.as_mut().reset(ends.min(after(last, limits.silence)));
            }
            Poll::Pending
        });
        match ended.await {
            Ok(Ok(Ok(output))) => AttemptOutcome::Done(output),
            Ok(Ok(Err(error))) => AttemptOutcome::Failed(error),
            Ok(Err(panicked)) => AttemptOutcome::Panicked(panicked),
            Err(timeout) => match call.get_mut().end() {
                Ok(()) => AttemptOutcome::TimedOut(timeout),
                Err(panicked) => AttemptOutcome::Panicked(panicked),
            },
        }
    }
}

impl Limits {
    /// Returns the limit that has passed, of an attempt with its last sign of life at `last`.
    fn passed(&self, began: Instant, last: Instant, ends: Instant) -> Option<Timeout> {
        let now = Instant::now();
        if last <= began {
            return Some(Timeout::Took(self.first));
        }
        if now >= ends {
            return Some(Timeout::Took(ends - began));
        }
        (now >= after(last, self.silence)).then_some(Timeout::Silent(self.silence))
    }
}

/// Makes the context of a call, which is the same for every attempt at it.
pub(crate) fn tool_context(call: &ToolCall, scope: &ToolScope) -> ToolContext {
    let key = match call.idempotency_key.as_str() {
        "" => format!("{}/{}", scope.turn, call.id),
        key => key.to_owned(),
    };
    let trace = scope.trace.as_ref().map(|turn| turn.child(&key));
    ToolContext::new(scope.session.clone(), scope.turn, call.id.clone(), key)
        .with_evidence(call.evidence.clone())
        .with_trace(trace)
}

/// Returns the output of a function and its time by the clock of the system, which goes on where that of tokio is
/// paused.
fn timed<T>(function: impl FnOnce() -> T) -> (T, Duration) {
    let began = std::time::Instant::now();
    (function(), began.elapsed())
}

/// Adds a time to a moment, or some years where the limit is so large that there is no such moment.
fn after(moment: Instant, time: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    moment.checked_add(time).unwrap_or(moment + YEARS)
}
