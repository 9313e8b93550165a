//! Contracts of model providers: requests, streamed completions, error classes and routing.
//!
//! - [`ChatProvider`] is what an adapter implements to bring a model API to Victor.
//! - [`ListModels`] is what it implements besides if the API lists its models.
//! - [`ProviderRouter`] is the role of the coordinator that chooses a provider, retries and switches.
//! - [`ChatRequest`] goes in, a [`CompletionStream`] of [`CompletionEvent`]s comes out and ends with a
//!   [`Completion`]; a [`ProviderError`] says what went wrong in one of the classes of [`ProviderErrorKind`].
//! - [`LedgerEntry`] records one attempt with its tokens and its cost in [`NanoDollars`]; [`PriceTable`] tells prices,
//!   and [`LedgerStore`] keeps entries.
//!
//! # A provider
//!
//! ```
//! use async_trait::async_trait;
//! use victor_core::{ModelId, Part, Usage};
//! use victor_provider_protocol::{
//!     Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream, ProviderError,
//! };
//!
//! /// Answers every request in the same way.
//! #[derive(Debug)]
//! struct Constant(&'static str);
//!
//! #[async_trait]
//! impl ChatProvider for Constant {
//!     fn name(&self) -> &str {
//!         "constant"
//!     }
//!
//!     async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
//!         let completion = Completion::new(request.model_or("constant"), vec![Part::text(self.0)], Usage::new(1, 1));
//!         let events = [CompletionEvent::TextDelta(self.0.into()), CompletionEvent::finished(completion)];
//!         Ok(CompletionStream::from_events(events.map(Ok)))
//!     }
//!
//!     fn capabilities(&self, _model: &ModelId) -> Capabilities {
//!         Capabilities::default()
//!     }
//! }
//! ```

mod budget;
mod capabilities;
mod completion;
mod error;
mod ledger;
mod list_models;
mod money;
mod price;
mod provider;
mod refusal;
mod request;
mod router;
mod routing;
mod stream;

pub use budget::{Budget, BudgetScope};
pub use capabilities::{Capabilities, CapabilitySource};
pub use completion::{Completion, CompletionEvent, LostAttempt, RetryNotice, WaitNotice};
pub use error::{ProviderError, ProviderErrorKind};
pub use ledger::{
    AttemptOutcome, LedgerEntry, LedgerError, LedgerObserver, LedgerQuery, LedgerReader,
    LedgerStore, LedgerTotal, UsageSource,
};
pub use list_models::ListModels;
pub use money::{NanoDollars, ParseMoneyError};
pub use price::{Price, PriceQuery, PriceTable};
pub use provider::ChatProvider;
#[cfg(feature = "mock")]
pub use provider::MockChatProvider;
pub use refusal::Refusal;
pub use request::{ChatRequest, ResponseFormat, ToolChoice};
#[cfg(feature = "mock")]
pub use router::MockProviderRouter;
pub use router::{ProviderRouter, Route};
pub use routing::{Failover, FailoverRule, RouteOrder, RouteSpec, RouteTarget};
pub use stream::CompletionStream;
