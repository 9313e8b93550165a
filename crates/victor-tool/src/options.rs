//! The limits of calls.

use std::time::Duration;

use victor_core::options;
use victor_tool_protocol::ToolContext;

options! {
    /// Limits of the calls that a [`ToolCoordinator`](crate::ToolCoordinator) runs.
    ///
    /// ```
    /// use std::time::Duration;
    /// use victor_tool::ToolOptions;
    ///
    /// let options = ToolOptions::default().with_timeout(Duration::from_secs(5));
    /// assert_eq!(options.max_concurrent_calls, 5);
    /// ```
    #[derive(PartialEq, Eq)]
    pub struct ToolOptions {
        /// Time limit of one call, from its start, where neither its tool nor its scope sets one. A
        /// [sign of life](victor_tool_protocol::ToolContext::heartbeat) starts it again. Defaults to 60 seconds.
        pub timeout, with_timeout: Duration = Duration::from_secs(60);
        /// Time limit of a call that gives signs of life. Defaults to 1 hour.
        pub total_timeout, with_total_timeout: Duration = Duration::from_secs(60 * 60);
        /// Number of calls of one message that run at the same time; at least one does. Defaults to 5.
        ///
        /// It counts the calls of one message and not of all, so that a tool may itself run an agent whose tools are
        /// held by the same coordinator, without waiting for itself.
        pub max_concurrent_calls, with_max_concurrent_calls: usize = 5;
        /// Bytes of text of one result; a longer one loses its middle. Defaults to 51,200 (50 KiB).
        pub max_output_bytes, with_max_output_bytes: usize = ToolContext::OUTPUT_BUDGET;
        /// Bytes of all results that are kept for tools whose calls may be answered
        /// [from memory](victor_tool_protocol::ToolLimits::cache_for). Defaults to 16,777,216 (16 MiB).
        pub max_cache_bytes, with_max_cache_bytes: usize = 16 << 20;
        /// Time limit of an approval policy for one call, which is denied after it, and of a preview, which is left out
        /// after it. Defaults to 30 seconds.
        pub review_timeout, with_review_timeout: Duration = Duration::from_secs(30);
        /// Time limit of one answer of a store of receipts or results. Defaults to 30 seconds.
        pub store_timeout, with_store_timeout: Duration = Duration::from_secs(30);
        /// Attempts at a call that fails. Defaults to [`ToolRetryOptions::default`].
        pub retry, with_retry: ToolRetryOptions = ToolRetryOptions::default();
    }
}

options! {
    /// Attempts at a call that fails, without the model having to ask for them.
    ///
    /// | what went wrong | tool reads or is idempotent | tool writes or destroys |
    /// |---|---|---|
    /// | [`Unavailable`](victor_tool_protocol::ToolError::Unavailable): nothing was done | again | again |
    /// | it took too long | again | no: something may have been done |
    /// | [`Failed`] | as [`failures`](Self::failures) says | no: something may have been done |
    /// | any other error, a panic | no | no |
    ///
    /// [`Failed`]: victor_tool_protocol::ToolError::Failed
    ///
    /// Every attempt has the same idempotency key. All attempts and the waits between them together take no longer than
    /// the scope of the call allows for one, so that a call that times out is tried again only if its tool has a
    /// [shorter limit](victor_tool_protocol::ToolLimits::timeout) than that.
    #[derive(PartialEq, Eq)]
    pub struct ToolRetryOptions {
        /// Number of attempts at a call in all; 0 counts as 1. Defaults to 3.
        pub attempts, with_attempts: u32 = 3;
        /// Delay after the first attempt; each further one is twice as long. Defaults to 1 second.
        pub first_delay, with_first_delay: Duration = Duration::from_secs(1);
        /// Longest delay of this kind. Defaults to 10 seconds.
        pub max_delay, with_max_delay: Duration = Duration::from_secs(10);
        /// Longest delay for which a tool may ask; one that asks for more is not tried again. Defaults to 60 seconds.
        pub max_retry_after, with_max_retry_after: Duration = Duration::from_secs(60);
        /// Whether a tool that reads or is idempotent is tried again when it has failed without saying that it may
        /// succeed later. Defaults to `false`: most such failures repeat (a file that may not be read), and a model
        /// does better if it is told at once.
        pub failures, with_failures: bool = false;
    }
}

impl ToolRetryOptions {
    /// Options by which nothing is tried again.
    #[must_use]
    pub fn none() -> Self {
        Self::default().with_attempts(1)
    }
}
