//! The agent: the flags that choose it, and its construction.

use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;
use victor_cassette::CassettePlayer;
use victor_mcp::McpServers;
use victor_offline::OfflineModel;
use victor_orchestrator::chat::ChatError;
use victor_orchestrator::config::ConfigLoader as _;
use victor_orchestrator::coordinators::provider::{
    BreakerOptions, ProviderCoordinator, ProviderCoordinatorBuilder, ProviderOptions,
};
use victor_orchestrator::core::{ModelId, SessionId};
use victor_orchestrator::mode::SwitchedBy;
use victor_orchestrator::provider::ChatProvider;
use victor_orchestrator::session::SessionQuery;
use victor_orchestrator::tool::Tool;
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder, Session};
use victor_prometheus::PrometheusListener;
use victor_recall::RecallTool;
use victor_workspace_tools::WorkspaceTools;

use crate::approvals::FolderApprovals;
use crate::data::{DataArgs, Stores};
use crate::exit::Failure;
use crate::metrics::ListenerArgs;
use crate::prompt_library::PromptArgs;
use crate::provider::{Memory, Opened, PROVIDER, ProviderArgs, Source, too_large};
use crate::recording::{Recording, RecordingArgs};
use crate::routing::{Routing, RoutingArgs};
use crate::settings::SettingsArgs;
use crate::telemetry::Telemetry;
use crate::terminal;
use crate::toolbox::ToolsArgs;
use crate::{prices, session_lookup};

/// The flags for the agent.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    provider: ProviderArgs,

    /// The model. Overrides the setting `model` and the default of the provider
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    model: Option<String>,

    /// Continue the session of this name, or begin it. Without this flag, a session with a new name begins
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) session: Option<String>,

    /// Continue the session that was used last
    #[arg(long, short, conflicts_with = "session")]
    r#continue: bool,

    /// Store nothing of the conversation
    #[arg(long, conflicts_with_all = ["continue"])]
    no_save: bool,

    #[command(flatten)]
    toolbox: ToolsArgs,

    #[command(flatten)]
    prompt: PromptArgs,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    routing: RoutingArgs,

    #[command(flatten)]
    recording: RecordingArgs,

    #[command(flatten)]
    listener: ListenerArgs,
}

/// An agent, ready for a conversation.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) orchestrator: AgentOrchestrator,
    pub(crate) session: Session,
    /// A description of the model, for the user.
    pub(crate) about: String,
    pub(crate) hints: ErrorHints,
    pub(crate) recording: Recording,
    /// The tools that work in the folder.
    pub(crate) workspace: WorkspaceTools,
    /// The stored approvals of the folder.
    pub(crate) approvals: FolderApprovals,
    pub(crate) services: Services,
    /// The provider and the model, to be stored with the session.
    pub(crate) memory: Option<Value>,
}

/// The services that run beside an orchestrator.
#[derive(Debug)]
pub(crate) struct Services {
    /// The MCP servers that provide tools.
    mcp: Option<McpServers>,
    telemetry: Telemetry,
    /// The listener that serves metrics.
    listener: Option<PrometheusListener>,
}

impl Services {
    /// Ends the orchestrator, and then the services.
    pub(crate) async fn close(self, orchestrator: &AgentOrchestrator) {
        orchestrator.shutdown().await;
        self.telemetry.report();
        if let Some(mcp) = self.mcp {
            mcp.shutdown().await;
        }
        if let Some(listener) = self.listener {
            listener.shutdown().await;
        }
    }
}

/// Hints for failures of the model.
#[derive(Debug)]
pub(crate) struct ErrorHints {
    source: Source,
    model: ModelId,
}

impl AgentArgs {
    /// Builds the agent. Fails if a flag, a setting or the folder is wrong, or if there is no model. `shows_thoughts`
    /// says whether the thoughts of the model are shown.
    pub(crate) async fn open(
        &self,
        data: &DataArgs,
        shows_thoughts: bool,
    ) -> Result<Agent, Failure> {
        let config = self
            .settings
            .read(self.toolbox.mode.as_deref(), self.model.as_deref())
            .map_err(Failure::usage)?;
        let settings = config.config().settings.clone();
        let folder = self.settings.folder();
        let mut routing = self.routing.read(&config.config(), folder)?;
        // Before the recording starts, which must not contain the secrets of servers.
        let servers = self.toolbox.servers()?;
        let named = self.model.as_deref().map(ModelId::from);
        let replay = self.recording.replay().map_err(Failure::usage)?;
        let is_recorded = self.recording.records() || replay.is_some();
        let stores = self.stores(data).await?;
        let name = self.session_name(&stores).await.map_err(Failure::usage)?;
        if replay.is_some() {
            routing.replay();
        } else if self.model.is_some() || self.provider.is_given() {
            routing.use_no_route();
        }
        let ChosenModel {
            targets,
            source,
            model,
            about,
            recording,
            memory,
        } = match replay {
            Some((player, path)) => Self::replayed(player, path, named)?,
            None if let Some(route) = &routing.route => self.routed(&routing, route).await?,
            None => {
                let memory = self.memory(&stores, &name).await;
                self.choose(named, settings.model, memory).await?
            }
        };
        let options = ProviderOptions::default().with_shows_thoughts(shows_thoughts);
        let router = routing
            .build(targets.options(options), &stores, &name)
            .await?;
        let builder = AgentOrchestrator::builder()
            .config_coordinator(Arc::new(config))
            .provider_coordinator(Arc::new(router))
            .default_session(&*name)
            .switch_mode_tool();
        let telemetry = Telemetry::from_environment()?;
        let builder = telemetry.attach_to(stores.attach_to(builder));
        // Finds the omitted parts of a long conversation in the store, which has all of it.
        let recall: Arc<dyn Tool> = Arc::new(RecallTool::new(stores.sessions));
        let library = self.prompt.library(data, &self.toolbox, is_recorded);
        let contributors = library.contributors().into_iter();
        let builder = contributors.fold(builder, AgentOrchestratorBuilder::prompt_contributor);
        let more = iter::once(recall).chain(library.tools()).collect();
        let timeout = settings.command_timeout;
        let approvals = self.toolbox.approvals(data);
        let policy = approvals.policy();
        let (builder, workspace) = self.toolbox.offer(builder, more, timeout, policy)?;
        let orchestrator = builder.build().map_err(Failure::usage)?;
        let listener = self.listener.open(&orchestrator).await?;
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
            services: Services {
                mcp,
                telemetry,
                listener,
            },
            memory,
        })
    }

    /// Asks for no model, since the work needs none.
    pub(crate) fn use_no_model(&mut self) {
        self.provider.use_offline();
    }

    /// Builds an orchestrator with the model, the settings and the flags of `agent` that works in the folder `root` and
    /// keeps nothing. It knows of no project.
    pub(crate) fn open_in(&self, root: &Path, agent: &Agent) -> Result<AgentOrchestrator, Failure> {
        let shared = &agent.orchestrator;
        let builder = AgentOrchestrator::builder()
            .config_coordinator(shared.config_coordinator().clone())
            .provider_coordinator(shared.provider_coordinator().clone());
        let timeout = shared
            .config_coordinator()
            .config()
            .settings
            .command_timeout;
        let policy = agent.approvals.policy();
        let offered = self
            .toolbox
            .offer_in(root, builder, Vec::new(), timeout, policy);
        offered?.0.build().map_err(Failure::usage)
    }

    /// Whether model calls are recorded or replayed.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recording.is_on()
    }

    /// Returns the flags that choose the provider.
    pub(crate) fn provider(&self) -> &ProviderArgs {
        &self.provider
    }

    /// Returns the provider and model that a continued session was held with, unless the flags choose a provider.
    async fn memory(&self, stores: &Stores, name: &str) -> Option<Memory> {
        if self.provider.is_given() {
            return None;
        }
        let info = stores.sessions.info(&SessionId::new(name)).await.ok()??;
        Memory::read(info.metadata.get(PROVIDER)?)
    }

    /// Opens the stores. A conversation that cannot be stored is held all the same, unless one is to be continued.
    async fn stores(&self, data: &DataArgs) -> anyhow::Result<Stores> {
        if self.no_save {
            return Ok(Stores::in_memory());
        }
        match data.stores().await.and_then(Stores::for_writing) {
            Err(error) if self.session.is_none() && !self.r#continue => {
                terminal::status(&format!("the conversation is not stored: {error:#}"));
                Ok(Stores::in_memory())
            }
            stores => stores,
        }
    }

    /// Returns the name of the session that the flags continue.
    pub(crate) async fn continued(&self, stores: &Stores) -> anyhow::Result<String> {
        if self.session.is_none() && !self.r#continue {
            bail!("name the session: its prompts, --session NAME or --continue");
        }
        self.session_name(stores).await
    }

    /// Returns the name of the session.
    async fn session_name(&self, stores: &Stores) -> anyhow::Result<String> {
        if let Some(name) = &self.session {
            return Ok(name.clone());
        }
        if !self.r#continue {
            return Ok(session_lookup::new_name());
        }
        let latest = stores.sessions.find(&SessionQuery::first(1)).await?;
        let last = latest.first().context("there is no session to continue")?;
        Ok(last.id.to_string())
    }

    /// Chooses provider and model, and starts the recording. The model is that of the flag, of the session, or of the
    /// settings, in this order.
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
                        "the provider of this session cannot be opened: {}",
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
        if name != OfflineModel::PROVIDER {
            prices::prepare();
        }
        let (provider, recording) = self.recording.record(provider).map_err(Failure::usage)?;
        Ok(ChosenModel {
            targets: alone(provider, &model),
            source,
            model,
            about,
            recording,
            memory,
        })
    }

    /// Opens the targets of the settings, for a route.
    async fn routed(&self, routing: &Routing, route: &str) -> Result<ChosenModel, Failure> {
        if self.recording.records() {
            return Err(Failure::usage(anyhow!(
                "--record records one provider, and requests go by route `{route}`: choose one with --provider"
            )));
        }
        let mut targets = ProviderCoordinator::builder();
        let (mut first, count) = (None, routing.targets.len());
        for (name, spec) in &routing.targets {
            let model = ModelId::from(&*spec.model);
            let opened = routing.open(name, spec).await?;
            opened.source.check(&model, None).map_err(Failure::usage)?;
            opened.source.learn(&*opened.provider, &model).await;
            targets = targets.target(name, opened.provider.clone(), &model);
            targets = targets.limits(&spec.limits);
            if routing.first_target(route) == Some(name) {
                first = Some((opened, model));
            }
        }
        prices::prepare();
        // Where there is no first target, the route is wrong, which building it tells.
        let (source, model, about) = match first {
            Some((opened, model)) => {
                let about = format!(
                    "route {route}: model {model} of {} first, of {count} targets",
                    opened.provider.name()
                );
                (opened.source, model, about)
            }
            None => (Source::default(), ModelId::from(route), String::new()),
        };
        Ok(ChosenModel {
            targets,
            source,
            model,
            about,
            recording: Recording::Off,
            memory: None,
        })
    }

    /// Opens a recording in place of a provider. The model is the recorded one, unless the flag names another.
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
            targets: alone(player.clone(), &model),
            source: Source::default(),
            model,
            about,
            recording: Recording::Replaying(player, path),
            memory: None,
        })
    }
}

/// Switches a continued session to the mode that the flag names, or else to the one in which it was left. Returns a
/// remark for the user if that is not the default mode.
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
    // The former mode may be unknown here; it is not needed then.
    let left = left.ok().flatten();
    if (left.as_ref()).is_some_and(|left| left.eq_ignore_ascii_case(asked)) {
        return Ok(None);
    }
    session
        .switch_mode_by(asked, SwitchedBy::Person)
        .map_err(Failure::usage)?;
    session.keep_mode().await?;
    let before = left.map(|left| format!("was in mode {left}, and "));
    let before = before.unwrap_or_default();
    Ok(Some(format!("the session {before}is in mode {asked} now")))
}

/// A provider as the only target. Nobody stands in for it, so it is never left alone after failures.
fn alone(provider: Arc<dyn ChatProvider>, model: &ModelId) -> ProviderCoordinatorBuilder {
    let name = provider.name().to_owned();
    ProviderCoordinator::builder()
        .target(&name, provider, model)
        .breaker(BreakerOptions::default().with_failures(0))
}

/// The provider and model of an agent.
struct ChosenModel {
    targets: ProviderCoordinatorBuilder,
    source: Source,
    model: ModelId,
    about: String,
    recording: Recording,
    /// The provider and the model, to be stored with the session.
    memory: Option<Value>,
}

impl ErrorHints {
    /// Returns the error on one line, with a hint.
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
