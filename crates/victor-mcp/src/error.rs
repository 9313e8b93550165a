//! Errors of clients and servers.

use std::time::Duration;

/// An error that ends the service of a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpServeError {
    /// The client violates the protocol.
    #[error("the client violates the protocol: {reason}")]
    Protocol {
        /// The violation.
        reason: String,
    },
    /// The server broke off: a fault in code.
    #[error("the server broke off: {reason}")]
    Broken {
        /// The panic or the broken task.
        reason: String,
    },
}

/// An error that makes an MCP server unusable.
///
/// It is plain data, and its message is one line that includes the reason. It contains no secret that the server was
/// given, not even in quotes of the server's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum McpError {
    /// The command cannot be run.
    #[error("MCP server `{server}` cannot be started: {reason}")]
    Start {
        /// The server.
        server: String,
        /// The reason.
        reason: String,
    },
    /// Nothing answers at the URL.
    #[error("MCP server `{server}` cannot be reached: {reason}")]
    Unreachable {
        /// The server.
        server: String,
        /// The reason.
        reason: String,
    },
    /// The server denies access: a header with a key is missing or wrong.
    #[error("MCP server `{server}` refuses access: {reason}")]
    Refused {
        /// The server.
        server: String,
        /// The reason.
        reason: String,
    },
    /// The server took too long to start.
    #[error("MCP server `{server}` did not start within {limit:?}{output}")]
    Timeout {
        /// The server.
        server: String,
        /// The time limit.
        limit: Duration,
        /// The end of its error output as a clause of the message; empty if there is none.
        output: String,
    },
    /// The server broke the connection off, or its process ended.
    #[error("MCP server `{server}` has ended: {reason}")]
    Ended {
        /// The server.
        server: String,
        /// The way in which it ended, and the end of its error output.
        reason: String,
    },
    /// The server violates the protocol, or speaks an unknown revision of it.
    #[error("MCP server `{server}` violates the protocol: {reason}")]
    Protocol {
        /// The server.
        server: String,
        /// The violation.
        reason: String,
    },
    /// The server failed, and the pause before the next attempt is not over.
    #[error("MCP server `{server}` failed and is tried again in {} s: {reason}", retry_after.as_secs_f32().ceil())]
    Waiting {
        /// The server.
        server: String,
        /// The time until the next attempt.
        retry_after: Duration,
        /// The reason of the last failure.
        reason: String,
    },
    /// The client was shut down.
    #[error("the client of MCP server `{server}` was shut down")]
    ShutDown {
        /// The server.
        server: String,
    },
}
