//! Errors of a configuration.

use std::io;

/// An error of a configuration of MCP servers. It contains no values, which may be secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpConfigError {
    /// The file cannot be read.
    #[error("cannot read {file}")]
    Read {
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is not JSON.
    #[error("{file} is not JSON: line {line}, column {column}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The file has no list of servers.
    #[error("{file} has no object `mcpServers`")]
    NoServers {
        /// The file.
        file: String,
    },
    /// The entry of a server is invalid.
    #[error("{file}: server `{server}`: `{key}` {reason}")]
    Invalid {
        /// The file.
        file: String,
        /// The server.
        server: String,
        /// The key, such as `env.TOKEN`.
        key: String,
        /// The fault, as it continues the sentence behind the key.
        reason: String,
    },
}
