//! What can go wrong between Victor and a model.

use std::time::Duration;

use victor_core::{BoxError, Usage};

/// A model call failed.
///
/// It is one type for all providers, because what matters to a caller is the class of the error, and that is the same
/// for all. The message is the provider's own, as far as it is fit to be shown; it never holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{provider}: {message}")]
#[non_exhaustive]
pub struct ProviderError {
    /// The class of the error.
    pub kind: ProviderErrorKind,
    /// The name of the provider.
    pub provider: String,
    /// What happened, for a person.
    pub message: String,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// How long the provider asks to wait before another attempt.
    pub retry_after: Option<Duration>,
    /// What the failed attempt used, as far as the provider said.
    pub usage: Box<Usage>,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

victor_core::open_string_enum! {
    /// The classes of errors between Victor and a model.
    pub enum ProviderErrorKind {
        /// The key is missing, wrong or may not do this.
        Authentication = "authentication",
        /// The account has nothing left to spend.
        Quota = "quota",
        /// Too many requests or tokens in too short a time.
        RateLimit = "rate_limit",
        /// The provider has more work than it can do.
        Overloaded = "overloaded",
        /// The request has more tokens than the model's window.
        ContextTooLong = "context_too_long",
        /// The history breaks a rule of the provider, for example a tool call without a result.
        InvalidHistory = "invalid_history",
        /// The request is wrong in another way.
        InvalidRequest = "invalid_request",
        /// There is no such model, or no such address.
        NotFound = "not_found",
        /// The provider failed.
        Server = "server",
        /// The provider could not be reached.
        Connection = "connection",
        /// The provider did not answer in time.
        Timeout = "timeout",
        /// The answer ended before it was whole.
        Truncated = "truncated",
        /// The answer is not what the provider's documentation says.
        Malformed = "malformed",
        /// The provider's code panicked.
        Panicked = "panicked",
    }
}

impl ProviderErrorKind {
    /// Whether the same request may succeed later without any change.
    ///
    /// It is no promise that another attempt is safe: once text has been shown, a second attempt would show it twice.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use ProviderErrorKind::{Connection, Overloaded, RateLimit, Server, Timeout, Truncated};
        matches!(
            self,
            RateLimit | Overloaded | Server | Connection | Timeout | Truncated
        )
    }
}

impl ProviderError {
    /// An error of a class, in words.
    pub fn new(
        kind: ProviderErrorKind,
        provider: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            provider: provider.into(),
            message: message.into(),
            status: None,
            retry_after: None,
            usage: Box::default(),
            source: None,
        }
    }

    /// The same error with the HTTP status that came with it.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same error with the time that the provider asks to wait.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The same error with what the attempt used.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        *self.usage = usage;
        self
    }

    /// The same error with the error beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }
}
