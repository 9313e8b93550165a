//! Limits and retries of model calls.

use std::time::Duration;

victor_core::options! {
    /// Retries of requests, and the silence that a provider may keep.
    ///
    /// ```
    /// use std::time::Duration;
    /// use victor_provider::{ProviderOptions, RetryOptions};
    ///
    /// let patient = ProviderOptions::default()
    ///     .with_retry(RetryOptions::default().with_max_attempts(8))
    ///     .with_first_event_timeout(Some(Duration::from_secs(600)));
    /// assert_eq!(patient.retry.base_delay, Duration::from_secs(1));
    /// ```
    #[derive(PartialEq, Eq)]
    pub struct ProviderOptions {
        /// Retries of a request.
        pub retry, with_retry: RetryOptions = RetryOptions::default();
        /// Time limit from the beginning of an attempt to its first event; no limit if absent. Defaults to 300 seconds.
        pub first_event_timeout, with_first_event_timeout: Option<Duration> = Some(Duration::from_secs(300));
        /// Time limit from one event of an answer to the next; no limit if absent. Defaults to 120 seconds.
        pub idle_timeout, with_idle_timeout: Option<Duration> = Some(Duration::from_secs(120));
        /// Whether somebody is shown the model's thoughts while they come. What was shown is withdrawn before another
        /// attempt; thoughts that nobody sees need not be. Defaults to `true`.
        pub shows_thoughts, with_shows_thoughts: bool = true;
        /// Whether an attempt that failed after something was shown is withdrawn
        /// ([`Withdrawn`](victor_provider_protocol::CompletionEvent::Withdrawn)) and another one follows. Without it,
        /// the error is returned: for front ends that cannot take back what they have shown. Defaults to `true`.
        pub withdraws, with_withdraws: bool = true;
    }
}

victor_core::options! {
    /// Number of attempts at a request, and the waits between them.
    ///
    /// Only errors that may pass are retried
    /// ([`ProviderErrorKind::is_transient`](victor_provider_protocol::ProviderErrorKind::is_transient)). A server that
    /// is [loading](victor_provider_protocol::ProviderErrorKind::Loading) its model is asked until it has loaded it,
    /// for at most [`loading_timeout`](Self::loading_timeout), and these attempts are not counted.
    #[derive(PartialEq, Eq)]
    pub struct RetryOptions {
        /// Number of attempts in all, not counting those that found the model loading; 1 means that a request is never
        /// retried, and so does 0. Defaults to 3.
        pub max_attempts, with_max_attempts: u32 = 3;
        /// Wait after the first failed attempt; it doubles with every further one. Defaults to 1 second.
        ///
        /// The actual wait is a random time between three quarters of it and the whole, so that many clients of a
        /// provider that failed do not all come back at once.
        pub base_delay, with_base_delay: Duration = Duration::from_secs(1);
        /// Upper limit of the wait. Defaults to 10 seconds.
        pub max_delay, with_max_delay: Duration = Duration::from_secs(10);
        /// Longest wait that a provider may ask for, which then takes the place of the others. A request that would
        /// have to wait longer fails at once. Defaults to 300 seconds.
        pub max_retry_after, with_max_retry_after: Duration = Duration::from_secs(300);
        /// Time limit of waiting for a server that is loading its model, in all. Defaults to 300 seconds.
        pub loading_timeout, with_loading_timeout: Duration = Duration::from_secs(300);
    }
}
