//! Contracts of tools: what a tool is, how calls run and who may approve them.
//!
//! - [`Tool`] is what a tool implements.
//! - [`ApprovalPolicy`] decides which calls run, which do not, and which a person is asked about.
//! - [`ToolExecutor`] is the role of the coordinator that holds the tools and runs the calls.
//! - [`ReceiptStore`] keeps what calls have come to, so that none runs twice; [`ResultStore`] keeps results that are
//!   too large for a conversation.
//!
//! # A tool
//!
//! ```
//! use async_trait::async_trait;
//! use serde_json::{Value, json};
//! use victor_core::{Effect, ToolSpec};
//! use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};
//!
//! #[derive(Debug)]
//! struct WordCount(ToolSpec);
//!
//! impl WordCount {
//!     fn new() -> Self {
//!         let schema = json!({
//!             "type": "object",
//!             "properties": { "text": { "type": "string", "description": "the text to count" } },
//!             "required": ["text"],
//!         });
//!         Self(ToolSpec::new("word_count", "Counts the words of a text", schema).with_effect(Effect::ReadOnly))
//!     }
//! }
//!
//! #[async_trait]
//! impl Tool for WordCount {
//!     fn spec(&self) -> &ToolSpec {
//!         &self.0
//!     }
//!
//!     async fn call(&self, _cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
//!         // The executor has checked the arguments against the schema.
//!         let text = arguments["text"].as_str().unwrap_or_default();
//!         Ok(text.split_whitespace().count().to_string().into())
//!     }
//! }
//! ```

mod approval;
mod error;
mod executor;
mod memory;
mod preview;
mod receipt;
mod result_store;
mod results;
mod tool;

#[cfg(feature = "mock")]
pub use approval::MockApprovalPolicy;
pub use approval::{ApprovalPolicy, ApprovalRequest, ApprovalScope, GivenApproval, Verdict};
pub use error::{RegisterError, ToolError, ToolStoreError};
#[cfg(feature = "mock")]
pub use executor::MockToolExecutor;
pub use executor::{ToolExecutor, ToolScope};
pub use memory::{InMemoryReceiptStore, InMemoryResultStore};
pub use preview::{Preview, ShownPreview};
#[cfg(feature = "mock")]
pub use receipt::MockReceiptStore;
pub use receipt::{Receipt, ReceiptStore};
#[cfg(feature = "mock")]
pub use result_store::MockResultStore;
pub use result_store::{ResultPage, ResultStore};
pub use results::{ToolResults, ToolUpdate};
#[cfg(feature = "mock")]
pub use tool::MockTool;
pub use tool::{Tool, ToolContext, ToolLimits, ToolListener, ToolOutput};
#[doc(no_inline)]
pub use victor_core as core;
