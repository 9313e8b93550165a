//! Attempts at a call.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::info;
use victor_core::{Panicked, ToolCall, with_causes};
use victor_tool_protocol::{ToolContext, ToolError, ToolOutput};

use crate::arguments;
use crate::guarded::Guarded;
use crate::pulse::Pulse;
use crate::registry::Registered;
use crate::run::Runner;
use crate::schedule::Work;

/// A call that is to run.
pub(crate) struct Attempts<'a> {
    pub(crate) call: &'a ToolCall,
    pub(crate) tool: &'a Registered,
    pub(crate) cx: ToolContext,
    pub(crate) work: &'a Work,
    pub(crate) pulse: &'a Arc<Pulse>,
}

/// What came of the attempts at a call.
pub(crate) struct Tried {
    pub(crate) ended: Ended,
    pub(crate) attempts: u32,
    /// How long the tool held its thread, where that was longer than the whole call may take.
    pub(crate) blocked: Option<Duration>,
}

/// How an attempt ended.
pub(crate) enum Ended {
    Well(ToolOutput),
    Failed(ToolError),
    TimedOut(Timeout),
    Panicked(Panicked),
}

/// Why an attempt was ended.
pub(crate) enum Timeout {
    /// It took so long.
    Took(Duration),
    /// It was silent for so long.
    Silent(Duration),
}

impl Runner {
    /// Tries until it is well, or until another attempt makes no sense.
    pub(crate) async fn attempts(&self, run: &Attempts<'_>, mut arguments: Value) -> Tried {
        let allowed = run.work.scope.timeout.unwrap_or(self.options.timeout);
        let limit = run.tool.limits.timeout.unwrap_or(allowed);
        let mut left = allowed.max(limit);
        let retry = &self.options.retry;
        let mut number = 1;
        let mut blocked = None;
        loop {
            let began;
            let ended = {
                let (held, _permit) = match &run.tool.permits {
                    Some(permits) => run.work.held.with(permits).await,
                    None => (run.work.held.clone(), None),
                };
                began = Instant::now();
                let attempt = self.attempt(run, arguments, limit, left, &mut blocked);
                held.run(attempt).await
            };
            left = left.saturating_sub(began.elapsed());
            let delay = retry.delay(number, &ended, run.tool.spec.effect);
            let tried = Tried {
                ended,
                attempts: number,
                blocked,
            };
            let Some(delay) = delay.filter(|delay| *delay < left) else {
                return tried;
            };
            // What could be read once can be read again.
            let Ok(again) = arguments::parse(run.call, &run.tool.spec) else {
                return tried;
            };
            arguments = Value::Object(again);
            let why = match &tried.ended {
                Ended::Failed(error) => with_causes(error),
                _ => "it took too long".to_owned(),
            };
            info!(tool = %run.call.name, number, ?delay, %why, "tool call is tried again");
            number += 1;
            let told = format!("{why}; attempt {number} of {} in {delay:?}", retry.attempts);
            run.pulse.say(&run.call.id, &told);
            sleep(delay).await;
            left -= delay;
        }
    }

    async fn attempt(
        &self,
        run: &Attempts<'_>,
        arguments: Value,
        limit: Duration,
        left: Duration,
        blocked: &mut Option<Duration>,
    ) -> Ended {
        let made = Guarded::new(|| run.tool.tool.call(&run.cx, arguments));
        let mut call = match made {
            Ok(call) => pin!(call),
            Err(panicked) => return Ended::Panicked(panicked),
        };
        let began = Instant::now();
        let first = limit.min(left);
        let ends = after(began, self.options.max_duration.max(first));
        let mut timer = pin!(sleep_until(after(began, first)));
        let ended = poll_fn(|cx| {
            let (polled, took) = timed(|| call.as_mut().poll(cx));
            if took > first {
                *blocked = Some(took);
            }
            if let Poll::Ready(ended) = polled {
                return Poll::Ready(Ok(ended));
            }
            while timer.as_mut().poll(cx).is_ready() {
                let now = Instant::now();
                let heard = run.pulse.last();
                if heard <= began {
                    return Poll::Ready(Err(Timeout::Took(first)));
                }
                if now >= ends {
                    return Poll::Ready(Err(Timeout::Took(ends - began)));
                }
                if now >= after(heard, limit) {
                    return Poll::Ready(Err(Timeout::Silent(limit)));
                }
                // Set anew only here, so that a sign of life costs nothing.
                timer.as_mut().reset(ends.min(after(heard, limit)));
            }
            Poll::Pending
        });
        match ended.await {
            Ok(Ok(Ok(output))) => Ended::Well(output),
            Ok(Ok(Err(error))) => Ended::Failed(error),
            Ok(Err(panicked)) => Ended::Panicked(panicked),
            Err(timeout) => match call.get_mut().end() {
                Ok(()) => Ended::TimedOut(timeout),
                Err(panicked) => Ended::Panicked(panicked),
            },
        }
    }
}

/// What a function returns, and how long it took by the clock of the system, which goes on where that of tokio is paused.
fn timed<T>(function: impl FnOnce() -> T) -> (T, Duration) {
    let began = std::time::Instant::now();
    (function(), began.elapsed())
}

/// So long after a moment; in years, where a limit is so large that there is no such moment.
fn after(moment: Instant, time: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    moment.checked_add(time).unwrap_or(moment + YEARS)
}
