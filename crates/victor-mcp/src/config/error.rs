//! What can be wrong with a configuration.

use std::io;

/// A configuration of MCP servers cannot be used. Values, which may be secret, are no part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpConfigError {
    /// The file cannot be read.
    #[error("cannot read {file}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
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
    /// The file does not say which servers there are.
    #[error("{file} has no object `mcpServers`")]
    NoServers {
        /// The file.
        file: String,
    },
    /// What the file says of a server makes no sense.
    #[error("{file}: server `{server}`: `{key}` {reason}")]
    Invalid {
        /// The file.
        file: String,
        /// The server.
        server: String,
        /// The key, such as `env.TOKEN`.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}
