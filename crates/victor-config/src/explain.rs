//! The values that are in force, and why.

use std::fmt;

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigSource, EffectiveConfig, SettingScope, Settings};

/// The key under which the program keeps its own values.
const EXTRA: &str = "extra";

/// Why the value of a provider has no effect; `None` if it has one.
pub(crate) fn why_ignored(key: &str) -> Option<&'static str> {
    match Settings::scope(key)? {
        SettingScope::Process => Some("the setting is read once, when the program starts"),
        SettingScope::Reserved => Some("nothing reads the setting yet"),
        _ => None,
    }
}

/// A value that is in force, and where it came from.
///
/// It is displayed as `key = value from source`, the value as JSON. A value of the program's own whose name says that
/// it is a secret (`api_key`, `token`, `password`) is displayed as dots.
///
/// ```
/// use victor_config::Explanation;
/// use victor_config_protocol::EffectiveConfig;
///
/// let config = EffectiveConfig::default(); // or what `load_config` said for a session
/// assert_eq!(Explanation::of(&config, "model")?.to_string(), "model = null from the defaults");
/// # Ok::<(), victor_config_protocol::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The key; `extra.` and the name for a value of the program's own.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Source of the value.
    pub source: ConfigSource,
    /// Provider whose value has no effect, because the setting is not read for each session.
    pub ignored: Option<ConfigSource>,
}

impl Explanation {
    /// Explains one key of a configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`], if there is no such setting and the program has no such value.
    pub fn of(config: &EffectiveConfig, key: &str) -> Result<Self, ConfigError> {
        let value = config
            .get(key)
            .ok_or_else(|| ConfigError::unknown_key("the configuration", key))?;
        Ok(Self {
            key: key.into(),
            value,
            source: config.source(key).clone(),
            ignored: config.ignored.get(key).cloned(),
        })
    }

    /// Explains every key of a configuration: the settings in the order in which they are documented, then the
    /// program's own values by name. A table of these whose values have several sources is explained value by value.
    #[must_use]
    pub fn all(config: &EffectiveConfig) -> Vec<Self> {
        let settings = Settings::keys().iter().filter(|key| **key != EXTRA);
        let mut keys: Vec<_> = settings.map(|key| (*key).to_owned()).collect();
        for (key, value) in &config.settings.extra {
            add_by_source(config, format!("{EXTRA}.{key}"), value, &mut keys);
        }
        let all = keys.iter().filter_map(|key| Self::of(config, key).ok());
        all.collect()
    }

    /// Whether somebody has set the value.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.source != ConfigSource::Default
    }

    /// Returns the value as it may be shown: secrets of the program, by their names, as dots.
    #[must_use]
    pub fn shown(&self) -> Value {
        let is_own = !Settings::keys().contains(&self.key.as_str()) || self.key == EXTRA;
        let mut value = self.value.clone();
        if is_own {
            let name = self.key.rsplit('.').next().unwrap_or_default();
            hide_secrets(name, &mut value);
        }
        value
    }
}

/// Adds the key of a value, or those of what is in it, if they come from elsewhere.
fn add_by_source(config: &EffectiveConfig, key: String, value: &Value, keys: &mut Vec<String>) {
    let below = format!("{key}.");
    let source = without_line(config.source(&key));
    let mut inner = config
        .sources
        .iter()
        .filter(|(key, _)| key.starts_with(&below));
    match value {
        Value::Object(table) if inner.any(|(_, other)| without_line(other) != source) => {
            for (name, value) in table {
                add_by_source(config, format!("{below}{name}"), value, keys);
            }
        }
        _ => keys.push(key),
    }
}

fn without_line(source: &ConfigSource) -> ConfigSource {
    match source {
        ConfigSource::File { path, .. } => ConfigSource::File {
            path: path.clone(),
            line: None,
        },
        other => other.clone(),
    }
}

/// Puts dots in place of what is a secret by its name.
fn hide_secrets(name: &str, value: &mut Value) {
    const SECRET: [&str; 8] = [
        "key",
        "keys",
        "token",
        "secret",
        "secrets",
        "password",
        "passwd",
        "credentials",
    ];
    let name = name.to_ascii_lowercase();
    match value {
        Value::Object(table) => table
            .iter_mut()
            .for_each(|(name, value)| hide_secrets(name, value)),
        Value::Null | Value::Bool(_) => {}
        _ if name.split(['_', '-']).any(|word| SECRET.contains(&word)) => *value = "...".into(),
        _ => {}
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} from {}", self.key, self.shown(), self.source)?;
        match (&self.ignored, why_ignored(&self.key)) {
            (Some(ignored), Some(why)) => {
                write!(f, " (the value of {ignored} has no effect: {why})")
            }
            _ => Ok(()),
        }
    }
}
