//! Which agent is talked to: the flags for it, and how it is built from them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;
use victor_cassette::CassettePlayer;
use victor_mcp::McpServers;
use victor_orchestrator::coordinators::{ProviderCoordinator, ProviderOptions};
use victor_orchestrator::protocols::{
    ChatProvider, ConfigLoader as _, ModelId, SessionId, SessionQuery, SwitchedBy, Tool,
};
use victor_orchestrator::{AgentOrchestrator, ChatError, Session};
use victor_recall::RecallTool;
use victor_workspace_tools::WorkspaceTools;

use crate::approvals::FolderApprovals;
use crate::data::{DataArgs, Stores};
use crate::exit::Failure;
use crate::provider::{Memory, Opened, PROVIDER, ProviderArgs, Source, too_large};
use crate::recording::{Recording, RecordingArgs};
use crate::session_lookup;
use crate::settings::SettingsArgs;
use crate::terminal;
use crate::toolbox::ToolsArgs;

/// Which agent is talked to.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    provider: ProviderArgs,

    /// Which model to ask, before the setting `model` and the provider's own choice
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    model: Option<String>,

    /// Go on with the session of this name, or begin one. Without it, a session with a name of its own begins
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) session: Option<String>,

    /// Go on with the session that was used last
    #[arg(long, short, conflicts_with = "session")]
    r#continue: bool,

    /// Keep nothing of the conversation when it is over
    #[arg(long, conflicts_with_all = ["continue"])]
    no_save: bool,

    #[command(flatten)]
    toolbox: ToolsArgs,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// The agent, and what is to be said about it.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) orchestrator: AgentOrchestrator,
    pub(crate) session: Session,
    /// Which model answers.
    pub(crate) about: String,
    pub(crate) hints: ErrorHints,
    pub(crate) recording: Recording,
    /// The folder that its tools work in.
    pub(crate) workspace: WorkspaceTools,
    /// What persons have approved in the folder.
    pub(crate) approvals: FolderApprovals,
    /// The servers that it has tools of.
    pub(crate) mcp: Option<McpServers>,
    /// What the session is to remember of whose models answer.
    pub(crate) memory: Option<Value>,
}

/// Who knows what helps where the model fails.
#[derive(Debug)]
pub(crate) struct ErrorHints {
    source: Source,
    model: ModelId,
}

impl AgentArgs {
    /// Builds the agent. It fails where the flags, the settings or the folder are wrong, or no model can be found.
    /// `shows_thoughts` says whether somebody is shown what the model thinks.
    pub(crate) async fn open(
        &self,
        data: &DataArgs,
        shows_thoughts: bool,
    ) -> Result<Agent, Failure> {
        let config = self
            .settings
            .read(self.toolbox.mode.as_deref())
            .map_err(Failure::usage)?;
        let settings = config.config().settings.clone();
        // Before anything is recorded, since what servers are told must not be.
        let servers = self.toolbox.servers()?;
        let named = self.model.as_deref().map(ModelId::from);
        let replay = self.recording.replay().map_err(Failure::usage)?;
        let stores = self.stores(data).await?;
        let name = self.session_name(&stores).await.map_err(Failure::usage)?;
        let ChosenModel {
            provider,
            source,
            model,
            about,
            recording,
            memory,
        } = match replay {
            Some((player, path)) => Self::replayed(player, path, named)?,
            None => {
                let memory = self.memory(&stores, &name).await;
                self.choose(named, settings.model, memory).await?
            }
        };
        let options = ProviderOptions::default().with_shows_thoughts(shows_thoughts);
        let router = ProviderCoordinator::new(provider, &model).with_options(options);
        let builder = AgentOrchestrator::builder()
            .config_coordinator(Arc::new(config))
            .provider_coordinator(Arc::new(router))
            .default_session(&*name)
            .switch_mode_tool();
        let builder = stores.give(builder);
        // What is left out of a long conversation can be found again, in the store that has all of it.
        let recall: Arc<dyn Tool> = Arc::new(RecallTool::new(stores.sessions));
        let time = settings.command_timeout;
        let approvals = self.toolbox.approvals(data);
        let policy = approvals.policy();
        let (builder, workspace) = self.toolbox.offer(builder, vec![recall], time, policy)?;
        let orchestrator = builder.build().map_err(Failure::usage)?;
        let mcp = self.toolbox.connect(&orchestrator, servers).await;
        let session = orchestrator.session(&*name);
        let flag = self.toolbox.mode.as_deref();
        let about = match enter_mode(&session, flag, &settings.mode).await? {
            Some(remark) => format!("{about}; {remark}"),
            None => about,
        };
        Ok(Agent {
            orchestrator,
            session,
            about,
            hints: ErrorHints { source, model },
            recording,
            workspace,
            approvals,
            mcp,
            memory,
        })
    }

    /// Whose models a session that goes on was held with, unless the flags say whose are asked now.
    async fn memory(&self, stores: &Stores, name: &str) -> Option<Memory> {
        if self.provider.is_given() {
            return None;
        }
        let info = stores.sessions.info(&SessionId::new(name)).await.ok()??;
        Memory::read(info.metadata.get(PROVIDER)?)
    }

    /// Where the conversation is kept. That it cannot be is no reason not to talk, unless one is to go on.
    async fn stores(&self, data: &DataArgs) -> anyhow::Result<Stores> {
        if self.no_save {
            return Ok(Stores::in_memory());
        }
        match data.stores().await.and_then(Stores::for_writing) {
            Err(error) if self.session.is_none() && !self.r#continue => {
                terminal::status(&format!("the conversation is not kept: {error:#}"));
                Ok(Stores::in_memory())
            }
            stores => stores,
        }
    }

    /// What the session is called.
    async fn session_name(&self, stores: &Stores) -> anyhow::Result<String> {
        if let Some(name) = &self.session {
            return Ok(name.clone());
        }
        if !self.r#continue {
            return Ok(session_lookup::new_name());
        }
        let last = stores.sessions.find(&SessionQuery::first(1)).await?;
        let last = last.first().context("there is no session to go on with")?;
        Ok(last.id.to_string())
    }

    /// A real provider, recorded if it is to be. A model comes from the flag, else from what the session remembers, else
    /// from the settings.
    async fn choose(
        &self,
        named: Option<ModelId>,
        set: Option<ModelId>,
        memory: Option<Memory>,
    ) -> Result<ChosenModel, Failure> {
        let needs_model = named.is_none() && set.is_none() && memory.is_none();
        let before = memory.as_ref().and_then(|memory| memory.flags.as_ref());
        let (flags, opened) = match before {
            Some(before) => match before.open(needs_model).await {
                Ok(opened) => (before, Ok(opened)),
                Err(failure) => {
                    terminal::status(&format!(
                        "the provider that this session was held with cannot be opened: {}",
                        failure.reason()
                    ));
                    (&self.provider, self.provider.open(needs_model).await)
                }
            },
            None => (&self.provider, self.provider.open(needs_model).await),
        };
        let Opened {
            provider,
            source,
            reason,
        } = opened?;
        let name = provider.name().to_owned();
        let remembered = memory.as_ref().and_then(|memory| memory.model_of(&name));
        let is_remembered = named.is_none() && remembered.is_some();
        let model = named.or(remembered).or(set);
        let Some(model) = model.or_else(|| provider.default_model()) else {
            return Err(Failure::usage(source.no_model(&name).await));
        };
        let memory = Some(flags.memory(&name, &model));
        source
            .check(&model, reason.as_deref())
            .map_err(Failure::usage)?;
        source.learn(&*provider, &model).await;
        let mut about = format!("model {model} of {name}");
        if let Some(remark) = source.about() {
            about += &format!(": {remark}");
        }
        if let Some(reason) = reason {
            about += &format!("; chosen {reason}");
        }
        if is_remembered {
            about += "; as before in this session";
        }
        let (provider, recording) = self.recording.record(provider).map_err(Failure::usage)?;
        Ok(ChosenModel {
            provider,
            source,
            model,
            about,
            recording,
            memory,
        })
    }

    /// A recording in place of a provider. The model is the one that was recorded, unless the user insists.
    fn replayed(
        player: Arc<CassettePlayer>,
        path: PathBuf,
        named: Option<ModelId>,
    ) -> Result<ChosenModel, Failure> {
        let Some(model) = named.or_else(|| player.next_model()) else {
            return Err(Failure::usage(anyhow!(
                "the recording `{}` holds no model call",
                path.display()
            )));
        };
        let about = format!(
            "model {model} of {}, replayed from {}",
            player.name(),
            path.display()
        );
        Ok(ChosenModel {
            provider: player.clone(),
            source: Source::default(),
            model,
            about,
            recording: Recording::Replaying(player, path),
            memory: None,
        })
    }
}

/// Takes a session that goes on to the mode in which it was left, or to another one that was asked for, and says so where
/// it is not the one in which sessions begin.
async fn enter_mode(
    session: &Session,
    asked: Option<&str>,
    begins: &str,
) -> Result<Option<String>, Failure> {
    let left = session.load_mode().await;
    let Some(asked) = asked else {
        let left = left.map_err(|error| anyhow!(error.report()))?;
        let other = left.filter(|left| !left.eq_ignore_ascii_case(begins));
        return Ok(other.map(|left| format!("the session is in mode {left}")));
    };
    // Where the mode in which it was left is not known here, it need not be.
    let left = left.ok().flatten();
    if (left.as_ref()).is_some_and(|left| left.eq_ignore_ascii_case(asked)) {
        return Ok(None);
    }
    session
        .switch_mode(asked, SwitchedBy::Person)
        .map_err(Failure::usage)?;
    session.keep_mode().await?;
    let before = left.map(|left| format!("was in mode {left}, and "));
    let before = before.unwrap_or_default();
    Ok(Some(format!("the session {before}is in mode {asked} now")))
}

/// Whom the agent asks.
struct ChosenModel {
    provider: Arc<dyn ChatProvider>,
    source: Source,
    model: ModelId,
    about: String,
    recording: Recording,
    /// What the session is to remember of it.
    memory: Option<Value>,
}

impl ErrorHints {
    /// The error in one line, with what helps against it.
    pub(crate) async fn report(&self, error: &ChatError) -> String {
        let report = error.report();
        let advice = match error {
            ChatError::Provider { source, .. } => self.source.advice(source, &self.model).await,
            ChatError::ContextTooLarge { source, .. } => too_large(&**source).map(str::to_owned),
            _ => {
                let executed = error.executed().iter().map(|result| &*result.name);
                let executed: Vec<_> = executed.collect();
                (!executed.is_empty())
                    .then(|| format!("what has run, or may have: {}", executed.join(", ")))
            }
        };
        match advice {
            Some(advice) => format!("{report}; {advice}"),
            None => report,
        }
    }
}
