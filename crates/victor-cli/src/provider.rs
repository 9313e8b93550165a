//! Whose models are asked: the flags for it, what the environment says, and what helps where a provider fails.

mod advice;
mod memory;
mod ollama;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use victor_anthropic::{AnthropicBuilder, AnthropicProvider};
use victor_http::{BaseUrl, HttpOptions, HttpProxy};
use victor_offline::OfflineModel;
use victor_openai::{Dialect, OpenAiBuilder, OpenAiProvider, Server};
use victor_orchestrator::protocols::{ChatProvider, ModelId, ProviderError, ProviderErrorKind};

use crate::exit::Failure;

pub(crate) use advice::too_large;
pub(crate) use memory::{Memory, PROVIDER};

/// The variable with the key of the Anthropic API.
const ANTHROPIC_KEY: &str = "ANTHROPIC_API_KEY";
/// The variable with the key of the OpenAI API.
const OPENAI_KEY: &str = "OPENAI_API_KEY";

/// The variable that names the server.
pub(crate) const SERVER: &str = "VICTOR_SERVER";

/// How long a list of models is waited for that is only to help.
const LIST_TIME: Duration = Duration::from_secs(5);

/// Whose models are asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProviderArgs {
    /// Whose models to ask
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Choice::Auto)]
    provider: Choice,

    /// Where the provider's API is, if not where it usually is
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    base_url: Option<String>,

    /// Which known server it is, such as kimi or vllm; an unknown name lists them
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    server: Option<String>,
}

/// Whose models there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// What the environment has: ANTHROPIC_API_KEY, OPENAI_API_KEY, a running Ollama; else offline
    Auto,
    /// An extractive model that needs no key and no network
    Offline,
    /// The Anthropic API, with ANTHROPIC_API_KEY
    Anthropic,
    /// OpenAI, with OPENAI_API_KEY, or any server that speaks Chat Completions at --base-url
    Openai,
    /// The same through the Responses API
    OpenaiResponses,
    /// Ollama, on this machine or at OLLAMA_HOST
    Ollama,
}

/// A provider, and what is known about it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) provider: Arc<dyn ChatProvider>,
    /// Who tells which models there are, and what helps.
    pub(crate) source: Source,
    /// Why it was chosen, where the user did not say.
    pub(crate) reason: Option<String>,
}

/// Whom to ask for what helps.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Offline,
    Anthropic(Arc<AnthropicProvider>),
    OpenAi(Arc<OpenAiProvider>),
    Ollama(Arc<OpenAiProvider>),
    Cassette,
}

impl ProviderArgs {
    /// Opens the provider that was chosen, or that the environment has. `needs_model` says that no model is named.
    pub(crate) async fn open(&self, needs_model: bool) -> Result<Opened, Failure> {
        let base_url = self.base_url.as_deref();
        let server = self.server()?;
        match self.provider {
            Choice::Auto => {
                let Some(server) = &server else {
                    return match base_url {
                        None => found().await,
                        Some(_) => Err(self.needs_dialect()),
                    };
                };
                let opened = openai(base_url, Some(&server.name), None)?;
                let reason = server.reason();
                Ok(Opened { reason, ..opened })
            }
            Choice::Offline if base_url.is_some() => Err(self.needs_dialect()),
            Choice::Offline => Ok(offline(None)),
            Choice::Anthropic => anthropic(base_url, server.map(|server| server.name).as_deref()),
            Choice::Openai => openai(base_url, server.map(|server| server.name).as_deref(), None),
            Choice::OpenaiResponses => {
                let dialect = Some(Dialect::Responses);
                openai(
                    base_url,
                    server.map(|server| server.name).as_deref(),
                    dialect,
                )
            }
            Choice::Ollama => ollama::open(base_url, needs_model).await,
        }
    }

    /// The server that is named, unless the provider says already whose models are asked.
    fn server(&self) -> Result<Option<Named>, Failure> {
        let is_open = !matches!(self.provider, Choice::Offline | Choice::Ollama);
        match &self.server {
            Some(_) if !is_open => Err(Failure::usage(anyhow!(
                "--server goes with --provider openai, openai-responses or anthropic, or with none"
            ))),
            Some(name) => Ok(Some(Named {
                name: name.clone(),
                by_variable: false,
            })),
            None => {
                let name = Some(variable(SERVER)).filter(|name| is_open && !name.is_empty());
                Ok(name.map(|name| Named {
                    name,
                    by_variable: true,
                }))
            }
        }
    }

    fn needs_dialect(&self) -> Failure {
        Failure::usage(anyhow!(
            "--base-url needs --provider with what is spoken there, for example `--provider openai`"
        ))
    }
}

/// A server that was named.
#[derive(Debug)]
struct Named {
    name: String,
    by_variable: bool,
}

impl Named {
    /// Why it was chosen, where the call does not say.
    fn reason(&self) -> Option<String> {
        self.by_variable
            .then(|| format!("because {SERVER} is `{}`", self.name))
    }
}

/// Nobody knows a server of this name.
fn unknown_server(name: &str, known: &[&str]) -> Failure {
    Failure::usage(anyhow!(
        "unknown server `{name}`; expected one of {}",
        known.join(", ")
    ))
}

/// The provider that the environment has.
async fn found() -> Result<Opened, Failure> {
    let chosen = |variable| Some(format!("because {variable} is set"));
    if is_set(ANTHROPIC_KEY) {
        let opened = anthropic(None, None)?;
        return Ok(Opened {
            reason: chosen(ANTHROPIC_KEY),
            ..opened
        });
    }
    if is_set(OPENAI_KEY) {
        let opened = openai(None, None, None)?;
        return Ok(Opened {
            reason: chosen(OPENAI_KEY),
            ..opened
        });
    }
    Ok(match ollama::find().await {
        Ok(opened) => opened,
        Err(why_not) => offline(Some(format!(
            "because neither {ANTHROPIC_KEY} nor {OPENAI_KEY} is set and {why_not}"
        ))),
    })
}

fn offline(reason: Option<String>) -> Opened {
    let advice = format!(
        "For real answers, set {ANTHROPIC_KEY} or {OPENAI_KEY}, start Ollama, or choose another model with --provider."
    );
    Opened {
        provider: Arc::new(OfflineModel::new().with_advice(advice)),
        source: Source::Offline,
        reason,
    }
}

fn anthropic(base_url: Option<&str>, server: Option<&str>) -> Result<Opened, Failure> {
    use victor_anthropic::Server;

    let known = Server::ALL.map(|server| server.name);
    let named = server.map(|name| Server::named(name).ok_or_else(|| unknown_server(name, &known)));
    let server = named.transpose()?.or(base_url.map(Server::at));
    let mut builder = AnthropicBuilder::from_env();
    let mut key = ANTHROPIC_KEY;
    if let Some(server) = server {
        // A known server has a key of its own, and is not sent that of Anthropic.
        if let Some(own) = server.key_variable.filter(|own| *own != ANTHROPIC_KEY) {
            key = own;
            builder = AnthropicBuilder::server_from_env(server);
        }
        builder = builder.server(server);
    }
    // What the environment says of the address is in the builder, and is of no server that is named here.
    let url = base_url.or(server.map(|server| server.base_url));
    let builder = match url {
        Some(url) => builder.base_url(url).http_options(options(url)),
        None => builder.http_options(options(&variable("ANTHROPIC_BASE_URL"))),
    };
    let provider = builder.build();
    let provider = Arc::new(provider.map_err(|error| Failure::usage(unopened(error, key)))?);
    Ok(Opened {
        provider: provider.clone(),
        source: Source::Anthropic(provider),
        reason: None,
    })
}

fn openai(
    base_url: Option<&str>,
    server: Option<&str>,
    dialect: Option<Dialect>,
) -> Result<Opened, Failure> {
    let known = Server::ALL.map(|server| server.name);
    let named = server.map(|name| Server::named(name).ok_or_else(|| unknown_server(name, &known)));
    let server = named.transpose()?.or(base_url.map(Server::at));
    let mut builder = OpenAiBuilder::from_env();
    let mut key = OPENAI_KEY;
    if let Some(server) = server {
        // A known server has a key of its own, and is not sent that of OpenAI.
        if let Some(own) = server.key_variable {
            key = own;
            builder = OpenAiBuilder::server_from_env(server);
        }
        builder = builder.server(server);
    }
    let given = variable("OPENAI_BASE_URL");
    // The address in the environment is that of a named server which may be anywhere, unless another one is there.
    let is_free = |server: &Server| server.key_variable.is_none() || server.base_url.is_empty();
    let is_meant = !given.is_empty() && Server::at(&given) == Server::COMPATIBLE;
    let url = match (base_url, &server) {
        (Some(url), _) => Some(url),
        (None, Some(server)) if is_meant && is_free(server) => Some(&*given),
        (None, server) => server.map(|server| server.base_url),
    };
    let mut builder = match url {
        Some(url) => builder.base_url(url).http_options(options(url)),
        None => builder.http_options(options(&given)),
    };
    if let Some(dialect) = dialect {
        builder = builder.dialect(dialect);
    }
    let provider = builder.build();
    let provider = Arc::new(provider.map_err(|error| Failure::usage(unopened(error, key)))?);
    Ok(Opened {
        provider: provider.clone(),
        source: Source::OpenAi(provider),
        reason: None,
    })
}

/// Why a provider cannot be opened, in words for who calls the command and not for who writes a program.
fn unopened(error: ProviderError, variable: &str) -> anyhow::Error {
    match error.kind {
        ProviderErrorKind::Authentication if !is_set(variable) => {
            anyhow!("provider `{}` needs a key: set {variable}", error.provider)
        }
        _ => error.into(),
    }
}

impl Source {
    /// Checks that there is such a model, where that is known beforehand.
    pub(crate) fn check(&self, model: &ModelId, reason: Option<&str>) -> anyhow::Result<()> {
        let known = OfflineModel::MODEL;
        match self {
            Self::Offline if model.as_str() != known => {
                let reason = reason
                    .map(|reason| format!("; it was chosen {reason}"))
                    .unwrap_or_default();
                bail!(
                    "provider `offline` has no model `{model}`: its only model is `{known}`{reason}"
                )
            }
            _ => Ok(()),
        }
    }

    /// Nobody has said which model to ask.
    pub(crate) async fn no_model(&self, provider: &str) -> anyhow::Error {
        let models = self.models().await.unwrap_or_default();
        let known = advice::closest("", &models)
            .map(|known| format!("; {known}"))
            .unwrap_or_default();
        anyhow!(
            "which model of `{provider}`? name it with --model or in the setting `model`{known}"
        )
    }

    /// Asks a server that needs no key for the windows of its models, if that of this one is not known: it is near, has few
    /// models, and its window is what somebody has given it. That it does not tell is no reason not to talk.
    pub(crate) async fn learn(&self, model: &ModelId) {
        // Ollama's list tells no windows.
        let Self::OpenAi(provider) = self else {
            return;
        };
        let needs_key =
            Server::named(provider.name()).is_some_and(|server| server.key_variable.is_some());
        if !needs_key && provider.capabilities(model).context_window.is_none() {
            self.models().await;
        }
    }

    /// What is to be known about the answers.
    pub(crate) fn about(&self) -> Option<&'static str> {
        matches!(self, Self::Offline).then_some("it quotes what it reads, and is no language model")
    }

    /// The models that there are, as far as the provider says so soon enough.
    async fn models(&self) -> Option<Vec<ModelId>> {
        let models = async {
            match self {
                Self::Anthropic(provider) => provider.models().await.ok(),
                Self::OpenAi(provider) | Self::Ollama(provider) => provider.models().await.ok(),
                Self::Offline | Self::Cassette => None,
            }
        };
        tokio::time::timeout(LIST_TIME, models).await.ok().flatten()
    }
}

/// What must not be in a recording: the keys that the environment has.
pub(crate) fn secrets() -> impl Iterator<Item = String> {
    let servers = Server::ALL.into_iter().map(|server| server.key_variable);
    let others = victor_anthropic::Server::ALL.into_iter();
    let servers = servers.chain(others.map(|server| server.key_variable));
    let variables = servers.flatten().chain(["ANTHROPIC_AUTH_TOKEN"]);
    // What is shorter is no secret, and might be part of any word.
    variables.map(variable).filter(|value| value.len() >= 8)
}

/// The value of a variable; empty if it has none.
fn variable(name: &str) -> String {
    let value = std::env::var(name).unwrap_or_default();
    value.trim().to_owned()
}

/// Whether a variable has a value.
fn is_set(name: &str) -> bool {
    !variable(name).is_empty()
}

/// The options of a client for this address: no proxy leads to this machine.
fn options(url: &str) -> HttpOptions {
    let mut options = HttpOptions::default();
    if BaseUrl::parse(url).is_ok_and(|url| url.is_local()) {
        options.proxy = HttpProxy::None;
    }
    options
}
