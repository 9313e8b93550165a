//! The flags that choose a provider, and the choice where there are none.

use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use victor_core::UnknownName;

use super::environment::variable;
use super::vendor::{OpenRequest, Opened, WhyNot};
use super::vendors::{COMPATIBLE, Choice, OFFLINE, VENDORS, names, remedies};
use crate::exit::Failure;
use crate::routing::TargetSpec;

/// The variable that names the server.
pub(crate) const SERVER: &str = "VICTOR_SERVER";

/// The flags that choose a provider.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProviderArgs {
    /// The provider of the model
    #[arg(long, value_name = "NAME", value_parser = Choice::parser(), default_value = Choice::AUTO)]
    pub(super) provider: Choice,

    /// The address of the provider's API, if it is not the usual one
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(super) base_url: Option<String>,

    /// A known server, such as kimi or vllm; an unknown name lists them
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) server: Option<String>,
}

impl ProviderArgs {
    /// The flags that a target of the settings stands for.
    pub(crate) fn of_target(target: &TargetSpec) -> Result<Self, UnknownName> {
        let name = target.provider.as_deref().unwrap_or(Choice::AUTO);
        let flags = Self::named(name, target.base_url.clone())?;
        let server = target.server.clone();
        Ok(Self { server, ..flags })
    }

    /// The flags that choose the provider of this name, at another address where one is given.
    pub(crate) fn named(name: &str, base_url: Option<String>) -> Result<Self, UnknownName> {
        let provider = Choice::named(name);
        Ok(Self {
            provider: provider.ok_or_else(|| UnknownName::new("provider", name, names()))?,
            base_url,
            server: None,
        })
    }

    /// Chooses the offline model where nothing was chosen, for work without a model.
    pub(crate) fn use_offline(&mut self) {
        if !self.is_given() {
            self.provider = Choice(Some(OFFLINE));
        }
    }

    /// Opens the provider that was chosen, or that the environment has. `needs_model` says that no model is named.
    pub(crate) async fn open(&self, needs_model: bool) -> Result<Opened, Failure> {
        let server = self.server()?;
        let request = OpenRequest {
            base_url: self.base_url.clone(),
            server: server.as_ref().map(|server| server.name.clone()),
            needs_model,
            remedies: remedies(),
        };
        match self.provider {
            Choice(Some(vendor)) if request.base_url.is_some() && !vendor.has_address => {
                Err(needs_dialect())
            }
            Choice(Some(vendor)) => (vendor.open)(request).await,
            Choice(None) => match server {
                Some(server) => {
                    let opened = (COMPATIBLE.open)(request).await?;
                    let reason = server.reason();
                    Ok(Opened { reason, ..opened })
                }
                None if request.base_url.is_some() => Err(needs_dialect()),
                None => detect().await,
            },
        }
    }

    /// Returns the server that is named, unless the provider decides it already.
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
    let request = OpenRequest {
        remedies: remedies(),
        ..OpenRequest::default()
    };
    let opened = (OFFLINE.open)(request).await?;
    Ok(Opened {
        reason: Some(format!("because {}", reasons.join(" and "))),
        ..opened
    })
}
