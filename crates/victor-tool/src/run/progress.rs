//! Messages of running calls, on their way to whoever watches the turn.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use victor_core::{Lock, ToolCallId};
use victor_tool_protocol::ToolUpdate;

/// The pause after each progress message of a batch. Of the messages that come meanwhile, the newest of each call is
/// delivered after it.
const PAUSE: Duration = Duration::from_millis(250);

/// The messages of a batch that are not delivered yet.
#[derive(Debug, Default)]
pub(super) struct ProgressQueue(Lock<Queue>);

#[derive(Debug, Default)]
struct Queue {
    /// The newest message of each call, in the order in which they began to wait.
    progress: VecDeque<(ToolCallId, String)>,
    /// Notices, of which none is dropped.
    notices: VecDeque<(ToolCallId, String)>,
    /// Whether a message was delivered just now: new ones are held back and wake no one.
    paused: bool,
    waker: Option<Waker>,
}

impl ProgressQueue {
    /// Adds a message about the progress of a call that `is_running`, in place of an older one that still waits.
    pub(super) fn push(
        &self,
        call: &ToolCallId,
        message: String,
        is_running: impl FnOnce() -> bool,
    ) {
        let mut queue = self.0.lock();
        // Asked under the lock, so that nothing comes behind `close`.
        if !is_running() {
            return;
        }
        match queue.progress.iter_mut().find(|(other, _)| other == call) {
            Some((_, waiting)) => *waiting = message,
            None => queue.progress.push_back((call.clone(), message)),
        }
        let waker = (!queue.paused).then(|| queue.waker.take()).flatten();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Adds a notice about a call that is about to end.
    pub(super) fn notice(&self, call: &ToolCallId, message: String) {
        self.0.lock().notices.push_back((call.clone(), message));
    }

    /// Drops what waits of a call that has ended. `end` notes that it has.
    pub(super) fn close(&self, call: &ToolCallId, end: impl FnOnce()) {
        let mut queue = self.0.lock();
        end();
        queue.progress.retain(|(other, _)| other != call);
    }

    /// Has a task woken by the next message.
    pub(super) fn wake(&self, waker: &Waker) {
        let mut queue = self.0.lock();
        match &mut queue.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Returns the next notice. Notices do not wait for a pause.
    pub(super) fn next_notice(&self) -> Option<ToolUpdate> {
        let (call, message) = self.0.lock().notices.pop_front()?;
        Some(ToolUpdate::Notice { call, message })
    }

    /// Polls for the next progress message. `pause` is the timer of the task that delivers them.
    pub(super) fn poll(
        &self,
        pause: &mut Option<Pin<Box<Sleep>>>,
        cx: &mut Context<'_>,
    ) -> Poll<ToolUpdate> {
        if let Some(timer) = pause {
            ready!(timer.as_mut().poll(cx));
            *pause = None;
        }
        let mut queue = self.0.lock();
        let next = queue.progress.pop_front();
        queue.paused = next.is_some();
        let Some((call, message)) = next else {
            return Poll::Pending;
        };
        drop(queue);
        *pause = Some(Box::pin(sleep(PAUSE)));
        Poll::Ready(ToolUpdate::Progress { call, message })
    }
}
