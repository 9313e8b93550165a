//! Signs of life of running calls, and what they say about how far they are.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use victor_core::ToolCallId;
use victor_text::excerpt;
use victor_tool_protocol::{ToolListener, ToolUpdate};

use crate::schedule::Work;

/// How long the calls of a message are silent after one of them has said how far it is. Of what they say meanwhile, the
/// newest of each is told afterwards.
const SILENCE: Duration = Duration::from_millis(250);

/// How many characters of what a call says are told.
const MESSAGE_CHARS: usize = 500;

/// What a running call is heard by.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// Weak, since a tool may keep its context for longer than the call.
    work: Weak<Work>,
    began: Instant,
    /// When it was last heard, in microseconds from its beginning.
    last: AtomicU64,
    ended: AtomicBool,
}

impl Pulse {
    pub(crate) fn new(work: Weak<Work>) -> Self {
        Self {
            work,
            began: Instant::now(),
            last: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// When the call was last heard. At its beginning, if never.
    pub(crate) fn last(&self) -> Instant {
        self.began + Duration::from_micros(self.last.load(Ordering::Relaxed))
    }

    /// Tells those who watch how far a call is.
    pub(crate) fn say(&self, call: &ToolCallId, message: &str) {
        let Some(work) = self.work.upgrade() else {
            return;
        };
        let message = excerpt(message, MESSAGE_CHARS);
        let waker = {
            let mut told = work.progress.lock();
            if self.ended.load(Ordering::Relaxed) {
                return;
            }
            match told.waiting.iter_mut().find(|(other, _)| other == call) {
                Some((_, waiting)) => *waiting = message,
                None => told.waiting.push((call.clone(), message)),
            }
            if told.silent { None } else { told.waker.take() }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The call has ended: what it still says is not told.
    pub(crate) fn end(&self, call: &ToolCallId) {
        if let Some(work) = self.work.upgrade() {
            let mut told = work.progress.lock();
            self.ended.store(true, Ordering::Relaxed);
            told.waiting.retain(|(other, _)| other != call);
        }
    }
}

impl ToolListener for Pulse {
    fn heard(&self, call: &ToolCallId, progress: Option<&str>) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last.fetch_max(micros, Ordering::Relaxed);
        if let Some(message) = progress {
            self.say(call, message);
        }
    }
}

/// What the calls of a message say about how far they are.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// The newest of each call that is not told yet, in the order in which they began to wait.
    waiting: Vec<(ToolCallId, String)>,
    /// Whether something was told just now: what is said is waited with, and nobody is woken for it.
    silent: bool,
    waker: Option<Waker>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Told> {
        // Nothing that is done under the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has this task woken when there is something to tell.
    pub(crate) fn wake(&self, waker: &Waker) {
        let mut told = self.lock();
        match &mut told.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// What is to be told next. `timer` is the teller's own.
    pub(crate) fn poll(
        &self,
        timer: &mut Option<Pin<Box<Sleep>>>,
        cx: &mut Context<'_>,
    ) -> Poll<ToolUpdate> {
        if let Some(silence) = timer {
            ready!(silence.as_mut().poll(cx));
            *timer = None;
        }
        let mut told = self.lock();
        told.silent = !told.waiting.is_empty();
        if !told.silent {
            return Poll::Pending;
        }
        let (call, message) = told.waiting.remove(0);
        drop(told);
        *timer = Some(Box::pin(sleep(SILENCE)));
        Poll::Ready(ToolUpdate::Progress { call, message })
    }
}
