//! Limits within which calls run.

use std::time::Duration;

/// Limits within which a [`ToolCoordinator`](crate::ToolCoordinator) runs calls.
///
/// ```
/// use std::time::Duration;
/// use victor_tool::ToolOptions;
///
/// let options = ToolOptions::default().with_timeout(Duration::from_secs(5));
/// assert_eq!(options.max_concurrent_calls, 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolOptions {
    /// The longest time for one call, from its start, where the scope of the call sets none. Default: 60 seconds.
    pub timeout: Duration,
    /// How many calls of one message run at the same time; at least one does. Default: 5.
    ///
    /// It counts the calls of one message and not of all, so that a tool may itself run an agent whose tools are held
    /// by the same coordinator, without waiting for itself.
    pub max_concurrent_calls: usize,
    /// How many bytes of text one result may have; what is longer loses its middle. Default: 51,200 (50 KiB).
    pub max_output_bytes: usize,
    /// The longest time for the decision of an approval policy about one call, which is denied after it.
    /// Default: 30 seconds.
    pub review_timeout: Duration,
}

impl Default for ToolOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            max_concurrent_calls: 5,
            max_output_bytes: 50 * 1024,
            review_timeout: Duration::from_secs(30),
        }
    }
}

impl ToolOptions {
    /// Sets the longest time for one call.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many calls of one message run at the same time.
    #[must_use]
    pub fn with_max_concurrent_calls(mut self, calls: usize) -> Self {
        self.max_concurrent_calls = calls;
        self
    }

    /// Sets how many bytes of text one result may have.
    #[must_use]
    pub fn with_max_output_bytes(mut self, bytes: usize) -> Self {
        self.max_output_bytes = bytes;
        self
    }

    /// Sets the longest time for the decision of an approval policy.
    #[must_use]
    pub fn with_review_timeout(mut self, timeout: Duration) -> Self {
        self.review_timeout = timeout;
        self
    }
}
