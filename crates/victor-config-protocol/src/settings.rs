//! The typed values that a session runs with.

use serde::{Deserialize, Serialize};
use victor_core::{JsonMap, ModelId};

/// The typed values that a session runs with.
///
/// As data: every field is a key of the same name, in files, in the environment (`VICTOR_` and the key in capitals)
/// and in the answers of providers.
///
/// ```
/// use victor_config_protocol::Settings;
///
/// let settings = Settings { max_tool_iterations: 5, ..Settings::default() };
/// assert_eq!(settings.context_compaction_threshold, 0.8);
/// assert!(settings.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model; that of the provider if absent.
    pub model: Option<ModelId>,
    /// How freely the model chooses its words, 0 to 2; the provider's default if absent.
    pub temperature: Option<f64>,
    /// The longest answer, in tokens; the provider's default if absent.
    pub max_output_tokens: Option<u32>,
    /// The model's window, in tokens. It beats what the provider says.
    pub context_window: Option<u64>,
    /// The name of the strategy that makes a context smaller: `recent` by default, or `truncation`, `tool_results`,
    /// `task_aware`, `semantic`, `budget_aware`, `hybrid`, or one that the program has registered.
    pub context_compaction_strategy: String,
    /// The share of the window at which the context is compacted, above 0 and up to 1. 0.8 by default.
    pub context_compaction_threshold: f64,
    /// Whether the prompt gets hints for the kind of task. True by default.
    pub enable_task_hints: bool,
    /// The name of the base prompt. `default` by default.
    pub system_prompt_template: String,
    /// How many rounds of tool calls a turn has. 20 by default.
    pub max_tool_iterations: u32,
    /// How many tool calls a turn may make; any number if absent.
    pub max_tool_calls: Option<u32>,
    /// How many tool calls a session may make in all its turns; any number if absent.
    pub max_session_tool_calls: Option<u32>,
    /// How many tokens, of requests and answers, a turn may use before it must come to its end; any number if absent.
    pub max_turn_tokens: Option<u64>,
    /// The longest time for one tool call without a sign of life, in seconds, at least 1. 60 by default.
    pub tool_calling_timeout: u64,
    /// The longest time for a command that `run_command` runs, in seconds, at least 1; a call may ask for less. If absent,
    /// 10 minutes, and up to an hour where the call asks for it. It is for programs that offer such a tool.
    pub command_timeout: Option<u64>,
    /// The mode that a session begins in: `build` by default, `plan`, `explore`, or one that the program has registered.
    pub mode: String,
    /// Whether events are tracked for analytics. True by default.
    pub enable_analytics: bool,
    /// Whether measurements are recorded. True by default.
    pub enable_metrics: bool,
    /// How long events wait before they are exported, in seconds, at least 1. 60 by default.
    pub analytics_export_interval: u64,
    /// The name of the strategy that chooses which tools the model is shown: `hybrid` by default, or `keyword`,
    /// `semantic`, `all`, or one that the program has registered.
    pub tool_selection_strategy: String,
    /// The weight of meaning against words in the strategy `hybrid`, 0 to 1. 0.7 by default.
    pub tool_selection_hybrid_alpha: f64,
    /// How many tools the model is shown at most; 0 for any number. Tools that are pinned, that the conversation has used
    /// or that the model has searched for are shown beyond it. 20 by default.
    pub tool_selection_limit: u32,
    /// The program's own values, which Victor carries and does not read.
    pub extra: JsonMap,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            temperature: None,
            max_output_tokens: None,
            context_window: None,
            context_compaction_strategy: "recent".into(),
            context_compaction_threshold: 0.8,
            enable_task_hints: true,
            system_prompt_template: "default".into(),
            max_tool_iterations: 20,
            max_tool_calls: None,
            max_session_tool_calls: None,
            max_turn_tokens: None,
            tool_calling_timeout: 60,
            command_timeout: None,
            mode: "build".into(),
            enable_analytics: true,
            enable_metrics: true,
            analytics_export_interval: 60,
            tool_selection_strategy: "hybrid".into(),
            tool_selection_hybrid_alpha: 0.7,
            tool_selection_limit: 20,
            extra: JsonMap::new(),
        }
    }
}

impl Settings {
    /// Checks what the types alone do not say.
    ///
    /// # Errors
    ///
    /// The first key whose value is out of range, and what the range is.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        let checks: [(&'static str, bool, &str); 9] = [
            (
                "temperature",
                self.temperature.is_none_or(|t| (0.0..=2.0).contains(&t)),
                "from 0 to 2",
            ),
            (
                "max_output_tokens",
                self.max_output_tokens != Some(0),
                "at least 1",
            ),
            (
                "context_window",
                self.context_window != Some(0),
                "at least 1",
            ),
            (
                "context_compaction_threshold",
                self.context_compaction_threshold > 0.0 && self.context_compaction_threshold <= 1.0,
                "above 0 and up to 1",
            ),
            (
                "tool_calling_timeout",
                self.tool_calling_timeout > 0,
                "at least 1",
            ),
            (
                "command_timeout",
                self.command_timeout != Some(0),
                "at least 1",
            ),
            (
                "analytics_export_interval",
                self.analytics_export_interval > 0,
                "at least 1",
            ),
            (
                "tool_selection_hybrid_alpha",
                (0.0..=1.0).contains(&self.tool_selection_hybrid_alpha),
                "from 0 to 1",
            ),
            (
                "model",
                self.model
                    .as_ref()
                    .is_none_or(|model| !model.as_str().is_empty()),
                "the name of a model",
            ),
        ];
        match checks.into_iter().find(|(_, valid, _)| !valid) {
            Some((key, _, range)) => Err((key, format!("expected {range}"))),
            None => Ok(()),
        }
    }

    /// The names of all settings, in the order in which they are documented.
    #[must_use]
    pub fn keys() -> &'static [&'static str] {
        &[
            "model",
            "temperature",
            "max_output_tokens",
            "context_window",
            "context_compaction_strategy",
            "context_compaction_threshold",
            "enable_task_hints",
            "system_prompt_template",
            "max_tool_iterations",
            "max_tool_calls",
            "max_session_tool_calls",
            "max_turn_tokens",
            "tool_calling_timeout",
            "command_timeout",
            "mode",
            "enable_analytics",
            "enable_metrics",
            "analytics_export_interval",
            "tool_selection_strategy",
            "tool_selection_hybrid_alpha",
            "tool_selection_limit",
            "extra",
        ]
    }
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
    }

    #[test]
    fn each_range_is_checked() {
        let check = |change: fn(&mut Settings), expected: &str| {
            let mut settings = Settings::default();
            change(&mut settings);
            let found = settings
                .validate()
                .map_or_else(|(key, why)| format!("{key}: {why}"), |()| "valid".into());
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
