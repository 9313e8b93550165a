//! One request and its answer: whom with, and under which limits.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::{HttpError, HttpOptions, TimeLimit};

/// One request and its answer: whom with, and under which limits.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The server, by host and port.
    pub(crate) server: String,
    pub(crate) options: Arc<HttpOptions>,
    /// Deadline of the exchange as a whole, with the length of its limit.
    deadline: Option<(Instant, Duration)>,
}

impl Exchange {
    pub(crate) fn new(server: String, options: Arc<HttpOptions>) -> Self {
        let deadline = options.total_timeout.and_then(|total| {
            let deadline = Instant::now().checked_add(total)?;
            Some((deadline, total))
        });
        Self {
            server,
            options,
            deadline,
        }
    }

    /// A step of it, which may take so long.
    pub(crate) async fn step<T>(
        &self,
        limit: TimeLimit,
        duration: Duration,
        step: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, HttpError> {
        let step = async {
            match timeout(duration, step).await {
                Ok(done) => done.map_err(|error| self.error(&error)),
                Err(_) => Err(self.timeout(limit, duration)),
            }
        };
        match self.deadline {
            None => step.await,
            Some((deadline, total)) => match timeout_at(deadline, step).await {
                Ok(done) => done,
                Err(_) => Err(self.timeout(TimeLimit::Total, total)),
            },
        }
    }

    fn error(&self, error: &reqwest::Error) -> HttpError {
        HttpError::new(error, &self.server, &self.options)
    }

    pub(crate) fn timeout(&self, limit: TimeLimit, duration: Duration) -> HttpError {
        HttpError::Timeout {
            server: self.server.clone(),
            limit,
            duration,
        }
    }
}
