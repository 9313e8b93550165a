//! What is in force, and why.

use std::fmt;

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigSource, EffectiveConfig, SettingScope, Settings};

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
/// It is displayed as `key = value from source`, the value as JSON.
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
    /// program's own values by name.
    #[must_use]
    pub fn all(config: &EffectiveConfig) -> Vec<Self> {
        let settings = Settings::keys()
            .iter()
            .filter(|key| **key != "extra")
            .map(|key| (*key).to_owned());
        let extra = config
            .settings
            .extra
            .keys()
            .map(|key| format!("extra.{key}"));
        settings
            .chain(extra)
            .filter_map(|key| Self::of(config, &key).ok())
            .collect()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} from {}", self.key, self.value, self.source)?;
        match (&self.ignored, why_ignored(&self.key)) {
            (Some(ignored), Some(why)) => {
                write!(f, " (the value of {ignored} has no effect: {why})")
            }
            _ => Ok(()),
        }
    }
}
