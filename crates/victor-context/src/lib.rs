//! Keeps the window a model sees: appends, counts tokens and compacts without breaking a conversation.
//!
//! This crate is useful on its own, to a program that has its own loop around a model: it depends on the vocabulary of
//! `victor-core`, the contracts of `victor-context-protocol` and little else, and re-exports these crates as [`core`]
//! and [`protocol`], with [`embedding`] and [`provider`] for the strategies that use a model.
//!
//! ```
//! use victor_context::{ContextCoordinator, RecentMessages};
//! use victor_context::core::{Context, Message, Part, Role, SessionId, ToolCall, ToolOutcome, ToolResult};
//! use victor_context::protocol::{ContextError, ContextManager, WindowRequest};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ContextError> {
//! let contexts = ContextCoordinator::new(RecentMessages::new(12));
//! let session = SessionId::default();
//! contexts.append(&session, &[Message::system("You look after a garden.").into()]);
//! contexts.append(&session, &[Message::user("Never water the cactus.").pinned().into()]);
//!
//! let mut request = WindowRequest::default();
//! request.window = Some(2_000); // the model's window, in tokens
//! request.reserved = 500; // for the tools and the answer
//!
//! for day in 1..=100 {
//!     contexts.append(&session, &[Message::user(format!("What is to do on day {day}?")).into()]);
//!     let call = ToolCall::new(format!("call_{day}"), "read_sensors", "{}");
//!     let result = ToolResult::new(&call, ToolOutcome::Success, "bed 1: dry, bed 2: moist, bed 3: wet");
//!     let called = Message::new(Role::Assistant, vec![Part::ToolCall(call)]);
//!     contexts.append(&session, &[called.into(), Message::tool_results_of([result]).into()]);
//!
//!     // Before every call of the model: what it should see.
//!     let prepared = contexts.prepare(&session, &request).await?;
//!     assert!(prepared.context.messages().validate().is_ok()); // every provider accepts it
//!     contexts.append(&session, &[Message::assistant("Water bed 1.").into()]);
//! }
//!
//! let context: Context = contexts.context(&session);
//! assert!(context.messages().len() < 60);
//! assert!(context.messages().iter().any(|message| message.text().contains("cactus")));
//! assert!(contexts.stats(&session).tokens < 1_500);
//! # Ok(())
//! # }
//! ```
//!
//! # What is here
//!
//! - [`ContextCoordinator`], one context per session; [`ContextOptions`], when it compacts and how far down.
//! - Strategies that need nothing: [`RecentMessages`], [`Truncation`], [`ToolResults`], [`TaskAware`], [`Semantic`],
//!   [`BudgetAware`], and [`Hybrid`], which runs others one after the other. Every coordinator knows these by name.
//! - [`Summarization`], which needs a model, and [`Semantic`] by the vectors of a model, with [`CachedEmbedder`]:
//!   register them. Write others by implementing [`CompactionStrategy`](protocol::CompactionStrategy).
//!   `docs/compaction.md` helps to choose.
//! - [`groups`], the units of a history that a strategy must not separate.
//! - [`repair`], which makes a broken history one that every provider accepts.
//! - [`EstimateCounter`], token counts without a tokenizer; [`Calibration`], which learns from a provider's reports how
//!   far any counter is off.
//!
//! # What never happens
//!
//! A tool call is never separated from its result. What the system says, what is pinned, the user's first and last
//! requests and the end of the conversation are never left out. A compaction never makes a context larger, and never
//! changes the order. Nothing is left out in silence: a note says how many messages are no longer there. A strategy
//! that fails, panics, hangs or returns rubbish is replaced by truncation, and [`health`](core::Coordinator::health)
//! says so.

mod compaction;
mod coordinator;
mod counting;
mod declined;
mod groups;
mod options;
mod rebuild;
mod repair;
mod session;
mod strategies;

pub use coordinator::{ContextCoordinator, ContextCoordinatorBuilder};
pub use counting::{Calibration, EstimateCounter};
pub use groups::{Group, GroupKind, groups};
pub use options::ContextOptions;
pub use repair::repair;
pub use strategies::{
    BudgetAware, CachedEmbedder, Hybrid, RecentMessages, Semantic, Summarization, TaskAware,
    ToolResults, Truncation,
};
#[doc(no_inline)]
pub use victor_context_protocol as protocol;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_embedding_protocol as embedding;
#[doc(no_inline)]
pub use victor_provider_protocol as provider;
