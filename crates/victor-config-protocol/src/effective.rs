//! The values that are in force, and where they came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use crate::Settings;

/// The values that are in force for a session, each with its source.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct EffectiveConfig {
    /// The typed values.
    pub settings: Settings,
    /// Source of every key that is not a default; of one under `extra`, by `extra.` and the key.
    pub sources: BTreeMap<String, ConfigSource>,
    /// Providers whose values for a key have no effect, because the setting is not read
    /// [for each session](crate::SettingScope::Session).
    pub ignored: BTreeMap<String, ConfigSource>,
}

impl EffectiveConfig {
    /// Returns a configuration of these values. Those in `sources` are set, the others are defaults.
    #[must_use]
    pub fn new(settings: Settings, sources: BTreeMap<String, ConfigSource>) -> Self {
        Self {
            settings,
            sources,
            ignored: BTreeMap::new(),
        }
    }

    /// Returns the value of a setting, or one of the program's under `extra`, with or without `extra.` before its key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        let extra = || {
            self.settings
                .extra
                .get(key.strip_prefix("extra.").unwrap_or(key))
        };
        self.settings.get(key).or_else(|| extra().cloned())
    }

    /// Whether somebody has set a key: a default yields to what a coordinator was built with, a value does not.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        *self.source(key) != ConfigSource::Default
    }

    /// Returns the source of a value, a setting's or one of the program's.
    #[must_use]
    pub fn source(&self, key: &str) -> &ConfigSource {
        let source = self
            .sources
            .get(key)
            .or_else(|| match Settings::keys().contains(&key) {
                true => None,
                false => self.sources.get(&format!("extra.{key}")),
            });
        source.unwrap_or(&ConfigSource::Default)
    }
}

/// Source of a value. Later ones beat earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConfigSource {
    /// The defaults: nobody has set the value.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The program.
    Code,
    /// A [`ConfigProvider`](crate::ConfigProvider), for this session.
    Provider(String),
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Code => f.write_str("code"),
            Self::Provider(name) => write!(f, "config provider {name}"),
        }
    }
}
