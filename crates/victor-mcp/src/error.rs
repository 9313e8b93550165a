//! What can go wrong between Victor and an MCP server.

use std::time::Duration;

/// Serving has ended before it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpServeError {
    /// The client speaks another protocol.
    #[error("the client does not speak as it should: {reason}")]
    Protocol {
        /// In which way.
        reason: String,
    },
    /// The server broke off: a fault in code.
    #[error("the server broke off: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
}

/// An MCP server cannot be used.
///
/// It is plain data, and its message is one line with the reason in it. What the server was told as a secret is no part
/// of it, also where the words are the server's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum McpError {
    /// The command cannot be run.
    #[error("MCP server `{server}` cannot be started: {reason}")]
    Start {
        /// The server.
        server: String,
        /// Why not.
        reason: String,
    },
    /// Nobody answers at the URL.
    #[error("MCP server `{server}` cannot be reached: {reason}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why not.
        reason: String,
    },
    /// The server does not let us in: a header with a key is missing or wrong.
    #[error("MCP server `{server}` refuses access: {reason}")]
    Refused {
        /// The server.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server took too long to start.
    #[error("MCP server `{server}` did not start within {limit:?}{said}")]
    Timeout {
        /// The server.
        server: String,
        /// How long it may take.
        limit: Duration,
        /// What it wrote on its error output, with some words before it; empty if nothing.
        said: String,
    },
    /// The server broke the connection off, or its process ended.
    #[error("MCP server `{server}` has ended: {reason}")]
    Ended {
        /// The server.
        server: String,
        /// How, and what it wrote on its error output.
        reason: String,
    },
    /// The server speaks another protocol, or a revision of it that is not known here.
    #[error("MCP server `{server}` does not speak as it should: {reason}")]
    Protocol {
        /// The server.
        server: String,
        /// In which way.
        reason: String,
    },
    /// The server failed a moment ago and is not tried again yet.
    #[error("MCP server `{server}` failed and is tried again in {} s: {reason}", retry_after.as_secs_f32().ceil())]
    Waiting {
        /// The server.
        server: String,
        /// How long until it is tried again.
        retry_after: Duration,
        /// What went wrong the last time.
        reason: String,
    },
    /// The client was shut down.
    #[error("the client of MCP server `{server}` was shut down")]
    ShutDown {
        /// The server.
        server: String,
    },
}
