//! What is in force, and why.

use std::fmt;

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigSource, EffectiveConfig, Settings};

use crate::layer::closest;

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
    /// Where it came from.
    pub source: ConfigSource,
}

impl Explanation {
    /// Explains one key of a configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`], if there is no such setting and the program has no such value.
    pub fn of(config: &EffectiveConfig, key: &str) -> Result<Self, ConfigError> {
        let value = config.get(key).ok_or_else(|| ConfigError::UnknownKey {
            key: key.into(),
            origin: "the configuration".into(),
            closest: closest(key),
        })?;
        Ok(Self {
            key: key.into(),
            value,
            source: config.source(key).clone(),
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
        write!(f, "{} = {} from {}", self.key, self.value, self.source)
    }
}
