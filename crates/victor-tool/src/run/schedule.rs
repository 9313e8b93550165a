//! The order in which the calls of a message run.

use std::borrow::Borrow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use futures_core::future::BoxFuture;
use futures_core::stream::Stream;
use tokio::task::{Id, JoinSet};
use tokio::time::Sleep;
use victor_core::{ToolCall, ToolOutcome, ToolResult};
use victor_tool_protocol::{ToolResults, ToolScope, ToolUpdate};

use super::batch::CallBatch;
use super::runner::Runner;

/// Runs calls, in parallel as far as the options allow. Nothing starts before the first poll.
pub(crate) fn start(runner: Arc<Runner>, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
    let slots = runner.options.max_concurrent_calls.max(1);
    let running = if calls.len() == 1 || slots == 1 {
        // Without parallelism the caller's own task does it, and no task is spawned.
        Running::Inline(None)
    } else {
        Running::Parallel(Parallel {
            slots,
            calls: Vec::new(),
            tasks: JoinSet::new(),
            barrier: false,
        })
    };
    ToolResults::from_updates(Box::pin(Schedule {
        queue: Queue {
            runner,
            batch: Arc::new(CallBatch::new(scope)),
            calls: calls.into_iter(),
        },
        running,
        finished: None,
        pause: None,
    }))
}

/// The calls of a message. Dropping it ends those that run.
struct Schedule {
    queue: Queue,
    running: Running,
    /// A result that waits until the notices about its call are delivered.
    finished: Option<ToolResult>,
    /// Runs while progress messages are held back.
    pause: Option<Pin<Box<Sleep>>>,
}

/// The calls that have not started, and what starting one takes.
struct Queue {
    runner: Arc<Runner>,
    batch: Arc<CallBatch>,
    calls: vec::IntoIter<ToolCall>,
}

enum Running {
    /// One after the other, in the caller's task.
    Inline(Option<BoxFuture<'static, ToolResult>>),
    Parallel(Parallel),
}

/// Calls that run in parallel, each in a task of its own.
struct Parallel {
    slots: usize,
    calls: Vec<(Id, Arc<ToolCall>)>,
    tasks: JoinSet<ToolResult>,
    /// Whether the running call must run alone.
    barrier: bool,
}

impl Stream for Schedule {
    type Item = ToolUpdate;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolUpdate>> {
        let Self {
            queue,
            running,
            finished,
            pause,
        } = self.get_mut();
        queue.batch.progress.wake(cx.waker());
        let result = match (finished.take(), running) {
            (Some(result), _) => Poll::Ready(Some(result)),
            (None, Running::Inline(running)) => poll_inline(running, queue, cx),
            (None, Running::Parallel(parallel)) => parallel.poll(queue, cx),
        };
        let progress = &queue.batch.progress;
        let Poll::Ready(result) = result else {
            return progress.poll(pause, cx).map(Some);
        };
        if let Some(notice) = progress.next_notice() {
            *finished = result;
            return Poll::Ready(Some(notice));
        }
        Poll::Ready(result.map(ToolUpdate::Finished))
    }
}

fn poll_inline(
    running: &mut Option<BoxFuture<'static, ToolResult>>,
    queue: &mut Queue,
    cx: &mut Context<'_>,
) -> Poll<Option<ToolResult>> {
    let call = match running {
        Some(call) => call,
        None => match queue.calls.next() {
            Some(call) => running.insert(Box::pin(queue.run(call))),
            None => return Poll::Ready(None),
        },
    };
    let result = call.as_mut().poll(cx);
    if result.is_ready() {
        *running = None;
    }
    result.map(Some)
}

impl Parallel {
    fn poll(&mut self, queue: &mut Queue, cx: &mut Context<'_>) -> Poll<Option<ToolResult>> {
        self.start(queue);
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

    /// Starts calls in their order, as long as there are slots and no call must run alone.
    fn start(&mut self, queue: &mut Queue) {
        while self.calls.len() < self.slots
            && !self.barrier
            && let Some(next) = queue.calls.as_slice().first()
        {
            let alone = queue.runner.registry.is_sequential(&next.name);
            if alone && !self.calls.is_empty() {
                break;
            }
            self.barrier = alone;
            let Some(call) = queue.calls.next().map(Arc::new) else {
                break;
            };
            let task = self.tasks.spawn(queue.run(Arc::clone(&call)));
            self.calls.push((task.id(), call));
        }
    }
}

impl Queue {
    fn run(
        &self,
        call: impl Borrow<ToolCall> + Send + 'static,
    ) -> impl Future<Output = ToolResult> + Send + 'static {
        Arc::clone(&self.runner).run(call, Arc::clone(&self.batch))
    }
}
