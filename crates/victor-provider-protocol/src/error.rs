//! Errors between Victor and a model.

use std::num::NonZeroU32;
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
    pub provider: Box<str>,
    /// Description for a person.
    pub message: String,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// Time that the provider asks to wait before another attempt.
    pub retry_after: Option<Duration>,
    /// Whether the provider said that another attempt makes sense or makes none, as OpenAI and Anthropic do in the
    /// header `x-should-retry`. Absent where it said neither.
    pub should_retry: Option<bool>,
    /// Usage of the failed attempt, as far as the provider tells it.
    pub usage: Box<Usage>,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
    // Small, because every `Result` has room for them.
    context_window: Option<NonZeroU32>,
    request_tokens: Option<NonZeroU32>,
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
        /// The server is still loading the model, which can take minutes.
        Loading = "loading",
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
        /// The answer is larger than the program's limits allow.
        AnswerTooLarge = "answer_too_large",
        /// The provider's code panicked.
        Panicked = "panicked",
        /// A budget of the program's is used up, and the provider was not asked.
        Budget = "budget",
        /// The model declined to answer, or a filter stopped it. Rules of routes name it; providers report it as a
        /// [reason to stop](victor_core::StopReason) and not as an error.
        Refusal = "refusal",
    }
}

impl ProviderErrorKind {
    /// Whether the same request may succeed later without any change. A [malformed](Self::Malformed) answer is among
    /// these, since the next one may be readable.
    ///
    /// It is no promise that another attempt is safe: text that has been shown must be withdrawn first.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use ProviderErrorKind::{
            Connection, Loading, Malformed, Overloaded, RateLimit, Server, Timeout, Truncated,
        };
        matches!(
            self,
            RateLimit
                | Overloaded
                | Loading
                | Server
                | Connection
                | Timeout
                | Truncated
                | Malformed
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
            provider: provider.into().into(),
            message: message.into(),
            status: None,
            retry_after: None,
            should_retry: None,
            usage: Box::default(),
            source: None,
            context_window: None,
            request_tokens: None,
        }
    }

    /// Returns the most tokens that the server takes, where it refused a request as
    /// [too long](ProviderErrorKind::ContextTooLong) and said so.
    #[must_use]
    pub fn context_window(&self) -> Option<u64> {
        self.context_window.map(|tokens| tokens.get().into())
    }

    /// Returns the tokens of the refused request by the server's own count, where it refused the request as
    /// [too long](ProviderErrorKind::ContextTooLong) and said so. Some servers count the room for the answer with it.
    #[must_use]
    pub fn request_tokens(&self) -> Option<u64> {
        self.request_tokens.map(|tokens| tokens.get().into())
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

    /// The same error with the provider's word on another attempt.
    #[must_use]
    pub fn with_should_retry(mut self, should: bool) -> Self {
        self.should_retry = Some(should);
        self
    }

    /// Whether the same request may succeed later without any change: what the provider said of it, or else what is
    /// true of [its class](ProviderErrorKind::is_transient).
    ///
    /// A provider that says yes is believed only where nothing but the status tells the class: an account that is empty
    /// or a request that is too long stays so.
    ///
    /// ```
    /// use victor_provider_protocol::{ProviderError, ProviderErrorKind};
    ///
    /// let busy = ProviderError::new(ProviderErrorKind::RateLimit, "acme", "slow down");
    /// assert!(busy.is_transient());
    /// assert!(!busy.with_should_retry(false).is_transient());
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.should_retry {
            Some(true) if self.kind == ProviderErrorKind::InvalidRequest => true,
            Some(false) => false,
            _ => self.kind.is_transient(),
        }
    }

    /// The same error with what the attempt used.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        *self.usage = usage;
        self
    }

    /// The same error with what the server said of the window of its model and of the size of the request, in tokens.
    /// Zero counts as nothing said.
    #[must_use]
    pub fn with_overflow(
        mut self,
        context_window: Option<u64>,
        request_tokens: Option<u64>,
    ) -> Self {
        let small = |tokens: u64| NonZeroU32::new(tokens.try_into().unwrap_or(u32::MAX));
        self.context_window = context_window.and_then(small);
        self.request_tokens = request_tokens.and_then(small);
        self
    }

    /// The same error with the error beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }
}
