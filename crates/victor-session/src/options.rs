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
    /// all that are idle are forgotten, and the transcript is looked at again when they are next worked on. With 0, that
    /// is done before each turn.
    pub idle_sessions: usize,
    /// How long a session stays held after the last sign of life of the process that works on it, where the store has
    /// leases; 30 seconds unless set. A sign of life is given three times as often, beside every write. With zero this
    /// coordinator takes no leases; it is refused by those of others all the same.
    pub lease: Duration,
    /// How long a turn waits for one that runs in another process before it is refused with
    /// [`SessionError::Held`](crate::SessionError::Held), and so does what is done with a session as a whole; for ever
    /// unless set. With zero it does not wait. A process that has ended is not waited for: its lease runs out, or it is
    /// seen at once where both run on one machine with Linux.
    pub wait: Option<Duration>,
    /// The name by which other processes are told who works on a session; `process` and its number unless set.
    pub owner: String,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(30),
            idle_sessions: 10_000,
            lease: Duration::from_secs(30),
            wait: None,
            owner: format!("process {}", std::process::id()),
        }
    }
}
