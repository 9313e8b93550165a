//! Signs of life of a running call.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use victor_core::ToolCallId;
use victor_text::excerpt;
use victor_tool_protocol::ToolListener;

use super::batch::CallBatch;

/// The most characters of a progress message.
const MESSAGE_CHARS: usize = 500;

/// Hears of a running call: when it gave its last sign of life, and how far it is.
#[derive(Debug)]
pub(super) struct Liveness {
    /// Weak, since a tool may keep its context for longer than the call.
    batch: Weak<CallBatch>,
    began: Instant,
    /// The last sign of life, in microseconds from the beginning.
    last: AtomicU64,
    ended: AtomicBool,
}

impl Liveness {
    pub(super) fn new(batch: Weak<CallBatch>) -> Self {
        Self {
            batch,
            began: Instant::now(),
            last: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// Returns the time of the last sign of life, or of the beginning if there was none.
    pub(super) fn last(&self) -> Instant {
        self.began + Duration::from_micros(self.last.load(Ordering::Relaxed))
    }

    /// Reports the progress of the call to whoever watches the turn.
    pub(super) fn report(&self, call: &ToolCallId, message: &str) {
        if let Some(batch) = self.batch.upgrade() {
            let is_running = || !self.ended.load(Ordering::Relaxed);
            let message = excerpt(message, MESSAGE_CHARS);
            batch.progress.push(call, message, is_running);
        }
    }

    /// Notes the end of the call; later reports are dropped.
    pub(super) fn end(&self, call: &ToolCallId) {
        if let Some(batch) = self.batch.upgrade() {
            let end = || self.ended.store(true, Ordering::Relaxed);
            batch.progress.close(call, end);
        }
    }
}

impl ToolListener for Liveness {
    fn heard(&self, call: &ToolCallId, progress: Option<&str>) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last.fetch_max(micros, Ordering::Relaxed);
        if let Some(message) = progress {
            self.report(call, message);
        }
    }
}
