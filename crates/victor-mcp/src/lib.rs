//! The Model Context Protocol on both sides: tools of its servers for agents, and agents as its servers.

mod client;
mod config;
mod error;
mod server;
mod servers;
mod words;

pub use client::McpClient;
pub use config::{McpConfig, McpConfigError, McpServerConfig};
pub use error::{McpError, McpServeError};
#[cfg(feature = "http-server")]
pub use server::McpHttpOptions;
pub use server::McpServer;
pub use servers::McpServers;
