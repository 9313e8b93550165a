//! Which of the calls of a message run when.

use std::borrow::Borrow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use futures_util::future::BoxFuture;
use futures_util::stream::Stream;
use tokio::task::{Id, JoinSet};
use tokio::time::Sleep;
use tracing::{Instrument as _, Span, debug, field, info_span};
use victor_core::{ToolCall, ToolOutcome, ToolResult};
use victor_tool_protocol::{ToolResults, ToolScope, ToolUpdate};

use crate::permits::Held;
use crate::pulse::{Progress, Pulse};
use crate::run::Runner;

/// Runs the calls, side by side as far as the options allow. Nothing starts before the first poll.
pub(crate) fn results(runner: Arc<Runner>, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
    let slots = runner.options.max_concurrent_calls.max(1);
    let running = if calls.len() == 1 || slots == 1 {
        // Nothing to run beside each other: the caller's own task does it, and no task is spawned.
        Running::Here(None)
    } else {
        Running::Beside(Beside {
            slots,
            calls: Vec::new(),
            tasks: JoinSet::new(),
            barrier: false,
        })
    };
    let work = Work {
        runner,
        scope: scope.clone(),
        span: Span::current(),
        held: Held::here(),
        progress: Progress::default(),
    };
    ToolResults::from_updates(Box::pin(Schedule {
        work: Arc::new(work),
        waiting: calls.into_iter(),
        running,
        timer: None,
    }))
}

/// What the calls of a message have in common.
#[derive(Debug)]
pub(crate) struct Work {
    runner: Arc<Runner>,
    pub(crate) scope: ToolScope,
    span: Span,
    pub(crate) held: Held,
    pub(crate) progress: Progress,
}

impl Work {
    async fn run(self: Arc<Self>, call: impl Borrow<ToolCall>) -> ToolResult {
        let call = call.borrow();
        let span = info_span!(
            parent: &self.span,
            "tool_call",
            tool = %call.name,
            call = %call.id,
            session = %self.scope.session,
            turn = %self.scope.turn,
            outcome = field::Empty,
        );
        let run = async {
            let pulse = Arc::new(Pulse::new(Arc::downgrade(&self)));
            let result = self.runner.run(call, &self, &pulse).await;
            pulse.end(&call.id);
            Span::current().record("outcome", field::display(&result.outcome));
            debug!(outcome = %result.outcome, "tool call ended");
            result
        };
        run.instrument(span).await
    }
}

/// The calls of a message. Dropping it ends those that run.
struct Schedule {
    work: Arc<Work>,
    waiting: vec::IntoIter<ToolCall>,
    running: Running,
    /// Until when nothing is told about progress.
    timer: Option<Pin<Box<Sleep>>>,
}

enum Running {
    /// One after the other, in the caller's task.
    Here(Option<BoxFuture<'static, ToolResult>>),
    Beside(Beside),
}

/// Calls that run side by side, each in a task of its own.
struct Beside {
    slots: usize,
    calls: Vec<(Id, Arc<ToolCall>)>,
    tasks: JoinSet<ToolResult>,
    /// Whether the call that runs must run alone.
    barrier: bool,
}

impl Stream for Schedule {
    type Item = ToolUpdate;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolUpdate>> {
        let this = self.get_mut();
        this.work.progress.wake(cx.waker());
        let result = match &mut this.running {
            Running::Here(running) => poll_here(running, &mut this.waiting, &this.work, cx),
            Running::Beside(beside) => beside.poll(&mut this.waiting, &this.work, cx),
        };
        match result {
            Poll::Ready(result) => Poll::Ready(result.map(ToolUpdate::Finished)),
            Poll::Pending => this.work.progress.poll(&mut this.timer, cx).map(Some),
        }
    }
}

fn poll_here(
    running: &mut Option<BoxFuture<'static, ToolResult>>,
    waiting: &mut vec::IntoIter<ToolCall>,
    work: &Arc<Work>,
    cx: &mut Context<'_>,
) -> Poll<Option<ToolResult>> {
    if running.is_none() {
        let Some(call) = waiting.next() else {
            return Poll::Ready(None);
        };
        *running = Some(Box::pin(Arc::clone(work).run(call)));
    }
    let result = running.as_mut().map(|running| running.as_mut().poll(cx));
    if result.as_ref().is_some_and(Poll::is_ready) {
        *running = None;
    }
    result.map_or(Poll::Pending, |result| result.map(Some))
}

impl Beside {
    fn poll(
        &mut self,
        waiting: &mut vec::IntoIter<ToolCall>,
        work: &Arc<Work>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<ToolResult>> {
        while self.calls.len() < self.slots
            && !self.barrier
            && let Some(next) = waiting.as_slice().first()
        {
            let alone = work.runner.registry.is_sequential(&next.name);
            if alone && !self.calls.is_empty() {
                break;
            }
            self.barrier = alone;
            let Some(call) = waiting.next().map(Arc::new) else {
                break;
            };
            let run = Arc::clone(work).run(Arc::clone(&call));
            let task = self.tasks.spawn(run);
            self.calls.push((task.id(), call));
        }
        self.tasks.poll_join_next_with_id(cx).map(|joined| {
            let joined = joined?;
            let id = match &joined {
                Ok((id, _)) => *id,
                Err(error) => error.id(),
            };
            let index = self.calls.iter().position(|(running, _)| *running == id);
            let call = index.map(|index| self.calls.swap_remove(index).1);
            self.barrier = false;
            match joined {
                Ok((_, result)) => Some(result),
                // The runtime of the task has been shut down.
                Err(_) => call.map(|call| {
                    let text = format!(
                        "`{}` was cancelled while it ran; it may have had an effect",
                        call.name
                    );
                    ToolResult::new(&call, ToolOutcome::Cancelled, text)
                }),
            }
        })
    }
}
