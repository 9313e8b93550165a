//! Signals to the supervisor of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Signals that wake the supervisor of a server.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Notified when there is something to do.
    pub(super) wake: Arc<Notify>,
    is_list_stale: AtomicBool,
}

impl Signals {
    /// Reports that the server's tools have changed.
    pub(super) fn list_changed(&self) {
        self.is_list_stale.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Returns whether the server's tools have changed since the last call.
    pub(super) fn take_list_changed(&self) -> bool {
        self.is_list_stale.swap(false, Ordering::AcqRel)
    }
}
