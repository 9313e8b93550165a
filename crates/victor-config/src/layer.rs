//! One layer of values over another.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use victor_config_protocol::{ConfigError, ConfigSource, EffectiveConfig, SettingKind, Settings};
use victor_core::JsonMap;

use crate::explain::why_ignored;

/// The key under which the program keeps its own values.
const EXTRA: &str = "extra";

/// The values that are set, of all layers so far, each with its source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    values: JsonMap,
    sources: BTreeMap<String, ConfigSource>,
    ignored: BTreeMap<String, ConfigSource>,
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

    /// Lays a provider's answer for one session over the values that are there. Of settings that are not read for each
    /// session, it only notes that there is a value.
    pub(crate) fn lay_answer(&mut self, values: JsonMap, source: &ConfigSource) {
        let split = values
            .into_iter()
            .partition(|(key, _)| why_ignored(key).is_some());
        let (ignored, values): (JsonMap, JsonMap) = split;
        for (key, _) in ignored {
            self.ignored.insert(key, source.clone());
        }
        self.lay(values, source);
    }

    /// The typed form of all values.
    pub(crate) fn effective(self) -> Result<EffectiveConfig, ConfigError> {
        // Every layer was checked by itself and no key depends on another, so this holds for all of them together.
        let settings = serde_json::from_value(Value::Object(self.values)).map_err(|error| {
            ConfigError::new("the sum of all sources", "it is not valid").with_source(error)
        })?;
        let mut config = EffectiveConfig::new(settings, self.sources);
        config.ignored = self.ignored;
        Ok(config)
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
        let Some(setting) = Settings::declaration(key) else {
            return Err(ConfigError::unknown_key(source.to_string(), key));
        };
        let settings: Settings = serde_json::from_value(json!({ key: value }))
            .map_err(|_| invalid(key, source, mismatch(setting.kind, value)))?;
        settings.validate().map_err(|wrong| {
            invalid(
                key,
                source,
                format!("expected {}, found {}", wrong.range, show(value)),
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

/// Says that another kind of value was expected.
///
/// Values of the program under `extra` may be secret, so of those only the type is shown.
pub(crate) fn mismatch(kind: SettingKind, found: &Value) -> String {
    match kind {
        SettingKind::Table => format!("expected {kind}, found {}", type_of(found)),
        _ => format!("expected {kind}, found {}", show(found)),
    }
}

/// A value as messages show it: short ones as they are, of others the type.
fn show(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = value.to_string();
    match value {
        Value::Array(_) | Value::Object(_) => type_of(value).into(),
        _ if text.len() > LONGEST => type_of(value).into(),
        _ => text,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_key() {
        let check = |key: &str, expected: Option<&str>| {
            let map = JsonMap::from_iter([(key.to_owned(), json!(1))]);
            let Err(ConfigError::UnknownKey { unknown, .. }) = check(&map, &ConfigSource::Code)
            else {
                panic!("{key} is no setting");
            };
            assert_eq!(unknown.closest(), expected, "{key}");
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
