//! Chooses which of many tools to show to a model: by words, by meaning or by both.
//!
//! A model that is shown hundreds of tools pays for their descriptions in every call and chooses worse among them. The
//! coordinator of this crate shows it the twenty that fit best what the user wants, keeps those that it uses, and lets
//! it search the others. Where there are few tools it shows them all and costs nothing.
//!
//! ```
//! use std::sync::Arc;
//!
//! use serde_json::json;
//! use victor_core::{SessionId, ToolSpec};
//! use victor_tool_selection::{SelectionOptions, ToolSelectionCoordinator};
//! use victor_tool_selection_protocol::{SelectionRequest, ToolSelector};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tools: Arc<[ToolSpec]> = [
//!     ToolSpec::new("list_mails", "Lists the mails of an inbox", json!({})),
//!     ToolSpec::new("get_forecast", "The weather of the next days in a city", json!({})),
//!     ToolSpec::new("send_mail", "Sends a mail to people", json!({})),
//! ]
//! .into();
//! let options = SelectionOptions::default().with_limit(Some(1));
//! let selector = ToolSelectionCoordinator::builder().options(options).build()?;
//!
//! let request = SelectionRequest::new(SessionId::new("s"), "What will the weather in Rome be like?");
//! let selection = selector.select_tools(&request, &tools).await;
//! assert_eq!(selection.tools[0].name, "get_forecast");
//! for decision in selection.decisions.iter() {
//!     println!("{} {:?} {:?}", decision.tool, decision.reason, decision.score);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is here
//!
//! - [`ToolSelectionCoordinator`], the role [`ToolSelector`](victor_tool_selection_protocol::ToolSelector), which says
//!   what is shown besides what fits best; [`SelectionOptions`], its limits.
//! - The strategies [`Keyword`], [`Semantic`], [`Hybrid`] and [`All`]. Others implement
//!   [`ToolSelectionStrategy`](victor_tool_selection_protocol::ToolSelectionStrategy) and are registered.
//! - [`SearchToolsTool`], by which a model finds what it is not shown.
//!
//! # Which strategy
//!
//! [`Hybrid`] with a model that knows meaning finds most. `victor-local-embedding` and `victor-openai` have such
//! embedders; the first selection among thousands of tools may then be made without it, since it takes longer than a
//! selection may, and each later one goes on where it was. Without a model, [`Hybrid`] compares spellings in place of
//! meanings, which helps with words that are written in another way, and [`Keyword`] alone is as good and quicker.
//! `cargo xtask eval tool-selection` measures all of them.

mod builder;
mod coordinator;
mod decide;
mod lists;
mod options;
mod registry;
mod search;
mod sessions;
mod strategies;
mod texts;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_embedding_protocol as embedding;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;
#[doc(no_inline)]
pub use victor_tool_selection_protocol as protocol;

pub use builder::ToolSelectionCoordinatorBuilder;
pub use coordinator::ToolSelectionCoordinator;
pub use options::SelectionOptions;
pub use search::{Catalogue, SearchToolsTool};
pub use strategies::{All, Fusion, Hybrid, Keyword, Semantic};
