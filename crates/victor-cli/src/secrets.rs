//! The known secrets, which are kept out of logs, recordings and the environment of commands.

use victor_core::Lock;
use victor_process::{Secrets, is_secret_name, looks_like_key};

use crate::provider;

static KNOWN: Lock<Option<Secrets>> = Lock::new(None);

/// Returns all known secrets: keys of providers, variables of the environment that look like keys, and those that were
/// [added](add).
pub(crate) fn known() -> Secrets {
    if let Some(known) = &*KNOWN.lock() {
        return known.clone();
    }
    let mut known = Secrets::from_iter(provider::secrets());
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let value = value.into_string().ok()?;
        (is_secret_name(name.to_str()?) && looks_like_key(&value)).then_some(value)
    });
    known.extend(variables);
    known
}

/// Adds secrets, such as those in the configuration of MCP servers.
pub(crate) fn add(more: &Secrets) {
    let mut known = known();
    known.extend(more.iter());
    *KNOWN.lock() = Some(known);
}
