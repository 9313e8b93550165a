//! A tool with which a model searches its own conversation, including what compaction has left out.
//!
//! When a conversation outgrows the window of its model, old messages are left out of what the model sees. The
//! session's transcript still has them all. [`RecallTool`] is the way back: a model that has forgotten something
//! searches for it, reads it, and need not ask the user again.
//!
//! ```
//! use std::sync::Arc;
//!
//! use serde_json::json;
//! use victor_core::{Message, SessionId, ToolCallId, TurnId, text_of};
//! use victor_recall::RecallTool;
//! use victor_session_protocol::{InMemorySessionStore, SessionStore, TranscriptEntry};
//! use victor_tool_protocol::{Tool, ToolContext};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The store that the orchestrator keeps its sessions in.
//! let store = Arc::new(InMemorySessionStore::default());
//! let session = SessionId::new("garden");
//! let said = ["The gate code is 4711.", "The roses were cut today."];
//! let entries = said.map(|text| TranscriptEntry::new(None, Message::user(text)));
//! store.append(&session, 0, &entries).await?;
//!
//! let recall = RecallTool::new(store);
//! let cx = ToolContext::new(session, TurnId::generate(), ToolCallId::new("1"), "key");
//! let output = recall.call(&cx, json!({"query": "code of the gate"})).await?;
//! assert!(text_of(&output.content).contains("The gate code is 4711."));
//! # Ok(())
//! # }
//! ```
//!
//! # What the model gets
//!
//! A search finds passages of messages, tool calls and tool results by their words ([`Bm25`](victor_lexical::Bm25)),
//! at most 600 bytes of each message, with the beginnings of its neighbours and the call by which the whole can be
//! read. Messages are named by their place in the transcript, from 1; the notes that
//! `victor-context` puts in the place of old tool results name them by
//! [`MessageId::short`](victor_core::MessageId::short), and the tool takes either. What the tool itself has found
//! before is never found again, and neither is the request that is being worked on, which the model sees anyway.
//!
//! # What it costs
//!
//! A session is indexed when it is first searched, and from then on only what is new in it. Indices are kept within the
//! limits of [`RecallOptions`]; those that were not used for longest are dropped, and made again when needed.

mod cache;
mod memory;
mod options;
mod recall_tool;
mod report;
mod text;

pub use options::RecallOptions;
pub use recall_tool::RecallTool;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_session_protocol as session;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;
