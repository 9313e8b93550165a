//! Values from environment variables.

use std::ffi::{OsStr, OsString};

use serde_json::{Number, Value};
use tracing::debug;
use victor_config_protocol::{ConfigError, ConfigSource, Setting, SettingKind, Settings};
use victor_core::{JsonMap, closest};

use crate::layer::{invalid, mismatch};

/// Prefix of the names of Victor's variables.
const PREFIX: &str = "VICTOR_";

/// A variable whose name is almost that of a setting.
#[derive(Debug)]
pub(crate) struct Misspelt {
    pub(crate) variable: String,
    pub(crate) closest: String,
}

/// A variable that is a setting, with its key and value.
pub(crate) type Variable = (String, String, Value);

/// Returns the values of all variables that are settings, and those variables that are none but look like one.
///
/// A variable that is no setting is no error. Other crates of Victor read variables of this prefix, such as
/// `VICTOR_ENCRYPTION_KEYS`, and a Kubernetes service named `victor` sets `VICTOR_PORT` and `VICTOR_SERVICE_HOST` in
/// every pod (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
pub(crate) fn read(
    mut variables: Vec<(OsString, OsString)>,
    reserved: &[String],
    errors: &mut Vec<ConfigError>,
) -> (Vec<Variable>, Vec<Misspelt>) {
    let (mut values, mut misspelt) = (Vec::new(), Vec::new());
    // Several errors are reported in the same order each time.
    variables.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if value.is_empty() || reserved.contains(&name) {
            continue;
        }
        let mut settings = Settings::declarations().iter();
        let Some(setting) = settings.find(|setting| setting.key.to_ascii_uppercase() == rest)
        else {
            match closest(rest, Settings::keys().iter().copied()) {
                Some(key) => misspelt.push(Misspelt {
                    variable: name,
                    closest: format!("{PREFIX}{}", key.to_ascii_uppercase()),
                }),
                None => debug!(name, "the variable is no setting"),
            }
            continue;
        };
        match value_of(setting, &value) {
            Ok(value) => values.push((name, setting.key.to_owned(), value)),
            Err(message) => {
                let origin = ConfigSource::Environment(name).to_string();
                errors.push(invalid(setting.key, origin, message));
            }
        }
    }
    (values, misspelt)
}

/// Reads the value of a setting from the text of a variable.
fn value_of(setting: &Setting, text: &OsStr) -> Result<Value, String> {
    let text = text.to_str().ok_or("expected text in UTF-8")?;
    parse(setting.kind, text).ok_or_else(|| mismatch(setting.kind, &text.into()))
}

/// Reads a value of a kind from the text of a variable.
fn parse(kind: SettingKind, text: &str) -> Option<Value> {
    let word = text.trim();
    match kind {
        SettingKind::Text => Some(text.into()),
        SettingKind::Boolean => match word.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true.into()),
            "false" | "0" | "no" | "off" => Some(false.into()),
            _ => None,
        },
        SettingKind::Number => word
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number),
        SettingKind::Whole { .. } => word.parse::<u64>().ok().map(Value::from),
        SettingKind::Table => serde_json::from_str::<JsonMap>(word)
            .ok()
            .map(Value::Object),
        // A kind that a later version adds is written as JSON.
        _ => serde_json::from_str(word).ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_is_read_from_text() {
        let check = |kind: SettingKind, text: &str, expected: Value| {
            assert_eq!(
                parse(kind, text).unwrap_or_default(),
                expected,
                "{kind:?} {text:?}"
            );
        };
        let none = Value::Null;
        let whole = SettingKind::Whole { max: u64::MAX };
        check(SettingKind::Text, " 5 ", json!(" 5 "));
        for text in ["true", "1", "yes", "on", "TRUE", " On "] {
            check(SettingKind::Boolean, text, json!(true));
        }
        for text in ["false", "0", "no", "off"] {
            check(SettingKind::Boolean, text, json!(false));
        }
        check(SettingKind::Boolean, "maybe", none.clone());
        check(SettingKind::Number, "0.5", json!(0.5));
        check(SettingKind::Number, " 1 ", json!(1.0));
        check(SettingKind::Number, "nan", none.clone());
        check(SettingKind::Number, "inf", none.clone());
        check(whole, "20", json!(20));
        check(whole, "-1", none.clone());
        check(whole, "2.5", none.clone());
        check(SettingKind::Table, r#"{"a":[1]}"#, json!({"a": [1]}));
        check(SettingKind::Table, "[1]", none);
    }
}
