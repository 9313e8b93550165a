//! The table of the providers.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{ChatProvider, ProviderErrorKind};

use super::{Source, anthropic, offline, ollama, openai};
use crate::exit::Failure;

/// All providers, in the order in which the environment is searched for them.
pub(super) const VENDORS: [&Vendor; 5] = [
    &anthropic::VENDOR,
    &openai::VENDOR,
    &openai::RESPONSES,
    &ollama::VENDOR,
    &offline::VENDOR,
];

/// A provider that the command can ask.
pub(super) struct Vendor {
    /// Name, for `--provider`.
    pub(super) id: &'static str,
    /// Line of the help.
    pub(super) about: &'static str,
    /// Caveat about its answers.
    pub(super) caveat: Option<&'static str>,
    /// The model that it has, if it has just one.
    pub(super) only_model: Option<&'static str>,
    /// Whether it is at an address, which `--base-url` changes.
    pub(super) has_address: bool,
    /// Whether several servers speak its dialect, of which `--server` names one.
    pub(super) takes_server: bool,
    /// The variables that may hold keys.
    pub(super) key_variables: fn() -> Vec<&'static str>,
    /// The step after which the environment has it, as an order: `start Ollama`.
    pub(super) remedy: Option<&'static str>,
    /// Opens it if the environment has it.
    pub(super) detect: Option<fn() -> Opening<Result<Opened, WhyNot>>>,
    /// Opens it where the user chose it.
    pub(super) open: fn(OpenRequest) -> Opening<Opened>,
    /// A hint against an error, beside those that hold for all.
    pub(super) hint: fn(&ProviderErrorKind, &ModelId) -> Option<String>,
}

/// A provider that is being opened.
pub(super) type Opening<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

/// The flags with which a provider is opened.
#[derive(Debug, Default)]
pub(super) struct OpenRequest {
    pub(super) base_url: Option<String>,
    /// The known server.
    pub(super) server: Option<String>,
    /// Whether no model is named.
    pub(super) needs_model: bool,
}

/// The reason why the environment has no such provider.
#[derive(Debug)]
pub(super) enum WhyNot {
    /// This variable is not set.
    NoKey(&'static str),
    Other(String),
}

/// A provider, and what is known about it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) provider: Arc<dyn ChatProvider>,
    /// Its models, and hints against its errors.
    pub(crate) source: Source,
    /// Why it was chosen, where the user did not say.
    pub(crate) reason: Option<String>,
}

/// The value of `--provider`; none leaves it to the environment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice(pub(super) Option<&'static Vendor>);

impl Choice {
    /// The value that leaves it to the environment.
    pub(super) const AUTO: &'static str = "auto";

    pub(super) fn parser() -> impl TypedValueParser<Value = Self> {
        let auto = "What the environment has: the first of these with a key that is set or a server that runs; else \
            offline";
        let auto = PossibleValue::new(Self::AUTO).help(auto);
        let vendors = VENDORS.iter();
        let vendors = vendors.map(|vendor| PossibleValue::new(vendor.id).help(vendor.about));
        PossibleValuesParser::new([auto].into_iter().chain(vendors))
            .map(|name| Self::named(&name).unwrap_or(Self(None)))
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let mut vendors = VENDORS.into_iter();
        match name {
            Self::AUTO => Some(Self(None)),
            name => vendors
                .find(|vendor| vendor.id == name)
                .map(|vendor| Self(Some(vendor))),
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.0.map_or(Self::AUTO, |vendor| vendor.id)
    }
}

impl PartialEq for Vendor {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}
