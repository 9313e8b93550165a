//! `victor mcp`: serves an agent and its tools to MCP clients.

use std::sync::Arc;

use clap::Args;
use victor_mcp::McpServer;

use crate::agent::AgentArgs;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::{GRACE, Interrupts};
use crate::terminal;

/// Serve an agent and its tools to an MCP client, on standard input and output
///
/// The client sees the tool `chat`, which talks with the agent, and the agent's tools. No person is asked: calls that
/// need an approval are denied, unless --yes allows them or a person has approved them for the folder.
#[derive(Debug, Args)]
#[command(after_help = "Example of a client's configuration:
  {\"mcpServers\": {\"victor\": {\"command\": \"victor\", \"args\": [\"mcp\", \"--root\", \"/home/me/notes\", \
    \"--mode\", \"explore\"]}}}")]
pub(crate) struct McpArgs {
    #[command(flatten)]
    agent: AgentArgs,

    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(args: &McpArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let exit = runtime.block_on(serve(args));
    // The thread that reads standard input cannot be stopped.
    runtime.shutdown_timeout(GRACE);
    exit
}

async fn serve(args: &McpArgs) -> Result<Exit, Failure> {
    // A signal ends the program at once: stored data is safe, the client knows its calls in flight, and their processes
    // end with the program.
    let _interrupts = Interrupts::listen()?;
    let agent = args.agent.open(&args.data, false).await?;
    terminal::status(&agent.about);
    let sessions = agent.orchestrator.clone();
    let server = McpServer::new("victor")
        .session(agent.session.id().clone())
        .tools(sessions.tool_coordinator().clone())
        .agents(move |session| Arc::new(sessions.session(session.clone())));
    let served = server.serve_stdio().await;
    agent.services.close(&agent.orchestrator).await;
    served?;
    Ok(Exit::Answered)
}
