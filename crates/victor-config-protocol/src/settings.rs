//! The typed values that a session runs with.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use victor_core::{JsonMap, ModelId};

use crate::setting::{Setting, SettingRange, SettingScope, SettingValue};

/// Declares every setting once: field, setter, type, default, scope, range and documentation. The struct, its defaults,
/// its checks, the list of declarations and the JSON Schema follow from it.
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        pub struct Settings {
            $(
                $(#[doc = $line:literal])+
                pub $field:ident, $setter:ident: $ty:ty = $default:expr, $scope:ident
                    $(, $range:ident($($bound:expr),+))?;
            )*
        }
    ) => {
        victor_core::options! {
            $(#[$attribute])*
            #[derive(PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct Settings {
                $(
                    $(#[doc = $line])+
                    pub $field, $setter: $ty = $default;
                )*
            }
        }

        static KEYS: &[&str] = &[$(stringify!($field)),*];

        static DECLARATIONS: &[Setting] = &[
            $(Setting {
                key: stringify!($field),
                scope: SettingScope::$scope,
                kind: <$ty as SettingValue>::KIND,
                is_optional: <$ty as SettingValue>::IS_OPTIONAL,
                range: settings!(@range $($range($($bound),+))?),
                lines: &[$($line),+],
            },)*
        ];

        impl Settings {
            /// Returns the value of a setting as JSON; `None` if there is no such setting.
            #[must_use]
            pub fn get(&self, key: &str) -> Option<Value> {
                match key {
                    $(stringify!($field) => serde_json::to_value(&self.$field).ok(),)*
                    _ => None,
                }
            }

            /// The numbers that ranges limit, in the order of the declarations.
            fn sizes(&self) -> impl Iterator<Item = Option<f64>> {
                [$(self.$field.size()),*].into_iter()
            }
        }
    };
    (@range) => { SettingRange::Any };
    (@range $range:ident($($bound:expr),+)) => { SettingRange::$range($($bound),+) };
}

settings! {
    /// The typed values that a session runs with.
    ///
    /// As data, every field is a key of the same name: in files, in the environment (`VICTOR_` and the key in capitals)
    /// and in the answers of providers. [`declarations`](Self::declarations) lists what is known of each.
    ///
    /// ```
    /// use victor_config_protocol::{SettingScope, Settings};
    ///
    /// let settings = Settings::default().with_max_tool_iterations(5);
    /// assert_eq!(settings.context_compaction_threshold, 0.8);
    /// assert!(settings.validate().is_ok());
    ///
    /// assert_eq!(Settings::scope("mode"), Some(SettingScope::Session));
    /// let text = "Maximum number of tool calls in a turn. Defaults to any number.";
    /// assert_eq!(Settings::describe("max_tool_calls").as_deref(), Some(text));
    /// ```
    pub struct Settings {
        /// Model to ask. Defaults to the provider's.
        pub model, with_model: Option<ModelId> = None, Session, NotEmpty("the name of a model");
        /// Freedom in the model's choice of words, from 0 to 2. Defaults to the provider's.
        pub temperature, with_temperature: Option<f64> = None, Session, FromTo(0.0, 2.0);
        /// Maximum length of an answer, in tokens. Defaults to the provider's.
        pub max_output_tokens, with_max_output_tokens: Option<u32> = None, Session, AtLeast(1);
        /// Size of the model's window, in tokens, in place of what the provider says. Defaults to the provider's.
        pub context_window, with_context_window: Option<u64> = None, Session, AtLeast(1);
        /// Name of the strategy that makes a context smaller: `recent`, `truncation`, `tool_results`, `task_aware`,
        /// `semantic`, `budget_aware`, `hybrid`, or one that the program has registered. Defaults to `recent`.
        pub context_compaction_strategy, with_context_compaction_strategy: String = "recent".into(), Session;
        /// Share of the window at which the context is compacted, above 0 and up to 1. Defaults to 0.8.
        pub context_compaction_threshold, with_context_compaction_threshold: f64 = 0.8, Session, AboveUpTo(0.0, 1.0);
        /// Whether the prompt gets a hint for the kind of task, which the fact `task` names, where the program has a
        /// contributor of such hints. Defaults to `true`.
        pub enable_task_hints, with_enable_task_hints: bool = true, Session;
        /// Name of the base prompt. Defaults to `default`.
        pub system_prompt_template, with_system_prompt_template: String = "default".into(), Session;
        /// Maximum number of rounds of tool calls in a turn. Defaults to 20.
        pub max_tool_iterations, with_max_tool_iterations: u32 = 20, Session;
        /// Maximum number of tool calls in a turn. Defaults to any number.
        pub max_tool_calls, with_max_tool_calls: Option<u32> = None, Session;
        /// Maximum number of tool calls in all turns of a session together. Defaults to any number.
        pub max_session_tool_calls, with_max_session_tool_calls: Option<u32> = None, Session;
        /// Maximum number of tokens, of requests and answers, that a turn may use before it must end. Defaults to any
        /// number.
        pub max_turn_tokens, with_max_turn_tokens: Option<u64> = None, Session;
        /// Time limit of a tool call without a sign of life, in seconds. Defaults to 60.
        pub tool_calling_timeout, with_tool_calling_timeout: u64 = 60, Session, AtLeast(1);
        /// Time limit of a command that `run_command` runs, in seconds; a call may ask for less. For programs that
        /// offer such a tool. Defaults to 10 minutes, and up to an hour where the call asks for it.
        pub command_timeout, with_command_timeout: Option<u64> = None, Process, AtLeast(1);
        /// Mode in which a session begins: `build`, `plan`, `explore`, or one that the program has registered. Defaults
        /// to `build`.
        pub mode, with_mode: String = "build".into(), Session;
        /// Whether checkpoints are made while turns run, before what cannot be brought back and every few tool calls.
        /// Those that somebody asks for are made all the same. Defaults to `true`.
        pub enable_checkpoints, with_enable_checkpoints: bool = true, Session;
        /// Whether the tools that the model is shown are selected; otherwise it is shown all that its mode permits.
        /// Defaults to `true`.
        pub enable_tool_selection, with_enable_tool_selection: bool = true, Session;
        /// Whether events are tracked for analytics. Defaults to `true`.
        pub enable_analytics, with_enable_analytics: bool = true, Session;
        /// Whether there is a coordinator of metrics, which counts what happens in turns. Defaults to `true`.
        pub enable_metrics, with_enable_metrics: bool = true, Process;
        /// Time that events wait before they are exported, in seconds. Defaults to 60.
        pub analytics_export_interval, with_analytics_export_interval: u64 = 60, Process, AtLeast(1);
        /// Name of the strategy that chooses which tools the model is shown: `hybrid`, `keyword`, `semantic`, `all`, or
        /// one that the program has registered. Defaults to `hybrid`.
        pub tool_selection_strategy, with_tool_selection_strategy: String = "hybrid".into(), Session;
        /// Weight of meaning against words in the strategy `hybrid`, from 0 to 1. Defaults to 0.7.
        pub tool_selection_hybrid_alpha, with_tool_selection_hybrid_alpha: f64 = 0.7, Session, FromTo(0.0, 1.0);
        /// Maximum number of tools that the model is shown; 0 for any number. Tools that are pinned, that the
        /// conversation has used or that the model has searched for are shown beyond it. Defaults to 20.
        pub tool_selection_limit, with_tool_selection_limit: u32 = 20, Session;
        /// Values of the program, which Victor carries and does not read. Defaults to none.
        pub extra, with_extra: JsonMap = JsonMap::new(), Session;
    }
}

impl Settings {
    /// Checks that every value is in the range of its setting.
    ///
    /// # Errors
    ///
    /// The first setting whose value is not.
    pub fn validate(&self) -> Result<(), OutOfRange> {
        let mut sizes = DECLARATIONS.iter().zip(self.sizes());
        let wrong =
            sizes.find(|(setting, size)| size.is_some_and(|size| !setting.range.contains(size)));
        match wrong {
            Some((setting, _)) => Err(OutOfRange {
                key: setting.key,
                range: setting.range,
            }),
            None => Ok(()),
        }
    }

    /// Returns all settings, in the order in which they are documented.
    #[must_use]
    pub fn declarations() -> &'static [Setting] {
        DECLARATIONS
    }

    /// Returns the declaration of a setting; `None` if there is no such setting.
    #[must_use]
    pub fn declaration(key: &str) -> Option<&'static Setting> {
        DECLARATIONS.iter().find(|setting| setting.key == key)
    }

    /// Returns the keys of all settings, in the order in which they are documented.
    #[must_use]
    pub fn keys() -> &'static [&'static str] {
        KEYS
    }

    /// Returns the scope of a setting; `None` if there is no such setting.
    #[must_use]
    pub fn scope(key: &str) -> Option<SettingScope> {
        Some(Self::declaration(key)?.scope)
    }

    /// Returns the documentation of a setting as one paragraph; `None` if there is no such setting.
    #[must_use]
    pub fn describe(key: &str) -> Option<String> {
        Some(Self::declaration(key)?.description())
    }

    /// Returns the JSON Schema (draft 2020-12) of a settings file, for editors that complete and check such files.
    #[must_use]
    pub fn json_schema() -> Value {
        let default = Self::default();
        let schema = |setting: &Setting| {
            let default = default.get(setting.key).unwrap_or_default();
            (setting.key.to_owned(), setting.json_schema(default))
        };
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Settings of Victor",
            "type": "object",
            "properties": DECLARATIONS.iter().map(schema).collect::<JsonMap>(),
            "additionalProperties": false,
        })
    }
}

/// An error: the value of a setting is outside of its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("setting `{key}`: expected {range}")]
#[non_exhaustive]
pub struct OutOfRange {
    /// Key of the setting.
    pub key: &'static str,
    /// Range of the setting.
    pub range: SettingRange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_keys_is_complete() {
        let map = serde_json::to_value(Settings::default()).unwrap();
        let mut keys = Settings::keys().to_vec();
        keys.sort_unstable();
        assert!(map.as_object().unwrap().keys().eq(keys));
        for (key, value) in map.as_object().unwrap() {
            assert_eq!(Settings::default().get(key).as_ref(), Some(value));
        }
    }

    #[test]
    fn each_description_ends_with_the_default() {
        for setting in Settings::declarations() {
            let description = setting.description();
            let (_, told) = description.rsplit_once("Defaults to ").expect(setting.key);
            let expected = match Settings::default().get(setting.key) {
                Some(Value::String(text)) => format!("`{text}`."),
                Some(Value::Bool(boolean)) => format!("`{boolean}`."),
                Some(Value::Number(number)) => format!("{number}."),
                _ => continue, // an absent value has a meaning, and no text of its own
            };
            assert_eq!(told, expected, "{}", setting.key);
        }
    }

    #[test]
    fn the_kind_of_each_setting() {
        for setting in Settings::declarations() {
            let fits = |value: Value| {
                let map = JsonMap::from_iter([(setting.key.to_owned(), value)]);
                serde_json::from_value::<Settings>(map.into()).is_ok()
            };
            let key = setting.key;
            assert_eq!(fits(Value::Null), setting.is_optional, "{key}");
            let values = [json!("text"), json!(true), json!(0.5), json!(7), json!({})];
            let taken = values.map(fits);
            let expected = match setting.kind {
                crate::SettingKind::Text => [true, false, false, false, false],
                crate::SettingKind::Boolean => [false, true, false, false, false],
                crate::SettingKind::Number => [false, false, true, true, false],
                crate::SettingKind::Whole { max } => {
                    assert!(fits(max.into()), "{key}");
                    assert!(max == u64::MAX || !fits((max + 1).into()), "{key}");
                    [false, false, false, true, false]
                }
                crate::SettingKind::Table => [false, false, false, false, true],
            };
            assert_eq!(taken, expected, "{key}: {}", setting.kind);
        }
    }

    #[test]
    fn the_schema_says_what_is_valid() {
        let schema = Settings::json_schema();
        let check = |key: &str, expected: Value| {
            let mut schema = schema["properties"][key].clone();
            schema.as_object_mut().unwrap().remove("description");
            assert_eq!(schema, expected, "{key}");
        };
        check(
            "model",
            json!({ "type": ["string", "null"], "minLength": 1 }),
        );
        check(
            "temperature",
            json!({ "type": ["number", "null"], "minimum": 0.0, "maximum": 2.0 }),
        );
        check(
            "context_compaction_threshold",
            json!({ "type": "number", "exclusiveMinimum": 0.0, "maximum": 1.0, "default": 0.8 }),
        );
        check(
            "max_tool_iterations",
            json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 20 }),
        );
        check(
            "tool_calling_timeout",
            json!({ "type": "integer", "minimum": 1, "maximum": u64::MAX, "default": 60 }),
        );
        check(
            "enable_metrics",
            json!({ "type": "boolean", "default": true }),
        );
        check("extra", json!({ "type": "object", "default": {} }));
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), Settings::keys().len());
        assert_eq!(schema["additionalProperties"], json!(false));
    }

    #[test]
    fn each_range_is_checked() {
        let check = |change: fn(&mut Settings), expected: &str| {
            let mut settings = Settings::default();
            change(&mut settings);
            let found = settings.validate();
            let found = found.map_or_else(
                |OutOfRange { key, range }| format!("{key}: expected {range}"),
                |()| "valid".into(),
            );
            assert_eq!(found, expected);
        };
        check(|_| {}, "valid");
        check(
            |s| s.temperature = Some(3.0),
            "temperature: expected from 0 to 2",
        );
        check(
            |s| s.max_output_tokens = Some(0),
            "max_output_tokens: expected at least 1",
        );
        check(
            |s| s.context_window = Some(0),
            "context_window: expected at least 1",
        );
        check(
            |s| s.context_compaction_threshold = 0.0,
            "context_compaction_threshold: expected above 0 and up to 1",
        );
        check(
            |s| s.context_compaction_threshold = f64::NAN,
            "context_compaction_threshold: expected above 0 and up to 1",
        );
        check(
            |s| s.tool_calling_timeout = 0,
            "tool_calling_timeout: expected at least 1",
        );
        check(
            |s| s.command_timeout = Some(0),
            "command_timeout: expected at least 1",
        );
        check(
            |s| s.analytics_export_interval = 0,
            "analytics_export_interval: expected at least 1",
        );
        check(
            |s| s.tool_selection_hybrid_alpha = 1.5,
            "tool_selection_hybrid_alpha: expected from 0 to 1",
        );
        check(
            |s| s.model = Some("".into()),
            "model: expected the name of a model",
        );
    }
}
