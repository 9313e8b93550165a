//! Contracts of prompts: contributors and the builder of the system prompt.
//!
//! - [`PromptContributor`] adds a section to the system prompt.
//! - [`PromptBuilder`] is the role of the coordinator that puts the sections together.
//!
//! # A contributor
//!
//! ```
//! use async_trait::async_trait;
//! use victor_prompt_protocol::{Contribution, PromptContext, PromptContributor, PromptError};
//!
//! #[derive(Debug)]
//! struct Compliance;
//!
//! #[async_trait]
//! impl PromptContributor for Compliance {
//!     fn name(&self) -> &str {
//!         "compliance"
//!     }
//!
//!     fn priority(&self) -> i32 {
//!         80
//!     }
//!
//!     async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
//!         Ok(match cx.get_bool("requires_compliance") {
//!             Some(true) => "Do not name persons.".into(),
//!             _ => Contribution::nothing(),
//!         })
//!     }
//! }
//! ```

mod builder;
mod context;
mod contributor;

#[doc(no_inline)]
pub use victor_core as core;

#[cfg(feature = "mock")]
pub use builder::MockPromptBuilder;
pub use builder::{BuiltPrompt, Omission, PromptBuilder};
pub use context::PromptContext;
#[cfg(feature = "mock")]
pub use contributor::MockPromptContributor;
pub use contributor::{Contribution, PromptContributor, PromptError};
