//! The values that are in force, and where they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;
use victor_core::JsonMap;

use crate::Settings;

/// The values that are in force for a session, each with its source.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct EffectiveConfig {
    /// The typed values.
    pub settings: Settings,
    /// Source of every key that is not a default; of one under `extra`, by `extra.` and its path, such as
    /// `extra.team.region`.
    pub sources: BTreeMap<String, ConfigSource>,
    /// Providers whose values for a key have no effect, because the setting is not read
    /// [for each session](crate::SettingScope::Session).
    pub ignored: BTreeMap<String, ConfigSource>,
    /// Settings whose value for every session has changed since the program started, by a
    /// [reload](crate::ConfigLoader::reload).
    pub changed: BTreeSet<String>,
    /// Values that the program uses where no session has its own, as
    /// [`note_in_use`](crate::ConfigLoader::note_in_use) has told them.
    pub in_use: BTreeMap<String, (Value, ConfigSource)>,
}

impl EffectiveConfig {
    /// Returns a configuration of these values. Those in `sources` are set, the others are defaults.
    #[must_use]
    pub fn new(settings: Settings, sources: BTreeMap<String, ConfigSource>) -> Self {
        Self {
            settings,
            sources,
            ..Self::default()
        }
    }

    /// Returns the value of a setting that will be used, or a value of the program's under `extra`, with or without
    /// `extra.` before its path.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        if let Some((value, _)) = self.in_use(key) {
            return Some(value.clone());
        }
        let path = key.strip_prefix("extra.").unwrap_or(key);
        let extra = || find(&self.settings.extra, path);
        self.settings.get(key).or_else(|| extra().cloned())
    }

    /// Whether somebody has set a key: a default yields to what a coordinator was built with, a value does not.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        *self.set_by(key) != ConfigSource::Default
    }

    /// Whether a value is not the one that coordinators were built with: a provider has set it for the session, or a
    /// reload has changed it for all.
    #[must_use]
    pub fn is_of_session(&self, key: &str) -> bool {
        matches!(self.set_by(key), ConfigSource::Provider(_)) || self.changed.contains(key)
    }

    /// Returns the source of the value that [`get`](Self::get) returns.
    #[must_use]
    pub fn source(&self, key: &str) -> &ConfigSource {
        match self.in_use(key) {
            Some((_, source)) => source,
            None => self.set_by(key),
        }
    }

    fn set_by(&self, key: &str) -> &ConfigSource {
        let source = self
            .sources
            .get(key)
            .or_else(|| match Settings::keys().contains(&key) {
                true => None,
                false => self.sources.get(&format!("extra.{key}")),
            });
        source.unwrap_or(&ConfigSource::Default)
    }

    /// The value that the program uses in place of the setting, where it is another one.
    fn in_use(&self, key: &str) -> Option<&(Value, ConfigSource)> {
        let in_use = self.in_use.get(key)?;
        let is_same = || self.settings.get(key).as_ref() == Some(&in_use.0);
        (!self.is_of_session(key) && !is_same()).then_some(in_use)
    }
}

/// Finds a value by its path of keys with dots between them. A key may have dots in it.
fn find<'a>(map: &'a JsonMap, path: &str) -> Option<&'a Value> {
    let mut inner = path.match_indices('.').filter_map(|(dot, _)| {
        let below = map.get(&path[..dot])?.as_object()?;
        find(below, &path[dot + 1..])
    });
    map.get(path).or_else(|| inner.next())
}

/// Source of a value. Later ones beat earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConfigSource {
    /// The defaults: nobody has set the value.
    Default,
    /// A file, and the line in it, where that is known.
    File {
        /// Path of the file.
        path: PathBuf,
        /// Line, counted from 1.
        line: Option<usize>,
    },
    /// An environment variable.
    Environment(String),
    /// The program.
    Code,
    /// A [`ConfigProvider`](crate::ConfigProvider), for this session.
    Provider(String),
    /// The part of the program that uses the value, such as a model provider for its default model.
    InUse(String),
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::File { path, line: None } => write!(f, "file {}", path.display()),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "file {}, line {line}", path.display()),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Code => f.write_str("code"),
            Self::Provider(name) => write!(f, "config provider {name}"),
            Self::InUse(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_in_use_stands_in_unless_the_session_has_its_own() {
        let check =
            |source: Option<ConfigSource>, model: Option<&str>, changed: bool, expected: &str| {
                let settings = Settings::default().with_model(model.map(Into::into));
                let sources = source.map(|source| ("model".to_owned(), source));
                let mut config = EffectiveConfig::new(settings, sources.into_iter().collect());
                config.changed.extend(changed.then(|| "model".to_owned()));
                let in_use = (
                    json!("used"),
                    ConfigSource::InUse("model provider p".into()),
                );
                config.in_use.insert("model".into(), in_use);
                let found = format!(
                    "{} from {}",
                    config.get("model").unwrap(),
                    config.source("model")
                );
                assert_eq!(found, expected);
                assert_eq!(config.is_set("model"), model.is_some());
            };
        let code = || Some(ConfigSource::Code);
        check(None, None, false, "\"used\" from model provider p");
        check(
            code(),
            Some("other"),
            false,
            "\"used\" from model provider p",
        );
        check(code(), Some("used"), false, "\"used\" from code");
        check(code(), Some("other"), true, "\"other\" from code");
        check(
            Some(ConfigSource::Provider("db".into())),
            Some("own"),
            false,
            "\"own\" from config provider db",
        );
    }

    #[test]
    fn values_of_the_program_are_found_by_their_path() {
        let Value::Object(extra) =
            json!({"a": {"b": {"c": 1}, "b.c": 2}, "a.b": {"d": 3}, "model": "x"})
        else {
            unreachable!()
        };
        let config = EffectiveConfig::new(Settings::default().with_extra(extra), BTreeMap::new());
        let check =
            |key: &str, expected: Option<Value>| assert_eq!(config.get(key), expected, "{key}");
        check("a.b.c", Some(json!(2)));
        check("extra.a.b.d", Some(json!(3)));
        check("a.b", Some(json!({"d": 3})));
        check("extra.model", Some(json!("x")));
        check("model", Some(Value::Null));
        check("a.x", None);
        check("a.", None);
    }
}
