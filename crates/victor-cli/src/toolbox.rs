//! Which tools an agent has and what they may do: the flags for it, and how the tools are made from them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use victor_orchestrator::AgentOrchestratorBuilder;
use victor_orchestrator::protocols::{Effect, Mode, Tool};
use victor_tool::EffectPolicy;
use victor_workspace_tools::WorkspaceTools;

use crate::exit::Failure;

/// Which tools an agent has, and what they may do.
#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    /// The folder that the tools may read, and nothing outside of it
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,

    /// Offer tools that write and edit files in the folder
    #[arg(long)]
    allow_write: bool,

    /// Offer a tool that runs shell commands, which are not confined to the folder; each is asked about first
    #[arg(long)]
    allow_commands: bool,

    /// Offer only tools whose names match, such as `read_file,mcp_github_*`
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    tools: Vec<String>,

    /// The mode to begin in, before the setting `mode`: `build`, or `plan` or `explore`, in which nothing is changed
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) mode: Option<String>,

    /// Run what is allowed without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

impl ToolsArgs {
    /// Offers the tools, a call of which may take so long.
    pub(crate) async fn offer(
        &self,
        builder: AgentOrchestratorBuilder,
        own: Vec<Arc<dyn Tool>>,
        timeout: u64,
    ) -> Result<AgentOrchestratorBuilder, Failure> {
        // Shorter than the limit for the call as a whole, which would lose what the command has written until then.
        let time = Duration::from_secs(timeout) * 3 / 4;
        let workspace = WorkspaceTools::open(&self.root)
            .map_err(Failure::usage)?
            .allow_write(self.allow_write)
            .allow_commands(self.allow_commands)
            .command_timeout(time);
        let tools = workspace.tools().into_iter().chain(own);
        let builder = builder.tools(tools.filter(|tool| self.is_wanted(&tool.spec().name)));
        Ok(match self.yes {
            true => builder,
            false => builder.approval_policy(Arc::new(EffectPolicy::ask_above(Effect::Write))),
        })
    }

    fn is_wanted(&self, name: &str) -> bool {
        let mut names = Mode::new("named", Effect::Destructive);
        names.allow.clone_from(&self.tools);
        self.tools.is_empty() || names.permits_name(name)
    }
}
