//! A rule about tool calls, as data.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use victor_core::{Effect, matches_pattern};
use victor_tool_protocol::ApprovalRequest;

/// A rule of a [`RulePolicy`](crate::RulePolicy): which calls it is about, and what becomes of them.
///
/// It is about a call if all that it says about tool, effect and arguments holds. A field that it does not know is an
/// error and not ignored, since a rule without it would be about other calls.
///
/// ```
/// use victor_core::Effect;
/// use victor_tool::{ArgumentTest, Rule};
///
/// let tidy = Rule::allow().tools(["delete_file"]).argument("/path", ArgumentTest::Prefix("target/".into()));
/// let never = Rule::deny().from_effect(Effect::Destructive).because("nothing may be lost here");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// The decision about the calls.
    pub decision: Decision,
    /// Patterns of the names of the tools, in which `*` stands for any number of characters; one of them must fit.
    /// Every tool by default.
    #[serde(default = "every_tool", skip_serializing_if = "is_every_tool")]
    pub tools: Vec<String>,
    /// The lightest effect that the tool has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<Effect>,
    /// The gravest effect that the tool has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_effect: Option<Effect>,
    /// Conditions on the arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<ArgumentRule>,
    /// Why, for the model whose call is denied or the person who is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A decision about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It runs.
    Allow,
    /// A person is asked.
    #[default]
    Ask,
    /// It does not run.
    Deny,
}

/// A condition on an argument: `{ at = "/path", prefix = "docs/" }`.
///
/// It sees arguments as the model wrote them, and knows nothing of what they mean: `docs/../secret` begins with
/// `docs/`. So it saves questions and states intentions; what a tool can reach is limited by the tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawArgumentRule", into = "RawArgumentRule")]
#[non_exhaustive]
pub struct ArgumentRule {
    /// The place in the arguments, as a JSON pointer. An argument that is absent passes no test.
    pub at: String,
    /// The test that the argument must pass.
    pub test: ArgumentTest,
}

/// A test of an argument.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ArgumentTest {
    /// This value.
    Equals(Value),
    /// A text that begins so.
    Prefix(String),
    /// A text that fits the pattern, in which `*` stands for any number of characters.
    Matches(String),
}

impl Rule {
    /// Calls run.
    #[must_use]
    pub fn allow() -> Self {
        Self::new(Decision::Allow)
    }

    /// A person is asked about calls.
    #[must_use]
    pub fn ask() -> Self {
        Self::new(Decision::Ask)
    }

    /// Calls do not run.
    #[must_use]
    pub fn deny() -> Self {
        Self::new(Decision::Deny)
    }

    fn new(decision: Decision) -> Self {
        Self {
            decision,
            tools: every_tool(),
            min_effect: None,
            max_effect: None,
            arguments: Vec::new(),
            reason: None,
        }
    }

    /// It is about tools of which the name fits one of these patterns.
    #[must_use]
    pub fn tools<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.tools = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// It is about tools with this effect and graver ones.
    #[must_use]
    pub fn from_effect(mut self, effect: Effect) -> Self {
        self.min_effect = Some(effect);
        self
    }

    /// It is about tools with this effect and lighter ones.
    #[must_use]
    pub fn up_to_effect(mut self, effect: Effect) -> Self {
        self.max_effect = Some(effect);
        self
    }

    /// It is about calls with such an argument.
    #[must_use]
    pub fn argument(mut self, at: impl Into<String>, test: ArgumentTest) -> Self {
        self.arguments.push(ArgumentRule {
            at: at.into(),
            test,
        });
        self
    }

    /// Says why.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Whether it is about a call with these arguments.
    pub(crate) fn is_about(&self, request: &ApprovalRequest, arguments: &Value) -> bool {
        let spec = &request.spec;
        let fits = |pattern: &String| matches_pattern(pattern, &spec.name);
        self.min_effect.is_none_or(|min| spec.effect >= min)
            && self.max_effect.is_none_or(|max| spec.effect <= max)
            && self.tools.iter().any(fits)
            && self.arguments.iter().all(|rule| rule.holds(arguments))
    }

    /// The field that makes no sense, and why.
    pub(crate) fn problem(&self) -> Option<(String, &'static str)> {
        if self.tools.is_empty() {
            return Some((
                "tools".into(),
                "names no tool, so the rule would never hold",
            ));
        }
        if let (Some(min), Some(max)) = (self.min_effect, self.max_effect)
            && min > max
        {
            let problem = "is graver than `max_effect`, so the rule would never hold";
            return Some(("min_effect".into(), problem));
        }
        let is_pointer = |at: &str| at.is_empty() || at.starts_with('/');
        let wrong = self.arguments.iter().position(|rule| !is_pointer(&rule.at));
        wrong.map(|index| {
            let field = format!("arguments[{index}].at");
            (field, "is not a JSON pointer, which begins with `/`")
        })
    }
}

impl ArgumentRule {
    fn holds(&self, arguments: &Value) -> bool {
        let Some(found) = arguments.pointer(&self.at) else {
            return false;
        };
        match &self.test {
            ArgumentTest::Equals(value) => found == value,
            ArgumentTest::Prefix(prefix) => {
                found.as_str().is_some_and(|text| text.starts_with(prefix))
            }
            ArgumentTest::Matches(pattern) => found
                .as_str()
                .is_some_and(|text| matches_pattern(pattern, text)),
        }
    }
}

/// [`ArgumentRule`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArgumentRule {
    at: String,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    equals: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matches: Option<String>,
}

/// A value that is there, also if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl TryFrom<RawArgumentRule> for ArgumentRule {
    type Error = &'static str;

    fn try_from(raw: RawArgumentRule) -> Result<Self, Self::Error> {
        let test = match (raw.equals, raw.prefix, raw.matches) {
            (Some(value), None, None) => ArgumentTest::Equals(value),
            (None, Some(prefix), None) => ArgumentTest::Prefix(prefix),
            (None, None, Some(pattern)) => ArgumentTest::Matches(pattern),
            _ => return Err("needs exactly one of `equals`, `prefix` and `matches`"),
        };
        Ok(Self { at: raw.at, test })
    }
}

impl From<ArgumentRule> for RawArgumentRule {
    fn from(rule: ArgumentRule) -> Self {
        let mut raw = Self {
            at: rule.at,
            equals: None,
            prefix: None,
            matches: None,
        };
        match rule.test {
            ArgumentTest::Equals(value) => raw.equals = Some(value),
            ArgumentTest::Prefix(prefix) => raw.prefix = Some(prefix),
            ArgumentTest::Matches(pattern) => raw.matches = Some(pattern),
        }
        raw
    }
}

fn every_tool() -> Vec<String> {
    vec!["*".into()]
}

fn is_every_tool(patterns: &[String]) -> bool {
    patterns == ["*"]
}
