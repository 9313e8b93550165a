//! One layer of values over another.

use std::collections::BTreeMap;

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigSource, EffectiveConfig, Settings};
use victor_core::JsonMap;

use crate::kind::{self, Kind};

/// The key under which the program keeps its own values.
const EXTRA: &str = "extra";

/// The values that are set, of all layers so far, each with its source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    values: JsonMap,
    sources: BTreeMap<String, ConfigSource>,
}

impl Layers {
    /// Lays values over those that are there, after checking them.
    pub(crate) fn add(
        &mut self,
        values: JsonMap,
        source: &ConfigSource,
    ) -> Result<(), ConfigError> {
        check(&values, source)?;
        self.lay(values, source);
        Ok(())
    }

    /// Lays values over those that are there. They were checked.
    pub(crate) fn lay(&mut self, values: JsonMap, source: &ConfigSource) {
        for (key, value) in values {
            self.sources.insert(key.clone(), source.clone());
            match (self.values.get_mut(&key), value) {
                (Some(Value::Object(lower)), Value::Object(upper)) if key == EXTRA => {
                    self.sources.extend(inner_keys(&upper, source));
                    lower.extend(upper);
                }
                (_, value) => {
                    if let Value::Object(upper) = &value {
                        self.sources.extend(inner_keys(upper, source));
                    }
                    self.values.insert(key, value);
                }
            }
        }
    }

    /// The typed form of all values.
    pub(crate) fn effective(self) -> Result<EffectiveConfig, ConfigError> {
        // Every layer was checked by itself and no key depends on another, so this holds for all of them together.
        let settings = serde_json::from_value(Value::Object(self.values)).map_err(|error| {
            ConfigError::Source {
                origin: "the sum of all sources".into(),
                message: "it is not valid".into(),
                source: Some(error.into()),
            }
        })?;
        Ok(EffectiveConfig::new(settings, self.sources))
    }
}

fn inner_keys(table: &JsonMap, source: &ConfigSource) -> Vec<(String, ConfigSource)> {
    table
        .keys()
        .map(|key| (format!("{EXTRA}.{key}"), source.clone()))
        .collect()
}

/// Checks that the values of one source are settings, of the right type and in their range.
pub(crate) fn check(values: &JsonMap, source: &ConfigSource) -> Result<(), ConfigError> {
    let all: Option<Settings> = serde_json::from_value(Value::Object(values.clone())).ok();
    if all.is_some_and(|settings| settings.validate().is_ok()) {
        return Ok(());
    }
    for (key, value) in values {
        if !Settings::keys().contains(&key.as_str()) {
            return Err(unknown(key, source));
        }
        let settings = kind::parse(key, value)
            .ok_or_else(|| invalid(key, source, Kind::of(key).mismatch(value)))?;
        settings.validate().map_err(|(key, message)| {
            invalid(
                key,
                source,
                format!("{message}, found {}", kind::show(value)),
            )
        })?;
    }
    Ok(())
}

pub(crate) fn invalid(key: &str, source: &ConfigSource, message: impl Into<String>) -> ConfigError {
    ConfigError::InvalidValue {
        key: key.into(),
        origin: source.to_string(),
        message: message.into(),
    }
}

pub(crate) fn unknown(key: &str, source: &ConfigSource) -> ConfigError {
    ConfigError::UnknownKey {
        key: key.into(),
        origin: source.to_string(),
        closest: closest(key),
    }
}

/// The setting whose name is closest, if at most two of five letters differ.
pub(crate) fn closest(key: &str) -> Option<String> {
    let key = key.to_lowercase().replace('-', "_");
    Settings::keys()
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&key, known), known))
        .filter(|(similarity, _)| *similarity >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| (*known).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_closest_key() {
        let check = |key: &str, expected: Option<&str>| {
            assert_eq!(closest(key).as_deref(), expected, "{key}");
        };
        check("temprature", Some("temperature"));
        check("max_iterations", Some("max_tool_iterations"));
        check("compaction_threshold", Some("context_compaction_threshold"));
        check("Max-Tool-Iterations", Some("max_tool_iterations"));
        check("favourite_colour", None);
        check("", None);
    }

    #[test]
    fn extra_is_merged_by_its_inner_keys_and_nothing_else_is() {
        let mut layers = Layers::default();
        let environment = ConfigSource::Environment("VICTOR_EXTRA".into());
        let map = |value: Value| value.as_object().unwrap().clone();
        layers
            .add(
                map(json!({"extra": {"a": {"x": 1}, "b": 1}, "model": "m"})),
                &environment,
            )
            .unwrap();
        layers
            .add(
                map(json!({"extra": {"a": {"y": 2}, "c": 3}, "model": null})),
                &ConfigSource::Code,
            )
            .unwrap();
        let config = layers.effective().unwrap();
        assert_eq!(
            Value::Object(config.settings.extra.clone()),
            json!({"a": {"y": 2}, "b": 1, "c": 3})
        );
        assert_eq!(config.settings.model, None);
        let sources: Vec<_> = config
            .sources
            .iter()
            .map(|(key, source)| format!("{key} {source}"))
            .collect();
        assert_eq!(
            sources,
            [
                "extra code",
                "extra.a code",
                "extra.b environment variable VICTOR_EXTRA",
                "extra.c code",
                "model code"
            ]
        );
    }
}
