//! Contracts of context management: compaction strategies, token counters and the window a model sees.
//!
//! - [`CompactionStrategy`] makes a context smaller.
//! - [`TokenCounter`] says how large a message is.
//! - [`ContextManager`] is the role of the coordinator that keeps the context of every session.
//!
//! # A strategy
//!
//! ```
//! use async_trait::async_trait;
//! use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
//! use victor_core::{Context, Role};
//!
//! /// Keeps what the system said and the last ten messages.
//! #[derive(Debug)]
//! struct LastTen;
//!
//! #[async_trait]
//! impl CompactionStrategy for LastTen {
//!     fn name(&self) -> &str {
//!         "last_ten"
//!     }
//!
//!     async fn compact(&self, context: &Context, _budget: &CompactionBudget) -> Result<Context, CompactionError> {
//!         let messages = context.messages();
//!         let old = messages.len().saturating_sub(10);
//!         let kept = messages.iter().enumerate().filter(|(n, message)| *n >= old || *message.role() == Role::System);
//!         Ok(context.with_messages(kept.map(|(_, message)| message.clone()).collect()))
//!     }
//! }
//! ```
//!
//! It may cut a tool call from its result; the manager sees to it that the model never notices.

mod counter;
mod manager;
mod stats;
mod strategy;
mod too_large;

#[cfg(feature = "mock")]
pub use counter::MockTokenCounter;
pub use counter::{TokenCounter, TokenCounterExt};
#[cfg(feature = "mock")]
pub use manager::MockContextManager;
pub use manager::{ContextError, ContextManager, Prepared, WindowRequest};
pub use stats::{CompactionReport, ContextStats};
#[cfg(feature = "mock")]
pub use strategy::MockCompactionStrategy;
pub use strategy::{CompactionBudget, CompactionError, CompactionStrategy};
pub use too_large::{LargestPart, TooLarge};
