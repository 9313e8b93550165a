//! The Model Context Protocol on both sides: tools of its servers for agents, and agents as its servers.
//!
//! Much of what an agent could use is there as a program that speaks [MCP](https://modelcontextprotocol.io): issue
//! trackers, browsers, databases. [`McpServers`] reads the configuration that other clients read, starts the servers or
//! reaches them over HTTP, and registers their tools with an executor:
//!
//! ```no_run
//! # use std::sync::Arc;
//! use victor_mcp::{McpConfig, McpServers};
//! use victor_tool_protocol::ToolExecutor;
//!
//! # async fn example(executor: Arc<dyn ToolExecutor>) -> Result<(), victor_mcp::McpConfigError> {
//! let servers = McpServers::connect(&McpConfig::from_file("mcp.json")?).await;
//! servers.attach(&executor);
//! # Ok(())
//! # }
//! ```
//!
//! The other way round, [`McpServer`] offers an agent and its tools to programs that speak MCP.
//!
//! # What is made of a server's tool
//!
//! - **Its name** is `mcp_{server}_{tool}`. Where that has other characters than providers accept, or too many, it ends
//!   with a hash; it is the same every time.
//! - **Its effect** is [destructive](victor_core::Effect::Destructive), which is MCP's default, until somebody trusted
//!   says otherwise. The server's annotations, which MCP calls hints that are not to be trusted, are believed if the
//!   configuration says `trust_annotations`. `effects` in the configuration goes before everything.
//! - **Its description and schema** stay, within limits, without characters that only a model would see. What the API
//!   of OpenAI, Anthropic or Gemini would refuse is rewritten, since one such tool ends every request: alternatives at
//!   the top, names of arguments (the server gets them by its own), references, keywords of older drafts, lists without
//!   a type. A tool that cannot be rewritten is left out and named in the health.
//! - **Its results** are text, pictures, PDF, and words about everything else, without the secrets that the server was
//!   told. `isError` is a [`ToolError`](victor_tool_protocol::ToolError). Nothing optional that is malformed costs the
//!   text, and an answer that cannot be read is an error at once.
//!
//! # What it promises
//!
//! - **A server can do no harm to others.** Its messages are limited in size (16 MiB) and number, its tools in number
//!   (256), its time to start; rubbish is passed over. One that ends is started again after growing pauses.
//! - **A failed call says what it may have done.**
//!   [`ToolError::Unavailable`](victor_tool_protocol::ToolError::Unavailable) means that it did nothing.
//! - **What was approved is what runs.** A tool whose definition has changed is another one, and calls that were meant
//!   for the old one fail.
//! - **Nothing stays behind.** A child process is killed with all that it started, also when the program is (see
//!   [`ProcessGroup`](victor_process::ProcessGroup)); a call that is dropped is cancelled at the server.
//! - **Secrets stay.** What a server is told in arguments, variables, headers and all of a URL but its host is in no
//!   `Debug`, log or error, what of it is [surely a secret](McpServerConfig::secrets) in no result either, and a child
//!   process inherits none of our keys.
//!
//! # Revisions
//!
//! 2024-11-05 to 2025-11-25, with a handshake, and 2026-07-28, without one. A server is asked for the newest first; one
//! that answers with anything else is greeted in the older way, one that ends is started again for that, and one that
//! does not answer has ten seconds.
//!
//! # Features
//!
//! - `http-server`: [`McpServer`] serves over streamable HTTP as well.
//!
//! # Neighbours
//!
//! Executors are roles of [`victor_tool_protocol`], agents of [`victor_chat_protocol`]; `victor-http` sends the
//! requests, and `victor-process` starts the processes. The messages are those of the official `rmcp`, of which no type
//! is to be seen here.

mod client;
mod config;
mod error;
mod server;
mod servers;

pub use client::McpClient;
pub use config::{McpConfig, McpConfigError, McpServerConfig};
pub use error::{McpError, McpServeError};
#[cfg(feature = "http-server")]
pub use server::McpHttpOptions;
pub use server::McpServer;
pub use servers::McpServers;
#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_http as http;
#[doc(no_inline)]
pub use victor_process as process;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;
