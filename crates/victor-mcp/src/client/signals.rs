//! Wakes the keeper of a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Tells the keeper of a connection that there is something to do.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Notified when something happened.
    pub(super) nudge: Arc<Notify>,
    is_list_stale: AtomicBool,
}

impl Signals {
    /// The server has other tools now.
    pub(super) fn list_changed(&self) {
        self.is_list_stale.store(true, Ordering::Release);
        self.nudge.notify_one();
    }

    /// Whether the server has other tools since this was asked last.
    pub(super) fn take_list_changed(&self) -> bool {
        self.is_list_stale.swap(false, Ordering::AcqRel)
    }
}
