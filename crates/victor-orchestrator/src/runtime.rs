//! The runtime that turns need.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;
use victor_chat_protocol::ChatError;
use victor_core::contain_sync;

use crate::orchestrator::setup;

const ADVICE: &str = "a tokio runtime with time enabled is needed: build it with `enable_all`, or use `#[tokio::main]`";

/// Fails outside of a tokio runtime.
pub(crate) fn check() -> Result<(), ChatError> {
    Handle::try_current()
        .map(drop)
        .map_err(|_| setup("runtime", ADVICE))
}

/// Fails in a runtime without timers, of which nothing but a panic tells.
pub(crate) fn check_timers() -> Result<(), ChatError> {
    contain_sync(|| drop(sleep(Duration::ZERO))).map_err(|_| setup("runtime", ADVICE))
}
