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

/// The client of one MCP server, which offers its tools to agents.
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
/// Running calls fail, with an error that says that they may have had an effect. The client connects again at once, and
/// after further failures with growing pauses, from one second up to a minute. A call in such a pause fails at once,
/// with an error that says that it had no effect. Tools work again after a reconnection, unless their definition has
/// changed: calls meant for the old one fail.
///
/// # Life
///
/// Clones share the connection, which lives as long as a clone or a tool does. When the last one is dropped, a child
/// process is killed with all that it started. [`shutdown`](Self::shutdown) lets it end by itself first.
#[derive(Clone)]
pub struct McpClient(Arc<Supervisor>);

impl McpClient {
    /// Connects to a server and lists its tools.
    ///
    /// # Errors
    ///
    /// [`McpError`]: the server cannot be started, reached or understood.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends what was started.
    pub async fn connect(config: McpServerConfig) -> Result<Self, McpError> {
        let supervisor = Supervisor::new(config);
        supervisor.connected().await?;
        Ok(Self(supervisor))
    }

    /// Creates a client that keeps trying if the server fails. The health reports the failure.
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

    /// Returns the tools that the server offers, or offered last, in the order of their names.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let definitions = self.0.definitions();
        let tools = definitions.iter().map(|definition| self.tool(definition));
        tools.collect()
    }

    pub(crate) fn tool(&self, definition: &Arc<Definition>) -> Arc<dyn Tool> {
        Arc::new(McpTool::new(Arc::clone(definition), Arc::clone(&self.0)))
    }

    /// Returns the health of the server: the state of the connection, and the tools that are left out, with the
    /// reasons.
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
