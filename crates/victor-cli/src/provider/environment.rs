//! Facts about a provider from the environment and the flags, and errors where these do not suffice.

use anyhow::anyhow;
use victor_http::{BaseUrl, HttpOptions, HttpProxy};
use victor_orchestrator::core::UnknownName;
use victor_orchestrator::provider::{ProviderError, ProviderErrorKind};

use crate::exit::Failure;

/// The value of a variable; empty if it has none.
pub(super) fn variable(name: &str) -> String {
    let value = std::env::var(name).unwrap_or_default();
    value.trim().to_owned()
}

/// Whether a variable has a value.
pub(super) fn is_set(name: &str) -> bool {
    !variable(name).is_empty()
}

/// The options of a client for this address: no proxy leads to this machine.
pub(super) fn options(url: &str) -> HttpOptions {
    let options = HttpOptions::default();
    match BaseUrl::parse(url).is_ok_and(|url| url.is_local()) {
        true => options.with_proxy(HttpProxy::None),
        false => options,
    }
}

/// Returns the error of a name that no known server has.
pub(super) fn unknown_server(name: &str, known: &[&str]) -> Failure {
    Failure::usage(UnknownName::new("server", name, known.iter().copied()))
}

/// Why a provider cannot be opened, in words for who calls the command and not for who writes a program.
pub(super) fn unopened(error: ProviderError, variable: &str) -> Failure {
    Failure::usage(match error.kind {
        ProviderErrorKind::Authentication if !is_set(variable) => {
            anyhow!("provider `{}` needs a key: set {variable}", error.provider)
        }
        _ => error.into(),
    })
}
