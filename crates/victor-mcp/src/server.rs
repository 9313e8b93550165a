//! An agent and its tools as an MCP server.

mod chat;
mod handler;
#[cfg(feature = "http-server")]
mod http;
mod listing;

use std::fmt;
use std::sync::Arc;

use rmcp::serve_server;
use rmcp::service::{QuitReason, ServerInitializeError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use victor_chat_protocol::Agent;
use victor_core::SessionId;
use victor_text::excerpt;
use victor_tool_protocol::ToolExecutor;

use crate::McpServeError;
use handler::Handler;
#[cfg(feature = "http-server")]
pub use http::McpHttpOptions;

/// The most calls that run at the same time; others wait.
const MAX_CALLS: usize = 64;

type Agents = Arc<dyn Fn(&SessionId) -> Arc<dyn Agent> + Send + Sync>;

/// An MCP server that offers an agent, as the tool `chat`, and the tools of an executor.
///
/// ```no_run
/// # use std::sync::Arc;
/// use victor_chat_protocol::Agent;
/// use victor_mcp::McpServer;
/// use victor_tool_protocol::ToolExecutor;
///
/// # async fn example(
/// #     agent: Arc<dyn Agent>,
/// #     executor: Arc<dyn ToolExecutor>,
/// # ) -> Result<(), victor_mcp::McpServeError> {
/// let server = McpServer::new("victor").agent(agent).tools(executor);
/// server.serve_stdio().await // until the client closes our input
/// # }
/// ```
///
/// # What clients can do
///
/// - **`tools/list`** shows the specs of the executor with annotations that follow from the effects, and `chat`. A tool
///   of the executor that is named `chat` is hidden by it.
/// - **`tools/call`** is reviewed and run by the executor, so schemas, policies and limits hold. Nobody is asked: what
///   a person would have to approve is denied. A tool that there is not is an error of the protocol (-32602).
/// - **`chat`** takes a `message` and, where there are sessions ([`agents`](Self::agents)), the name of a `session`. A
///   turn that would need an approval is an error that says so.
///
/// Clients that ask for progress hear what the tools say of theirs, also of those that the agent calls, and at least
/// every second that a call goes on. A cancelled call is dropped. Up to 64 calls
/// run at the same time.
///
/// Both the revisions with a handshake and that of 2026-07-28 are spoken. A clone is the same server.
#[derive(Clone)]
pub struct McpServer {
    name: String,
    instructions: Option<String>,
    session: SessionId,
    executor: Option<Arc<dyn ToolExecutor>>,
    chat: Chat,
    calls: Arc<Semaphore>,
}

/// The agents behind the tool `chat`.
#[derive(Clone)]
enum Chat {
    None,
    One(Arc<dyn Agent>),
    BySession(Agents),
}

impl McpServer {
    /// A server of this name that offers nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            instructions: None,
            session: SessionId::new("mcp"),
            executor: None,
            chat: Chat::None,
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
        }
    }

    /// Sets the description of the server for clients.
    #[must_use]
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Sets the session of tool calls, and of messages to `chat` that name none. Defaults to `mcp`.
    #[must_use]
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = session;
        self
    }

    /// Offers the tools of an executor, as they are when a client lists them.
    #[must_use]
    pub fn tools(mut self, executor: Arc<dyn ToolExecutor>) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Offers an agent as the tool `chat`. All messages go to its one conversation.
    #[must_use]
    pub fn agent(mut self, agent: Arc<dyn Agent>) -> Self {
        self.chat = Chat::One(agent);
        self
    }

    /// Offers an agent for each session as the tool `chat`, in which clients name a session.
    #[must_use]
    pub fn agents(
        mut self,
        of_session: impl Fn(&SessionId) -> Arc<dyn Agent> + Send + Sync + 'static,
    ) -> Self {
        self.chat = Chat::BySession(Arc::new(of_session));
        self
    }

    /// Serves the client that has started this process, until it closes the standard input.
    ///
    /// Nothing else may write on the standard output.
    ///
    /// # Errors
    ///
    /// [`McpServeError`]: the client does not speak MCP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the connection and the calls that run.
    pub async fn serve_stdio(self) -> Result<(), McpServeError> {
        self.serve(tokio::io::stdin(), tokio::io::stdout()).await
    }

    /// Serves a client over a pair of pipes, one message a line, until the client closes its end.
    ///
    /// # Errors
    ///
    /// [`McpServeError`]: the client does not speak MCP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the connection and the calls that run.
    pub async fn serve(
        self,
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), McpServeError> {
        match serve_server(Handler(self), (input, output)).await {
            Ok(service) => match service.waiting().await {
                Ok(QuitReason::JoinError(error)) | Err(error) => {
                    let reason = error.to_string();
                    Err(McpServeError::Broken { reason })
                }
                Ok(_) => Ok(()),
            },
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => {
                let reason = excerpt(&error.to_string(), 500);
                Err(McpServeError::Protocol { reason })
            }
        }
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer")
            .field("name", &self.name)
            .field("session", &self.session)
            .field("tools", &self.executor.is_some())
            .field("chat", &!matches!(self.chat, Chat::None))
            .finish_non_exhaustive()
    }
}
