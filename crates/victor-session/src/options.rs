//! How a coordinator keeps sessions.

use std::time::Duration;

/// How a [`SessionCoordinator`](crate::SessionCoordinator) works with its store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionOptions {
    /// How long one call of the store may take; 30 seconds unless set. Without a tokio runtime with timers there is
    /// no limit.
    pub time_limit: Duration,
    /// Of how many sessions that nobody works on the version is remembered; 10,000 unless set. When there are more,
    /// all that are idle are forgotten, and the store is asked again when they are next worked on.
    pub idle_sessions: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(30),
            idle_sessions: 10_000,
        }
    }
}
