//! Timers that are there only where a runtime has them.

use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};
use victor_core::contain_sync;

/// Starts a timer, unless this is not a tokio runtime with timers.
pub(crate) fn start_timer(time: Duration) -> Option<Pin<Box<Sleep>>> {
    Handle::try_current().ok()?;
    // `sleep` panics in a runtime without timers.
    contain_sync(|| Box::pin(sleep(time))).ok()
}
