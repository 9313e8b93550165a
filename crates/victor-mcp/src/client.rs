//! The client of one server.

mod answer;
mod call_error;
mod connection;
mod definition;
mod diagnostics;
mod failure;
mod handler;
mod http;
mod limits;
mod name;
mod pipe;
mod repair;
mod result;
mod schema;
mod signals;
mod stdio;
mod supervisor;
mod tool;

use std::fmt;
use std::sync::Arc;

use victor_core::Health;
use victor_tool_protocol::Tool;

pub(crate) use definition::Definition;
pub(crate) use supervisor::Supervisor;
use tool::McpTool;

use crate::{McpError, McpServerConfig};

/// The client of one MCP server, which makes tools of those that the server offers.
///
/// ```no_run
/// use victor_mcp::{McpClient, McpServerConfig};
///
/// # async fn example() -> Result<(), victor_mcp::McpError> {
/// let config = McpServerConfig::stdio("files", "npx")
///     .args(["-y", "@modelcontextprotocol/server-filesystem", "/tmp"]);
/// let client = McpClient::connect(config).await?;
/// for tool in client.tools() {
///     println!("{}: {}", tool.spec().name, tool.spec().description);
/// }
/// client.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// # When a server ends
///
/// Calls that run fail, and say that they may have had an effect. The server is started again, or reached again, at
/// once, and where that fails after one second, two, four and so on, up to a minute; a call that comes meanwhile fails
/// at once and says that it had no effect. When the connection is there again, so are the tools; one that has become
/// another does not run what was meant for the old one.
///
/// # Life
///
/// A clone is the same client. The connection lives as long as a clone or a tool of it: when the last is dropped, a
/// child process is killed with all that it started. [`shutdown`](Self::shutdown) ends it politely.
#[derive(Clone)]
pub struct McpClient(Arc<Supervisor>);

impl McpClient {
    /// Connects to a server and lists its tools.
    ///
    /// # Errors
    ///
    /// [`McpError`]: the server cannot be used as it is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends what was started.
    pub async fn connect(config: McpServerConfig) -> Result<Self, McpError> {
        let supervisor = Supervisor::new(config);
        supervisor.connected().await?;
        Ok(Self(supervisor))
    }

    /// A client that keeps trying where the server cannot be used. Its health tells.
    pub(crate) async fn start(config: McpServerConfig) -> Self {
        let supervisor = Supervisor::new(config);
        let _ = supervisor.connected().await;
        Self(supervisor)
    }

    pub(crate) fn of(supervisor: Arc<Supervisor>) -> Self {
        Self(supervisor)
    }

    pub(crate) fn supervisor(&self) -> &Arc<Supervisor> {
        &self.0
    }

    /// The server's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.config.name
    }

    /// The tools that the server offers at the moment, or offered last, in the order of their names.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let definitions = self.0.definitions();
        let tools = definitions.iter().map(|definition| self.tool(definition));
        tools.collect()
    }

    pub(crate) fn tool(&self, definition: &Arc<Definition>) -> Arc<dyn Tool> {
        Arc::new(McpTool::new(Arc::clone(definition), Arc::clone(&self.0)))
    }

    /// How the server fares: whether there is a connection to it, and which of its tools are left out and why.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.health()
    }

    /// Ends the connection. A child process has a few seconds to end by itself and is then killed with all that it
    /// started. Later calls of tools fail.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may leave the server running until the client and its tools are dropped; it can be called again.
    pub async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}

impl fmt::Debug for McpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("McpClient").field(&self.0.config).finish()
    }
}
