//! Contracts of tool selection: the choice of the tools that a model is shown.
//!
//! - [`ToolSelectionStrategy`] says how well tools fit a request.
//! - [`ToolSelector`] is the role of the coordinator that chooses by it, and can tell why.
//! - [`SelectionRequest`] goes in; a [`Selection`] comes out, with a [`ToolDecision`] for every tool.
//!
//! # A strategy
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use victor_core::ToolSpec;
//! use victor_tool_selection_protocol::{SelectionError, SelectionRequest, ToolSelectionStrategy};
//!
//! /// The share of the tool's own name that the request names.
//! #[derive(Debug)]
//! struct ByName;
//!
//! #[async_trait]
//! impl ToolSelectionStrategy for ByName {
//!     fn name(&self) -> &str {
//!         "by_name"
//!     }
//!
//!     async fn score(
//!         &self,
//!         request: &SelectionRequest,
//!         tools: &Arc<[ToolSpec]>,
//!     ) -> Result<Vec<f32>, SelectionError> {
//!         let text = request.text.to_lowercase();
//!         let score = |tool: &ToolSpec| {
//!             let words = tool.name.split('_').map(|word| f32::from(u8::from(text.contains(word))));
//!             words.clone().sum::<f32>() / words.map(|_| 1.0).sum::<f32>()
//!         };
//!         Ok(tools.iter().map(score).collect())
//!     }
//! }
//! ```

mod error;
mod request;
mod selection;
mod selector;
mod strategy;

#[doc(no_inline)]
pub use victor_core as core;

pub use error::SelectionError;
pub use request::SelectionRequest;
pub use selection::{Selection, SelectionReason, ToolDecision};
#[cfg(feature = "mock")]
pub use selector::MockToolSelector;
pub use selector::ToolSelector;
#[cfg(feature = "mock")]
pub use strategy::MockToolSelectionStrategy;
pub use strategy::ToolSelectionStrategy;
