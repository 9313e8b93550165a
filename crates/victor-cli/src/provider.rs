//! Whose models are asked: the flags for it, what the environment says, and what helps where a provider fails.

mod advice;
mod anthropic;
mod memory;
mod offline;
mod ollama;
mod openai;
mod source;
mod vendor;

use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use victor_http::{BaseUrl, HttpOptions, HttpProxy};
use victor_orchestrator::provider::{ProviderError, ProviderErrorKind};

use crate::exit::Failure;
use vendor::{Choice, OpenRequest, VENDORS, WhyNot};

pub(crate) use advice::too_large;
pub(crate) use memory::{Memory, PROVIDER};
pub(crate) use source::Source;
pub(crate) use vendor::Opened;

/// The variable that names the server.
pub(crate) const SERVER: &str = "VICTOR_SERVER";

/// Whose models are asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProviderArgs {
    /// Whose models to ask
    #[arg(long, value_name = "NAME", value_parser = Choice::parser(), default_value = Choice::AUTO)]
    provider: Choice,

    /// Address of the provider's API, if not the usual one
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    base_url: Option<String>,

    /// Known server, such as kimi or vllm; an unknown name lists them
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    server: Option<String>,
}

impl ProviderArgs {
    /// Opens the provider that was chosen, or that the environment has. `needs_model` says that no model is named.
    pub(crate) async fn open(&self, needs_model: bool) -> Result<Opened, Failure> {
        let server = self.server()?;
        let request = OpenRequest {
            base_url: self.base_url.clone(),
            server: server.as_ref().map(|server| server.name.clone()),
            needs_model,
        };
        match self.provider {
            Choice(Some(vendor)) if request.base_url.is_some() && !vendor.has_address => {
                Err(needs_dialect())
            }
            Choice(Some(vendor)) => (vendor.open)(request).await,
            Choice(None) => match server {
                Some(server) => {
                    let opened = (openai::VENDOR.open)(request).await?;
                    let reason = server.reason();
                    Ok(Opened { reason, ..opened })
                }
                None if request.base_url.is_some() => Err(needs_dialect()),
                None => detect().await,
            },
        }
    }

    /// The server that is named, unless the provider says already whose models are asked.
    fn server(&self) -> Result<Option<Named>, Failure> {
        let is_open = self.provider.0.is_none_or(|vendor| vendor.takes_server);
        match &self.server {
            Some(_) if !is_open => {
                let open = VENDORS.iter().filter(|vendor| vendor.takes_server);
                let open: Vec<&str> = open.map(|vendor| vendor.id).collect();
                let [first @ .., last] = &open[..] else {
                    return Ok(None);
                };
                Err(Failure::usage(anyhow!(
                    "--server goes with --provider {} or {last}, or with none",
                    first.join(", ")
                )))
            }
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
}

fn needs_dialect() -> Failure {
    Failure::usage(anyhow!(
        "--base-url needs --provider with what is spoken there, for example `--provider openai`"
    ))
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

/// The first provider that the environment has, else the offline one.
async fn detect() -> Result<Opened, Failure> {
    let (mut keys, mut others) = (Vec::new(), Vec::new());
    for vendor in VENDORS {
        let Some(detect) = vendor.detect else {
            continue;
        };
        match detect().await? {
            Ok(opened) => return Ok(opened),
            Err(WhyNot::NoKey(variable)) => keys.push(variable),
            Err(WhyNot::Other(why)) => others.push(why),
        }
    }
    let keys = match &keys[..] {
        [] => None,
        [one] => Some(format!("{one} is not set")),
        [one, other] => Some(format!("neither {one} nor {other} is set")),
        many => Some(format!("none of {} is set", many.join(", "))),
    };
    let reasons: Vec<String> = keys.into_iter().chain(others).collect();
    let opened = (offline::VENDOR.open)(OpenRequest::default()).await?;
    Ok(Opened {
        reason: Some(format!("because {}", reasons.join(" and "))),
        ..opened
    })
}

/// Nobody knows a server of this name.
fn unknown_server(name: &str, known: &[&str]) -> Failure {
    Failure::usage(anyhow!(
        "unknown server `{name}`; expected one of {}",
        known.join(", ")
    ))
}

/// Why a provider cannot be opened, in words for who calls the command and not for who writes a program.
fn unopened(error: ProviderError, variable: &str) -> Failure {
    Failure::usage(match error.kind {
        ProviderErrorKind::Authentication if !is_set(variable) => {
            anyhow!("provider `{}` needs a key: set {variable}", error.provider)
        }
        _ => error.into(),
    })
}

/// The names of the providers, as errors list them.
#[cfg(test)]
pub(crate) fn names() -> Vec<&'static str> {
    let vendors = VENDORS.iter().map(|vendor| vendor.id);
    [Choice::AUTO].into_iter().chain(vendors).collect()
}

/// The keys that the environment has, which must not be in a recording.
pub(crate) fn secrets() -> impl Iterator<Item = String> {
    let variables = VENDORS.iter().flat_map(|vendor| (vendor.key_variables)());
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
    let options = HttpOptions::default();
    match BaseUrl::parse(url).is_ok_and(|url| url.is_local()) {
        true => options.with_proxy(HttpProxy::None),
        false => options,
    }
}
