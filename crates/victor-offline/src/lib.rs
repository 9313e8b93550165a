//! An extractive model that needs no network, for first runs, demos, tests and dry runs.
//!
//! [`OfflineModel`] implements [`ChatProvider`](victor_provider_protocol::ChatProvider) without a language model
//! behind it. It reads the tools that it is offered, calls those that the user's words ask for with arguments found in
//! those words, and answers with the sentences of the results and of the conversation that match the question best. It
//! is deterministic, streams, counts usage, and says what it is. It writes no sentence that was not there before,
//! except about itself.
//!
//! ```
//! use std::sync::Arc;
//!
//! use serde_json::json;
//! use victor_core::{Context, Effect, Message, ToolOutcome, ToolResult, ToolSpec};
//! use victor_offline::OfflineModel;
//! use victor_provider_protocol::{ChatProvider, ChatRequest, ProviderError};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ProviderError> {
//! let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
//! let read_file = ToolSpec::new("read_file", "Reads a text file", schema).with_effect(Effect::ReadOnly);
//!
//! let model = OfflineModel::new();
//! let mut request = ChatRequest::new(
//!     OfflineModel::MODEL,
//!     Context::from_iter([Message::user("What does notes.txt say about the deadline?")]),
//! );
//! request.tools = Arc::new([read_file]);
//!
//! let completion = model.chat(&request).await?;
//! let call = completion.tool_calls().next().unwrap().clone();
//! assert_eq!((&*call.name, &*call.arguments), ("read_file", r#"{"path":"notes.txt"}"#));
//!
//! let text = "We met on Monday. The deadline is Friday noon. There was cake.";
//! let result = ToolResult::new(&call, ToolOutcome::Success, text);
//! request.context.push(Message::new(victor_core::Role::Assistant, completion.parts));
//! request.context.push(Message::tool_results_of([result]));
//!
//! let completion = model.chat(&request).await?;
//! let answer = Message::new(victor_core::Role::Assistant, completion.parts);
//! assert_eq!(answer.text(), "The deadline is Friday noon. (from notes.txt)");
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! A request is split into clauses. For each clause the tools are compared by the words of their names, descriptions
//! and parameters, rare words counting for more; a tool is called only where the clause has its verb, or a path for
//! it, and every required argument. What changes something is called only on an order, never for a question. Results
//! are split into sentences (Markdown's headings, list items and rows of tables too), and these are compared with the
//! question by the stems of its words. English is understood best; other languages work as far as paths, quotations
//! and shared words go.

mod answer;
mod arguments;
mod extract;
mod history;
mod lex;
mod lexicon;
mod mentions;
mod model;
mod rank;
mod request;
mod schema;
mod stream;
mod tokens;
mod tools;

pub use model::OfflineModel;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;
