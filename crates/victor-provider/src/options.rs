//! What can be set.

use std::time::Duration;

/// How requests are retried and how long a provider may be silent.
///
/// ```
/// use std::time::Duration;
/// use victor_provider::{ProviderOptions, RetryOptions};
///
/// let patient = ProviderOptions {
///     retry: RetryOptions { max_attempts: 8, ..RetryOptions::default() },
///     first_event_timeout: Some(Duration::from_secs(600)),
///     ..ProviderOptions::default()
/// };
/// assert_eq!(patient.retry.base_delay, Duration::from_secs(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderOptions {
    /// When and how often a request is tried again.
    pub retry: RetryOptions,
    /// The longest time from the beginning of an attempt to its first event; no limit if absent. Default: 300 seconds.
    pub first_event_timeout: Option<Duration>,
    /// The longest time from one event of an answer to the next; no limit if absent. Default: 120 seconds.
    pub idle_timeout: Option<Duration>,
    /// Whether somebody is shown the model's thoughts while they come. Once something was shown there is no further
    /// attempt, which would show it twice; where nobody sees them, thoughts forbid none. Default: true.
    pub shows_thoughts: bool,
}

impl Default for ProviderOptions {
    fn default() -> Self {
        Self {
            retry: RetryOptions::default(),
            first_event_timeout: Some(Duration::from_secs(300)),
            idle_timeout: Some(Duration::from_secs(120)),
            shows_thoughts: true,
        }
    }
}

/// When and how often a request is tried again.
///
/// Only errors that may pass are retried
/// ([`ProviderErrorKind::is_transient`](victor_provider_protocol::ProviderErrorKind::is_transient)). A server that is [loading](victor_provider_protocol::ProviderErrorKind::Loading) its model is asked until
/// it has, for at most [`max_loading`](Self::max_loading), and these attempts are not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryOptions {
    /// How often a request is tried in all, not counting attempts that found the model loading; 1 means that it is
    /// never tried again, and so does 0. Default: 3.
    pub max_attempts: u32,
    /// The wait after the first failed attempt; it doubles with every further one. Default: 1 second.
    ///
    /// Between half of it and the whole is waited, by chance, so that many clients of a provider that failed do not
    /// all come back at once.
    pub base_delay: Duration,
    /// What the wait does not grow beyond. Default: 10 seconds.
    pub max_delay: Duration,
    /// The longest wait that a provider may ask for, which is then waited in place of the others. A request that
    /// would have to wait longer fails at once. Default: 300 seconds.
    pub max_retry_after: Duration,
    /// How long a server is waited for that is loading its model, in all. Default: 300 seconds.
    pub max_loading: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(300),
            max_loading: Duration::from_secs(300),
        }
    }
}
