//! Values from environment variables.

use std::ffi::OsString;

use tracing::debug;
use victor_config_protocol::{ConfigError, ConfigSource, Settings};
use victor_core::JsonMap;

use crate::kind::Kind;
use crate::layer::{Layers, closest, invalid};

/// What the names of Victor's variables begin with.
const PREFIX: &str = "VICTOR_";

/// Variables that begin with `VICTOR_` and are no settings: others read them, and the coordinator passes them over.
///
/// - `VICTOR_CASSETTES`: where recorded answers of providers are kept, for tests.
/// - `VICTOR_DATA`: where the data of measurements is kept, for benchmarks.
/// - `VICTOR_DATA_DIR`: where the command keeps conversations.
/// - `VICTOR_DRY_RUN_MODE`: whether changes are shown instead of made.
/// - `VICTOR_ENCRYPTION_KEYS`: the keys by which stores are sealed.
/// - `VICTOR_HEADLESS_MODE`: whether nobody is there to be asked.
/// - `VICTOR_LLAMA`, `VICTOR_LLMOCK`, `VICTOR_MCP_SERVERS`: folders with servers of others, for tests.
/// - `VICTOR_LOG_LEVEL`: what is logged.
/// - `VICTOR_MINILM`: the folder of a sentence-transformer model, for tests.
/// - `VICTOR_PG_URL`: the PostgreSQL database of the tests.
///
/// A program with variables of its own adds them with [`ConfigBuilder::reserve`](crate::ConfigBuilder::reserve).
pub const RESERVED_VARIABLES: &[&str] = &[
    "VICTOR_CASSETTES",
    "VICTOR_DATA",
    "VICTOR_DATA_DIR",
    "VICTOR_DRY_RUN_MODE",
    "VICTOR_ENCRYPTION_KEYS",
    "VICTOR_HEADLESS_MODE",
    "VICTOR_LLAMA",
    "VICTOR_LLMOCK",
    "VICTOR_LOG_LEVEL",
    "VICTOR_MCP_SERVERS",
    "VICTOR_MINILM",
    "VICTOR_PG_URL",
];

/// A variable whose name is almost that of a setting.
#[derive(Debug)]
pub(crate) struct Misspelt {
    pub(crate) variable: String,
    pub(crate) closest: String,
}

/// Adds the values of all of Victor's variables, and returns those that are no settings but look like one.
///
/// A variable that is no setting is no error: a Kubernetes service named `victor` sets `VICTOR_PORT` and
/// `VICTOR_SERVICE_HOST` in every pod
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
pub(crate) fn add(
    layers: &mut Layers,
    mut variables: Vec<(OsString, OsString)>,
    reserved: &[String],
) -> Result<Vec<Misspelt>, ConfigError> {
    let mut misspelt = Vec::new();
    // Of several errors the same one is reported each time.
    variables.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if value.is_empty()
            || RESERVED_VARIABLES.contains(&name.as_str())
            || reserved.contains(&name)
        {
            continue;
        }
        let source = ConfigSource::Environment(name.clone());
        let Some(key) = Settings::keys()
            .iter()
            .find(|key| key.to_ascii_uppercase() == rest)
        else {
            match closest(rest) {
                Some(key) => misspelt.push(Misspelt {
                    variable: name,
                    closest: format!("{PREFIX}{}", key.to_ascii_uppercase()),
                }),
                None => debug!(name, "the variable is no setting"),
            }
            continue;
        };
        let kind = Kind::of(key);
        let text = value
            .to_str()
            .ok_or_else(|| invalid(key, &source, "expected text in UTF-8"))?;
        let value = kind
            .read(text)
            .ok_or_else(|| invalid(key, &source, kind.mismatch(&text.into())))?;
        layers.add(JsonMap::from_iter([((*key).into(), value)]), &source)?;
    }
    Ok(misspelt)
}
