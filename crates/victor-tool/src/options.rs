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
    /// The longest time for one call, from its start, where neither its tool nor its scope sets one. A
    /// [sign of life](victor_tool_protocol::ToolContext::heartbeat) begins it anew. Default: 60 seconds.
    pub timeout: Duration,
    /// The longest time for a call that gives signs of life. Default: 1 hour.
    pub max_duration: Duration,
    /// How many calls of one message run at the same time; at least one does. Default: 5.
    ///
    /// It counts the calls of one message and not of all, so that a tool may itself run an agent whose tools are held
    /// by the same coordinator, without waiting for itself.
    pub max_concurrent_calls: usize,
    /// How many bytes of text one result may have; what is longer loses its middle. Default: 51,200 (50 KiB).
    pub max_output_bytes: usize,
    /// How many bytes of results are kept for tools whose calls may be answered
    /// [from memory](victor_tool_protocol::ToolLimits::cache_for). Default: 16,777,216 (16 MiB).
    pub max_cache_bytes: usize,
    /// The longest time for the decision of an approval policy about one call, which is denied after it, and for a
    /// preview, which is left out after it. Default: 30 seconds.
    pub review_timeout: Duration,
    /// The longest time for one answer of a store of receipts or results. Default: 30 seconds.
    pub store_timeout: Duration,
    /// When and how often a call is tried again.
    pub retry: ToolRetryOptions,
}

impl Default for ToolOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            max_duration: Duration::from_secs(60 * 60),
            max_concurrent_calls: 5,
            max_output_bytes: 50 * 1024,
            max_cache_bytes: 16 << 20,
            review_timeout: Duration::from_secs(30),
            store_timeout: Duration::from_secs(30),
            retry: ToolRetryOptions::default(),
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

    /// Sets the longest time for a call that gives signs of life.
    #[must_use]
    pub fn with_max_duration(mut self, duration: Duration) -> Self {
        self.max_duration = duration;
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

    /// Sets how many bytes of results are kept to be given again.
    #[must_use]
    pub fn with_max_cache_bytes(mut self, bytes: usize) -> Self {
        self.max_cache_bytes = bytes;
        self
    }

    /// Sets the longest time for the decision of an approval policy.
    #[must_use]
    pub fn with_review_timeout(mut self, timeout: Duration) -> Self {
        self.review_timeout = timeout;
        self
    }

    /// Sets the longest time for one answer of a store.
    #[must_use]
    pub fn with_store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Sets when and how often a call is tried again.
    #[must_use]
    pub fn with_retry(mut self, retry: ToolRetryOptions) -> Self {
        self.retry = retry;
        self
    }
}

/// When and how often a call is tried again, without the model having to ask for it.
///
/// | what went wrong | tool reads or is idempotent | tool writes or destroys |
/// |---|---|---|
/// | [`Unavailable`](victor_tool_protocol::ToolError::Unavailable): nothing was done | again | again |
/// | it took too long | again | no: something may have been done |
/// | [`Failed`](victor_tool_protocol::ToolError::Failed) | as [`failures`](Self::failures) says | no: something may have been done |
/// | any other error, a panic | no | no |
///
/// Every attempt has the same idempotency key. All attempts and the waits between them together take no longer than
/// the scope of the call allows for one, so that a call that times out is tried again only if its tool has a
/// [shorter limit](victor_tool_protocol::ToolLimits::timeout) than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRetryOptions {
    /// How many attempts a call has in all; 0 counts as 1. Default: 3.
    pub attempts: u32,
    /// How long to wait after the first attempt; each further wait is twice as long. Default: 1 second.
    pub first_delay: Duration,
    /// The longest wait of this kind. Default: 10 seconds.
    pub max_delay: Duration,
    /// The longest wait for which a tool may ask; one that asks for more is not tried again. Default: 60 seconds.
    pub max_retry_after: Duration,
    /// Whether a tool that reads or is idempotent is tried again when it has failed without saying that it may succeed
    /// later. Not by default: most of what fails so fails again (a file that may not be read), and a model does better
    /// if it is told at once.
    pub failures: bool,
}

impl ToolRetryOptions {
    /// Nothing is tried again.
    #[must_use]
    pub fn none() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }
}

impl Default for ToolRetryOptions {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(60),
            failures: false,
        }
    }
}
