//! The tools of an agent: the flags that choose them, and their construction.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use victor_core::NamePatterns;
use victor_mcp::{McpConfig, McpServers};
use victor_orchestrator::tool::{ApprovalPolicy, Tool};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder};
use victor_prompt_library::ToolGuide;
use victor_workspace_tools::{FileHistory, WorkspaceTools};

use crate::approvals::FolderApprovals;
use crate::data::DataArgs;
use crate::exit::Failure;
use crate::{secrets, terminal};

/// The flags for the tools of an agent.
#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    /// The folder that the tools may read; they cannot leave it
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,

    /// Offer tools that write and edit files in the folder; each call is asked about first, with its diff
    #[arg(long)]
    allow_write: bool,

    /// Offer a tool that runs shell commands, which are not confined to the folder; each call is asked about first
    #[arg(long)]
    allow_commands: bool,

    /// Time limit for a command; a call may ask for less. Overrides the setting `command_timeout`. Defaults to 600, or
    /// up to 3600 if the call asks for it
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    command_timeout: Option<u64>,

    /// Offer a tool that reads documents from the public web; each call is asked about first
    #[arg(long)]
    allow_fetch: bool,

    /// Offer only tools whose names match, such as `read_file,mcp_github_*`
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    tools: Vec<String>,

    /// Offer the tools of the MCP servers in this file, the `mcpServers` JSON that other clients use as well
    #[arg(long, value_name = "FILE")]
    mcp: Option<PathBuf>,

    /// The mode to begin in: `build`, or `plan` or `explore`, which change nothing. Overrides the setting `mode`. A
    /// continued session is in the mode in which it was left, unless this flag names another
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) mode: Option<String>,

    /// Run every call of the offered tools without asking. Without this flag and without a terminal, calls that change
    /// something are denied
    #[arg(long)]
    pub(crate) yes: bool,
}

impl ToolsArgs {
    /// Opens the stored approvals of the folder.
    pub(crate) fn approvals(&self, data: &DataArgs) -> FolderApprovals {
        FolderApprovals::open(data.path(), &self.root)
    }

    /// Returns the folder that the tools work in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a tool of this name may be offered.
    pub(crate) fn permits(&self, name: &str) -> bool {
        self.names().permits(name)
    }

    /// Adds the tools to an orchestrator, with the approval policy unless `--yes` is given. `timeout` is the setting
    /// `command_timeout`, in seconds.
    pub(crate) fn offer(
        &self,
        builder: AgentOrchestratorBuilder,
        more: Vec<Arc<dyn Tool>>,
        timeout: Option<u64>,
        policy: Arc<dyn ApprovalPolicy>,
    ) -> Result<(AgentOrchestratorBuilder, WorkspaceTools), Failure> {
        self.offer_in(&self.root, builder, more, timeout, policy)
    }

    /// Adds the tools to an orchestrator as [`offer`](Self::offer) does, and has them work in another folder.
    pub(crate) fn offer_in(
        &self,
        root: &Path,
        builder: AgentOrchestratorBuilder,
        more: Vec<Arc<dyn Tool>>,
        timeout: Option<u64>,
        policy: Arc<dyn ApprovalPolicy>,
    ) -> Result<(AgentOrchestratorBuilder, WorkspaceTools), Failure> {
        let workspace = WorkspaceTools::open(root)
            .map_err(Failure::usage)?
            .allow_write(self.allow_write)
            .allow_commands(self.allow_commands)
            .allow_fetch(self.allow_fetch)
            .secrets(secrets::known().iter())
            .history(FileHistory::in_memory());
        let workspace = match self.command_timeout.or(timeout) {
            Some(seconds) => workspace.command_timeout(Duration::from_secs(seconds)),
            None => workspace,
        };
        let names = self.names();
        let tools = workspace.tools().into_iter().chain(more);
        let tools: Vec<_> = tools
            .filter(|tool| names.permits(&tool.spec().name))
            .collect();
        let guide = ToolGuide::new(tools.iter().map(|tool| &*tool.spec().name));
        let builder = builder.prompt_contributor(guide).tools(tools);
        // Servers may have more tools than a model is shown at once.
        let builder = match self.mcp {
            Some(_) => builder.search_tools_tool(),
            None => builder,
        };
        let builder = match self.yes {
            true => builder,
            false => builder.approval_policy(policy),
        };
        Ok((builder, workspace))
    }

    /// Reads the configuration of MCP servers, if there is one, and adds their secrets to the known ones.
    pub(crate) fn servers(&self) -> Result<Option<McpConfig>, Failure> {
        let Some(file) = &self.mcp else {
            return Ok(None);
        };
        let config = McpConfig::from_file(file).map_err(Failure::usage)?;
        secrets::add(&config.secrets());
        // If one entry is valid, the others are only reported. If none is, the file is probably not the right one.
        match config.problems().first() {
            Some(problem) if config.servers().is_empty() => {
                Err(Failure::usage(anyhow!(problem.to_string())))
            }
            _ => Ok(Some(config)),
        }
    }

    /// Connects to MCP servers, and registers their tools with an orchestrator. Prints the problems.
    pub(crate) async fn connect(
        &self,
        orchestrator: &AgentOrchestrator,
        servers: Option<McpConfig>,
    ) -> Option<McpServers> {
        let servers = McpServers::connect(&servers?).await;
        servers.attach_matching(orchestrator.tool_coordinator(), self.names());
        for problem in servers.health().problems {
            terminal::status(&format!("mcp: {problem}"));
        }
        Some(servers)
    }

    /// Returns the names of the tools to offer.
    fn names(&self) -> NamePatterns {
        NamePatterns::only(&self.tools)
    }
}
