//! Contracts of prompts: contributors, sources of stored prompts and the builder of the system prompt.
//!
//! - [`PromptContributor`] adds a section to the system prompt, or changes that of another one.
//! - [`PromptSource`] keeps named prompts in versions that never change, with labels that point to them.
//! - [`PromptRenderer`] is the template language of prompts.
//! - [`PromptHistory`] is stored with a session, and [`PromptDiff`] tells what has changed from one prompt to another.
//! - [`PromptBuilder`] is the role of the coordinator that puts the sections together.
//!
//! # A contributor
//!
//! ```
//! use async_trait::async_trait;
//! use victor_prompt_protocol::{Contribution, PromptContext, PromptContributor, PromptError, Stability};
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
//!             Some(true) => Contribution::from("Do not name persons.").with_stability(Stability::Session),
//!             _ => Contribution::nothing(),
//!         })
//!     }
//! }
//! ```

mod builder;
mod context;
mod contribution;
mod contributor;
mod error;
mod history;
mod renderer;
mod source;

#[doc(no_inline)]
pub use victor_core as core;

#[cfg(feature = "mock")]
pub use builder::MockPromptBuilder;
pub use builder::{BASE_SECTION, BuiltPrompt, Omission, PromptBuilder, PromptSection};
pub use context::PromptContext;
pub use contribution::{Contribution, SectionAction, Stability};
#[cfg(feature = "mock")]
pub use contributor::MockPromptContributor;
pub use contributor::PromptContributor;
pub use error::PromptError;
pub use history::{
    PromptDiff, PromptHistory, PromptRecord, SectionChange, SectionRecord, text_digest,
};
pub use renderer::{PromptRenderer, PromptTemplate, Rendering};
#[cfg(feature = "mock")]
pub use source::MockPromptSource;
pub use source::{
    LATEST, PRODUCTION, PromptReference, PromptSelector, PromptSource, PromptVersion, StoredPrompt,
};
