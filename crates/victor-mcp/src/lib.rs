//! The Model Context Protocol on both sides: tools of its servers for agents, and agents as its servers.

mod client;
mod config;
mod error;
mod servers;
mod words;

pub use client::McpClient;
pub use config::{McpConfig, McpConfigError, McpServerConfig};
pub use error::McpError;
pub use servers::McpServers;
