//! Builds the system prompt from a base template and contributors in order of priority.
//!
//! [`PromptCoordinator`] plays the role of [`PromptBuilder`](victor_prompt_protocol::PromptBuilder). A prompt is a base
//! prompt followed by the sections of the contributors, highest priority first, with a blank line between them. It
//! can always be built: a contributor that fails, panics or takes too long is left out and reported.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use victor_prompt::PromptCoordinator;
//! use victor_prompt_protocol::{Contribution, PromptBuilder, PromptContext, PromptContributor, PromptError};
//!
//! #[derive(Debug)]
//! struct Language;
//!
//! #[async_trait]
//! impl PromptContributor for Language {
//!     fn name(&self) -> &str {
//!         "language"
//!     }
//!
//!     async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
//!         let language = cx.get_str("language").ok_or_else(|| PromptError::new("no language is known"))?;
//!         Ok(format!("Answer in {language}.").into())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let prompt = PromptCoordinator::builder()
//!     .template("default", "You review Rust code.")
//!     .contributor(Arc::new(Language))
//!     .build();
//!
//! let built = prompt.build_system_prompt(&PromptContext::from_iter([("language", "French")])).await;
//! assert_eq!(&*built.text, "You review Rust code.\n\nAnswer in French.");
//!
//! let built = prompt.build_system_prompt(&PromptContext::new()).await;
//! assert_eq!(&*built.text, "You review Rust code.");
//! assert_eq!(built.omissions[0].reason, "no language is known");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What is kept and what is not
//!
//! Contributors are asked anew for every prompt. They may look at more than their context, at files for example, and
//! a section that is out of date would be wrong in a way that nobody sees, while asking them costs next to nothing
//! beside the model's answer. What is kept is the text: prompts that come out equal share one, so that whoever counts
//! its tokens or compares it with the last one need not read it again.
//!
//! # Runtime
//!
//! Prompts are built anywhere. The time limit of contributors needs a tokio runtime with its clock enabled; without
//! one, a contributor may take as long as it likes.

mod builder;
mod coordinator;
mod options;
mod template;
mod texts;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_prompt_protocol as protocol;

pub use builder::PromptCoordinatorBuilder;
pub use coordinator::PromptCoordinator;
pub use options::PromptOptions;
pub use template::{DEFAULT_PROMPT, DEFAULT_TEMPLATE};
