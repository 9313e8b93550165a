//! Routes model calls to a provider and holds the one retry loop.
//!
//! [`ProviderCoordinator`] implements [`ProviderRouter`](victor_provider_protocol::ProviderRouter): it holds one
//! provider and model, which can be switched at any time, and turns a request into a stream that makes as many
//! attempts as it takes. Adapters never retry, so nobody waits twice.
//!
//! - What may pass is tried again ([`RetryOptions`]). Text that was shown of a failed attempt is withdrawn first, and
//!   so are thoughts where somebody is shown them ([`ProviderOptions::shows_thoughts`]).
//! - A server that is still loading its model is waited for, some minutes if need be.
//! - The window that a provider names when it refuses a request is learnt.
//! - A provider that says how long to wait is obeyed, and not for days.
//! - What lost attempts used is added to the usage of the answer, or of the error.
//! - A provider that panics, hangs or falls silent ([`ProviderOptions`]) yields an error like any other.
//!
//! ```
//! use std::sync::Arc;
//!
//! use victor_core::{Context, Message};
//! # use async_trait::async_trait;
//! # use victor_core::{ModelId, Part, Usage};
//! # use victor_provider_protocol::{Capabilities, ChatProvider, Completion, CompletionStream, ProviderError};
//! use victor_provider::ProviderCoordinator;
//! use victor_provider_protocol::{ChatRequest, CompletionEvent, ProviderRouter};
//!
//! # #[derive(Debug)]
//! # struct Greeter;
//! # #[async_trait]
//! # impl ChatProvider for Greeter {
//! #     fn name(&self) -> &str { "greeter" }
//! #     async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
//! #         let parts = vec![Part::text("Hello.")];
//! #         let completion = Completion::new(request.model_or("greeter"), parts, Usage::new(1, 1));
//! #         Ok(CompletionStream::from_events([
//! #             Ok(CompletionEvent::TextDelta("Hello.".into())),
//! #             Ok(CompletionEvent::finished(completion)),
//! #         ]))
//! #     }
//! #     fn capabilities(&self, _: &ModelId) -> Capabilities { Capabilities::default() }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ProviderError> {
//! let router = ProviderCoordinator::new(Arc::new(Greeter), "greeter-1");
//!
//! let context = Context::from_iter([Message::user("Hello?")]);
//! let mut stream = router.stream_chat(ChatRequest::new(router.route().model, context));
//! while let Some(event) = stream.next().await {
//!     match event? {
//!         CompletionEvent::TextDelta(text) => assert_eq!(text, "Hello."),
//!         CompletionEvent::Retrying(notice) => panic!("attempt {} failed", notice.attempt),
//!         CompletionEvent::Finished(completion) => assert_eq!(completion.usage.total_tokens(), 2),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Timers need a tokio runtime with time enabled; a request without any timeout that never has to wait needs none.

mod attempts;
mod breaker;
mod budget;
mod builder;
mod coordinator;
mod error;
mod ledger;
mod limiter;
mod options;
mod plan;
mod retry;
mod silence;
mod target;
mod windows;

pub use breaker::BreakerOptions;
pub use builder::ProviderCoordinatorBuilder;
pub use coordinator::ProviderCoordinator;
pub use error::RoutingError;
pub use ledger::Ledger;
pub use limiter::Limits;
pub use options::{ProviderOptions, RetryOptions};
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;
