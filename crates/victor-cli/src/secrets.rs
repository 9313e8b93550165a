//! The secrets that the command knows: they belong in no log line, no recording and no command's environment.

use victor_core::Lock;
use victor_process::{Secrets, is_secret_name, looks_like_key};

use crate::provider;

static KNOWN: Lock<Option<Secrets>> = Lock::new(None);

/// All that are known by now: the keys of providers, variables of the environment that are keys by their name and look,
/// and what was [added](know).
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

/// Adds secrets, such as those that MCP servers are told.
pub(crate) fn know(more: &Secrets) {
    let mut known = known();
    known.extend(more.iter());
    *KNOWN.lock() = Some(known);
}
