//! Patience with a server that restarts or has no connection left.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use victor_session_protocol::SessionError;

use crate::error::DatabaseError;

/// The first and the longest pause before a call is made again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Time within which a call is made again that may be made twice.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    /// The time of the first failure.
    began: Option<Instant>,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            began: None,
            pause: PAUSES.0,
        }
    }

    /// Whether no call is made again.
    pub(crate) fn is_none(&self) -> bool {
        self.limit.is_zero()
    }

    /// Waits for a moment after an error that passes by itself, and returns whether the call may be made again.
    pub(crate) async fn allows(&mut self, error: &DatabaseError) -> bool {
        error.is_transient() && self.wait().await
    }

    /// The same after the error of a store of sessions.
    pub(crate) async fn allows_again(&mut self, error: &SessionError) -> bool {
        matches!(error, SessionError::Unavailable { .. }) && self.wait().await
    }

    async fn wait(&mut self) -> bool {
        let began = *self.began.get_or_insert_with(Instant::now);
        if began.elapsed() + self.pause > self.limit {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        true
    }
}
