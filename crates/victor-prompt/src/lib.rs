//! Builds the system prompt from a base template and contributors in order of priority.
//!
//! [`PromptCoordinator`] plays the role of [`PromptBuilder`](victor_prompt_protocol::PromptBuilder). A prompt is a base
//! prompt followed by the sections of the contributors, highest priority first, with a blank line between them. It
//! can always be built: a contributor that fails, panics or takes too long is left out and reported.
//!
//! ```
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
//!     .contributor(Language)
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
//! # Order
//!
//! The base prompt is the section `base`. A contribution belongs to the section that it names, and otherwise to one of
//! the contributor's own name. Contributions apply in order of priority, so that a later one extends, replaces or drops
//! what an earlier one has put into a section. What holds longest stands first: the base prompt, then the sections of
//! the class `process`, `session` and `turn`, and within a class in order of priority. The bytes in front of the first
//! section that changes are thus the same in each turn, and a provider caches them.
//!
//! # What is kept and what is not
//!
//! A contribution of the class `process` or `session` is asked for once, until the contributor's
//! [`revision`](victor_prompt_protocol::PromptContributor::revision) or, for `session`, a fact of the context changes.
//! As long as nothing changes, a prompt is a look-up. A contributor that does not tell its class is asked anew for each
//! prompt: it may look at more than its context, at files for example, and a section that is out of date would be wrong
//! in a way that nobody sees. Prompts that come out equal share one text, so that whoever counts its tokens or compares
//! it with the last one need not read it again.
//!
//! # Stored prompts
//!
//! A [`PromptSource`](victor_prompt_protocol::PromptSource), such as [`FilePromptSource`], has base prompts in
//! versions. The template `review` is the version labelled `production`, `review:staging` the one with that label, and
//! `review@7` that version. A built prompt tells the versions that were used.
//!
//! # Runtime
//!
//! Prompts are built anywhere. The time limit of contributors needs a tokio runtime with its clock enabled; without
//! one, a contributor may take as long as it likes.

mod base;
mod builder;
mod cached_source;
mod compose;
mod coordinator;
mod file_source;
mod limit;
mod memory;
mod options;
mod template;
mod texts;

#[doc(no_inline)]
pub use victor_context_protocol as context;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_prompt_protocol as protocol;

pub use builder::PromptCoordinatorBuilder;
pub use cached_source::CachedPromptSource;
pub use coordinator::PromptCoordinator;
pub use file_source::FilePromptSource;
pub use options::PromptOptions;
pub use template::{DEFAULT_PROMPT, DEFAULT_TEMPLATE};
