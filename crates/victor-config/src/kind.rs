//! What kind of value a setting takes.

use std::fmt;

use serde_json::{Number, Value, json};
use victor_config_protocol::Settings;
use victor_core::JsonMap;

/// The kind of value that a setting takes.
///
/// It is found by trying: [`Settings`] is the one place that says what fits, and a table beside it could disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Boolean,
    Table,
    Number,
    Whole { max: u64 },
}

impl Kind {
    /// The kind of value that `key`, a known one, takes.
    pub(crate) fn of(key: &str) -> Self {
        let takes = |value: Value| parse(key, &value).is_some();
        if takes(json!("text")) {
            Self::Text
        } else if takes(json!(true)) {
            Self::Boolean
        } else if takes(json!({})) {
            Self::Table
        } else if takes(json!(0.5)) {
            Self::Number
        } else {
            let max = if takes(json!(u64::MAX)) {
                u64::MAX
            } else {
                u32::MAX.into()
            };
            Self::Whole { max }
        }
    }

    /// Reads a value of this kind from a text, as it stands in the environment.
    pub(crate) fn read(self, text: &str) -> Option<Value> {
        let word = text.trim();
        match self {
            Self::Text => Some(text.into()),
            Self::Boolean => match word.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true.into()),
                "false" | "0" | "no" | "off" => Some(false.into()),
                _ => None,
            },
            Self::Table => serde_json::from_str::<JsonMap>(word)
                .ok()
                .map(Value::Object),
            Self::Number => word
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map(Value::Number),
            Self::Whole { .. } => word.parse::<u64>().ok().map(Value::from),
        }
    }

    /// Says that another value than this was expected.
    ///
    /// What the program keeps under `extra` may be secret, so of that only the type is told.
    pub(crate) fn mismatch(self, found: &Value) -> String {
        match self {
            Self::Table => format!("expected {self}, found {}", type_of(found)),
            _ => format!("expected {self}, found {}", show(found)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Boolean => f.write_str("true or false"),
            Self::Table => f.write_str("a table of values by their names"),
            Self::Number => f.write_str("a number"),
            Self::Whole { max: u64::MAX } => f.write_str("a whole number, 0 or more"),
            Self::Whole { max } => write!(f, "a whole number from 0 to {max}"),
        }
    }
}

/// The settings in which only `key` is set, if `value` fits it.
pub(crate) fn parse(key: &str, value: &Value) -> Option<Settings> {
    serde_json::from_value(json!({ key: value })).ok()
}

/// A value as messages show it: short ones as they are, of others the type.
pub(crate) fn show(value: &Value) -> String {
    const LONGEST: usize = 40;
    match value {
        Value::Array(_) | Value::Object(_) => type_of(value).into(),
        _ => {
            let text = value.to_string();
            if text.len() > LONGEST {
                type_of(value).into()
            } else {
                text
            }
        }
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
    fn the_kind_of_each_setting() {
        let kinds: Vec<_> = Settings::keys()
            .iter()
            .map(|key| format!("{key}: {}", Kind::of(key)))
            .collect();
        assert_eq!(
            kinds,
            [
                "model: a text",
                "temperature: a number",
                "max_output_tokens: a whole number from 0 to 4294967295",
                "context_window: a whole number, 0 or more",
                "context_compaction_strategy: a text",
                "context_compaction_threshold: a number",
                "enable_task_hints: true or false",
                "system_prompt_template: a text",
                "max_tool_iterations: a whole number from 0 to 4294967295",
                "max_tool_calls: a whole number from 0 to 4294967295",
                "max_session_tool_calls: a whole number from 0 to 4294967295",
                "max_turn_tokens: a whole number, 0 or more",
                "tool_calling_timeout: a whole number, 0 or more",
                "command_timeout: a whole number, 0 or more",
                "mode: a text",
                "enable_analytics: true or false",
                "enable_metrics: true or false",
                "analytics_export_interval: a whole number, 0 or more",
                "tool_selection_strategy: a text",
                "tool_selection_hybrid_alpha: a number",
                "tool_selection_limit: a whole number from 0 to 4294967295",
                "extra: a table of values by their names",
            ]
        );
    }

    #[test]
    fn each_kind_is_read_from_text() {
        let check = |kind: Kind, text: &str, expected: Value| {
            assert_eq!(
                kind.read(text).unwrap_or_default(),
                expected,
                "{kind:?} {text:?}"
            );
        };
        let none = Value::Null;
        let whole = Kind::Whole { max: u64::MAX };
        check(Kind::Text, " 5 ", json!(" 5 "));
        for text in ["true", "1", "yes", "on", "TRUE", " On "] {
            check(Kind::Boolean, text, json!(true));
        }
        for text in ["false", "0", "no", "off"] {
            check(Kind::Boolean, text, json!(false));
        }
        check(Kind::Boolean, "maybe", none.clone());
        check(Kind::Number, "0.5", json!(0.5));
        check(Kind::Number, " 1 ", json!(1.0));
        check(Kind::Number, "nan", none.clone());
        check(Kind::Number, "inf", none.clone());
        check(whole, "20", json!(20));
        check(whole, "-1", none.clone());
        check(whole, "2.5", none.clone());
        check(Kind::Table, r#"{"a":[1]}"#, json!({"a": [1]}));
        check(Kind::Table, "[1]", none);
    }
}
