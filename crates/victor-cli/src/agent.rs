//! Which agent is talked to: the flags for it, and how it is built from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use victor_offline::OfflineModel;
use victor_orchestrator::coordinators::ConfigCoordinator;
use victor_orchestrator::protocols::{
    ChatProvider, ConfigError, ConfigLoader as _, Effect, ModelId,
};
use victor_orchestrator::{AgentOrchestrator, Session};
use victor_tool::EffectPolicy;
use victor_workspace_tools::WorkspaceTools;

use crate::data;

/// Which agent is talked to.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Whose models to ask
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Provider::Offline)]
    provider: Provider,

    /// Which model to ask, before the setting `model` and the provider's own choice
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    model: Option<String>,

    /// What to call the conversation in events and logs
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = NonEmptyStringValueParser::new())]
    session: String,

    /// The folder that the tools may read, and nothing outside of it
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,

    /// Offer tools that write and edit files in the folder
    #[arg(long)]
    allow_write: bool,

    /// Offer a tool that runs shell commands, which are not confined to the folder; each is asked about first
    #[arg(long)]
    allow_commands: bool,

    /// Run what is allowed without asking
    #[arg(long)]
    yes: bool,

    /// Read settings from this file, in place of the one that is found
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Whose models there are.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Provider {
    /// An extractive model that needs no key and no network
    Offline,
}

/// The agent, and what is to be said about it.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) orchestrator: AgentOrchestrator,
    pub(crate) session: Session,
    /// Which model answers.
    pub(crate) about: String,
}

impl AgentArgs {
    /// Builds the agent. It fails where the flags, the settings or the folder are wrong.
    pub(crate) fn open(&self) -> anyhow::Result<Agent> {
        let config = self.config()?;
        // Shorter than the limit for the call as a whole, which would lose what the command has written until then.
        let time = Duration::from_secs(config.config().settings.tool_calling_timeout) * 3 / 4;
        let tools = WorkspaceTools::open(&self.root)?
            .allow_write(self.allow_write)
            .allow_commands(self.allow_commands)
            .command_timeout(time);
        let builder = AgentOrchestrator::builder()
            .config_coordinator(Arc::new(config))
            .provider(self.provider.open())
            .default_session(&*self.session)
            .tools(tools.tools());
        let builder = match &self.model {
            Some(model) => builder.model(&**model),
            None => builder,
        };
        let builder = match self.yes {
            true => builder,
            false => builder.approval_policy(Arc::new(EffectPolicy::ask_above(Effect::Write))),
        };
        let orchestrator = builder.build()?;
        let route = orchestrator.provider_coordinator().route();
        self.provider.check(&route.model)?;
        let about = format!(
            "model {} of {}: {}",
            route.model,
            route.provider,
            self.provider.about()
        );
        let session = orchestrator.session(&*self.session);
        Ok(Agent {
            orchestrator,
            session,
            about,
        })
    }

    fn config(&self) -> Result<ConfigCoordinator, ConfigError> {
        let builder = ConfigCoordinator::builder()
            .environment(std::env::vars_os())
            .reserve(data::VARIABLE);
        match &self.config {
            Some(file) => builder.file(file),
            None => builder.discover(Path::new(".")),
        }
        .build()
    }
}

impl Provider {
    fn open(self) -> Arc<dyn ChatProvider> {
        match self {
            Self::Offline => Arc::new(
                OfflineModel::new().with_advice("The victor command has no other provider yet."),
            ),
        }
    }

    /// Checks that there is such a model, where that is known beforehand.
    fn check(self, model: &ModelId) -> anyhow::Result<()> {
        match self {
            Self::Offline if model.as_str() != OfflineModel::MODEL => {
                bail!(
                    "provider `offline` has no model `{model}`: its only model is `{}`",
                    OfflineModel::MODEL
                )
            }
            Self::Offline => Ok(()),
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Offline => "it quotes what it reads, and is no language model",
        }
    }
}
