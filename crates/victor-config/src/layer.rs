//! One layer of values over another.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use victor_config_protocol::{
    ConfigError, ConfigSource, EffectiveConfig, SettingKind, SettingScope, Settings,
};
use victor_core::JsonMap;

use crate::explain::why_ignored;
use crate::origin::Origin;

/// The values that are set, of all layers so far, each with its source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    values: JsonMap,
    sources: BTreeMap<String, ConfigSource>,
    ignored: BTreeMap<String, ConfigSource>,
}

impl Layers {
    /// Lays values over those that are there. They were checked.
    pub(crate) fn lay(&mut self, values: JsonMap, origin: &Origin) {
        for (key, value) in values {
            match (self.values.get_mut(&key), value) {
                (Some(Value::Object(lower)), Value::Object(upper)) => {
                    self.sources.insert(key.clone(), origin.source(&[&key]));
                    lay_table(lower, upper, &[&key], &mut self.sources, origin);
                }
                (_, value) => {
                    forget(&mut self.sources, &key);
                    note(&value, &mut vec![&key], &mut self.sources, origin);
                    self.values.insert(key, value);
                }
            }
        }
    }

    /// Lays a provider's answer for one session over the values that are there. Of settings that are not read for each
    /// session, it only notes that there is a value.
    pub(crate) fn lay_answer(&mut self, values: JsonMap, source: ConfigSource) {
        let split = values
            .into_iter()
            .partition(|(key, _)| why_ignored(key).is_some());
        let (ignored, values): (JsonMap, JsonMap) = split;
        for (key, _) in ignored {
            self.ignored.insert(key, source.clone());
        }
        self.lay(values, &Origin::Whole(source));
    }

    /// Puts back what `start` has of the settings that are read once, and returns their keys where it was another.
    pub(crate) fn hold(&mut self, start: &Self) -> Vec<&'static str> {
        let mut held = Vec::new();
        for setting in Settings::declarations() {
            let key = setting.key;
            if setting.scope == SettingScope::Session
                || self.values.get(key) == start.values.get(key)
            {
                continue;
            }
            held.push(key);
            put_back(&mut self.values, &start.values, key);
            match start.sources.get(key) {
                Some(source) => drop(self.sources.insert(key.to_owned(), source.clone())),
                None => drop(self.sources.remove(key)),
            }
        }
        held
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

fn put_back(values: &mut JsonMap, start: &JsonMap, key: &str) {
    match start.get(key) {
        Some(value) => drop(values.insert(key.to_owned(), value.clone())),
        None => drop(values.remove(key)),
    }
}

/// Lays a table over another one, inner tables over inner tables.
fn lay_table(
    lower: &mut JsonMap,
    upper: JsonMap,
    path: &[&str],
    sources: &mut BTreeMap<String, ConfigSource>,
    origin: &Origin,
) {
    for (key, value) in upper {
        let mut path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
        let name = path.join(".");
        match (lower.get_mut(&key), value) {
            (Some(Value::Object(lower)), Value::Object(upper)) => {
                sources.insert(name, origin.source(&path));
                lay_table(lower, upper, &path, sources, origin);
            }
            (_, value) => {
                forget(sources, &name);
                note(&value, &mut path, sources, origin);
                lower.insert(key.clone(), value);
            }
        }
    }
}

/// Notes the source of a value, and of everything in it.
fn note<'a>(
    value: &'a Value,
    path: &mut Vec<&'a str>,
    sources: &mut BTreeMap<String, ConfigSource>,
    origin: &Origin,
) {
    sources.insert(path.join("."), origin.source(path));
    for (key, value) in value.as_object().into_iter().flatten() {
        path.push(key);
        note(value, path, sources, origin);
        path.pop();
    }
}

/// Forgets the sources of what was in a value.
fn forget(sources: &mut BTreeMap<String, ConfigSource>, path: &str) {
    let below = format!("{path}.");
    sources.retain(|key, _| !key.starts_with(&below));
}

/// Checks that the values of one source are settings, of the right type and in their range, and returns all that is
/// wrong.
pub(crate) fn check(values: &JsonMap, origin: &Origin) -> Vec<ConfigError> {
    let all: Option<Settings> = serde_json::from_value(Value::Object(values.clone())).ok();
    if all.is_some_and(|settings| settings.validate().is_ok()) {
        return Vec::new();
    }
    let errors = values
        .iter()
        .filter_map(|(key, value)| check_one(key, value, origin).err());
    errors.collect()
}

fn check_one(key: &str, value: &Value, origin: &Origin) -> Result<(), ConfigError> {
    let Some(setting) = Settings::declaration(key) else {
        return Err(ConfigError::unknown_key(origin.place(&[key]), key));
    };
    let settings: Settings = serde_json::from_value(json!({ key: value }))
        .map_err(|_| invalid(key, origin.place(&[key]), mismatch(setting.kind, value)))?;
    settings.validate().map_err(|wrong| {
        let message = format!("expected {}, found {}", wrong.range, show(value));
        invalid(key, origin.place(&[key]), message)
    })
}

pub(crate) fn invalid(
    key: &str,
    origin: impl Into<String>,
    message: impl Into<String>,
) -> ConfigError {
    ConfigError::InvalidValue {
        key: key.into(),
        origin: origin.into(),
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
            let errors = check(&map, &Origin::Whole(ConfigSource::Code));
            let [ConfigError::UnknownKey { unknown, .. }] = &errors[..] else {
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
    fn tables_are_merged_by_their_inner_keys() {
        let mut layers = Layers::default();
        let map = |value: Value| value.as_object().unwrap().clone();
        let lower = json!({"extra": {"a": {"x": 1, "y": 1}, "b": {"x": 1}, "c": 1}, "model": "m"});
        let environment = ConfigSource::Environment("VICTOR_EXTRA".into());
        layers.lay(map(lower), &Origin::Whole(environment));
        let upper = json!({"extra": {"a": {"y": 2, "z": {"w": 2}}, "b": 2, "d": 2}, "model": null});
        layers.lay(map(upper), &Origin::Whole(ConfigSource::Code));
        let config = layers.effective().unwrap();
        assert_eq!(
            Value::Object(config.settings.extra.clone()),
            json!({"a": {"x": 1, "y": 2, "z": {"w": 2}}, "b": 2, "c": 1, "d": 2})
        );
        assert_eq!(config.settings.model, None);
        let sources = config.sources.iter();
        let from_code: Vec<_> = sources
            .filter(|(_, source)| **source == ConfigSource::Code)
            .map(|(key, _)| key.as_str())
            .collect();
        assert_eq!(
            from_code,
            [
                "extra",
                "extra.a",
                "extra.a.y",
                "extra.a.z",
                "extra.a.z.w",
                "extra.b",
                "extra.d",
                "model"
            ]
        );
        assert_eq!(
            config.sources.len(),
            from_code.len() + 2,
            "`extra.a.x` and `extra.c` are of the environment"
        );
    }
}
