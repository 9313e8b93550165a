//! A mode as data.

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{Effect, ModelId, NamePatterns, ToolSpec};

use crate::Permission;

/// A mode as data: what an agent may do, is told, and may spend while it is in it.
///
/// A tool may run if its effect is within [`max_effect`](Self::max_effect) and [`tools`](Self::tools) permits its name.
///
/// ```
/// use victor_core::{Effect, NamePatterns};
/// use victor_mode_protocol::Mode;
///
/// let mut review = Mode::new("review", Effect::Write);
/// review.tools = NamePatterns::only(["read_*", "comment"]).with_denied("read_secrets");
/// assert!(review.tools.permits("read_file") && !review.tools.permits("read_secrets"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mode {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The mode's name: 1 to 64 ASCII letters, digits, `_` and `-`. Letters count alike in upper and lower case.
    pub name: String,
    /// Purpose of the mode, for those who choose one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The gravest effect that a tool may have.
    pub max_effect: Effect,
    /// The names of the tools that may run, stored as `allow` and `deny`: `mcp_github_*` is every tool whose name
    /// begins so. Defaults to all.
    #[serde(flatten)]
    pub tools: NamePatterns,
    /// Addition to the system prompt; none if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// Limits of a turn.
    #[serde(default)]
    pub limits: ModeLimits,
    /// The model that works in this mode; the session's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// Whether the model may switch to this mode by itself. Not by default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_to_model: bool,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Limits of a turn in a mode. The settings say what is absent here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModeLimits {
    /// Maximum number of rounds of tool calls in a turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tool_iterations: Option<u32>,
    /// Factor by which a turn may have more rounds of tool calls than the settings say, where
    /// [`max_tool_iterations`](Self::max_tool_iterations) is absent. Looking around takes more rounds than doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration_factor: Option<u32>,
    /// Maximum number of tool calls in a turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tool_calls: Option<u32>,
    /// Maximum number of tokens, of requests and answers, that a turn may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ModeLimits {
    /// Returns the maximum number of rounds of tool calls in a turn where the settings say `settings`.
    ///
    /// ```
    /// use victor_mode_protocol::Mode;
    ///
    /// assert_eq!(Mode::build().limits.tool_iterations(20), 20);
    /// assert_eq!(Mode::explore().limits.tool_iterations(20), 80);
    /// ```
    #[must_use]
    pub fn tool_iterations(&self, settings: u32) -> u32 {
        let multiplied = settings.saturating_mul(self.iteration_factor.unwrap_or(1));
        self.max_tool_iterations.unwrap_or(multiplied)
    }

    /// The settings' rounds of tool calls, so many times.
    fn times(iteration_factor: u32) -> Self {
        Self {
            iteration_factor: Some(iteration_factor),
            ..Self::default()
        }
    }
}

impl Mode {
    /// A mode that permits every tool whose effect is not graver than `max_effect`.
    pub fn new(name: impl Into<String>, max_effect: Effect) -> Self {
        Self {
            version: FormatVersion,
            name: name.into(),
            description: String::new(),
            max_effect,
            tools: NamePatterns::default(),
            prompt: String::new(),
            limits: ModeLimits::default(),
            model: None,
            open_to_model: false,
            extra: Extra::default(),
        }
    }

    /// `build`: everything is permitted; approvals are another matter.
    #[must_use]
    pub fn build() -> Self {
        Self {
            description: "carries out the task with every tool".into(),
            ..Self::new("build", Effect::Destructive)
        }
    }

    /// `plan`: only tools that change nothing, for twice as many rounds; the answer is a plan.
    #[must_use]
    pub fn plan() -> Self {
        Self {
            description: "reads, thinks and proposes a plan; changes nothing".into(),
            prompt: "You are in plan mode. Tools that change something are refused. Find out what you need to know, \
                     then answer with a plan: the steps in order, and what each of them would change."
                .into(),
            limits: ModeLimits::times(2),
            open_to_model: true,
            ..Self::new("plan", Effect::ReadOnly)
        }
    }

    /// `explore`: only tools that change nothing, for four times as many rounds; the answer is what was found.
    #[must_use]
    pub fn explore() -> Self {
        Self {
            description: "reads and explains; changes nothing".into(),
            prompt:
                "You are in explore mode. Tools that change something are refused. Look around as far as \
                     the question needs, then answer with what you found and where."
                    .into(),
            limits: ModeLimits::times(4),
            open_to_model: true,
            ..Self::new("explore", Effect::ReadOnly)
        }
    }

    /// Whether a tool may run by its effect and its name.
    pub fn permits(&self, tool: &ToolSpec) -> Permission {
        let (mode, name) = (&self.name, &tool.name);
        if tool.effect > self.max_effect {
            let (most, found) = (word(self.max_effect), word(tool.effect));
            Permission::denied(format!(
                "mode `{mode}` permits effects up to `{most}`, and tool `{name}` has the effect `{found}`"
            ))
        } else if self.tools.permits(name) {
            Permission::Permitted
        } else {
            Permission::denied(format!("mode `{mode}` does not permit tool `{name}`"))
        }
    }
}

/// The effect as it is stored and as people write it in files.
fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::ReadOnly => "read_only",
        Effect::Idempotent => "idempotent",
        Effect::Write => "write",
        Effect::Destructive => "destructive",
    }
}
