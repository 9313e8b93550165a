//! The approval policy that goes by rules.

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use victor_core::SessionId;
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, ApprovalScope, Verdict};

use super::question::question;
use crate::{Decision, Rule, StandingApprovals};

/// Decides by rules, of which the first that is about a call counts; where none is, a default does.
///
/// So what is special stands above what is general: an exception to a denial above it, a denial without exceptions at
/// the top. A person's [`StandingApprovals`] take the place of a question and of nothing else: what a rule denies stays
/// denied.
///
/// It is data, and can be written in any form that serde reads:
///
/// ```
/// use victor_tool::RulePolicy;
///
/// let policy: RulePolicy = toml::from_str(r#"
///     default = "ask"
///
///     [[rules]]
///     decision = "deny"
///     tools = ["*"]
///     arguments = [{ at = "/path", matches = "*.env" }]
///     reason = "keys are kept there"
///
///     [[rules]]
///     decision = "allow"
///     max_effect = "read_only"
///
///     [[rules]]
///     decision = "allow"
///     tools = ["write_file", "edit_file"]
///     arguments = [{ at = "/path", prefix = "docs/" }]
/// "#)?;
///
/// let mistaken = toml::from_str::<RulePolicy>(r#"
///     rules = [{ decision = "allow" }, { decision = "alow", tools = ["read_*"] }]
/// "#);
/// let error = mistaken.unwrap_err().to_string();
/// assert!(error.contains("rule 2, `decision`: unknown variant `alow`"), "{error}");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RulePolicy {
    default: Decision,
    rules: Vec<Rule>,
    #[serde(skip)]
    standing: StandingApprovals,
}

/// A rule that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}, `{field}`: {problem}")]
#[non_exhaustive]
pub struct RuleError {
    /// The number of the rule, counted from 1.
    pub rule: usize,
    /// The field, by its path; `.` if the rule as a whole is wrong.
    pub field: String,
    /// The mistake.
    pub problem: String,
}

impl RulePolicy {
    /// Decides by these rules, and by the default where none of them is about a call.
    ///
    /// # Errors
    ///
    /// A rule could never hold, or says where an argument stands in a form that is no JSON pointer.
    pub fn new(
        default: Decision,
        rules: impl IntoIterator<Item = Rule>,
    ) -> Result<Self, RuleError> {
        let rules: Vec<Rule> = rules.into_iter().collect();
        for (index, rule) in rules.iter().enumerate() {
            if let Some((field, problem)) = rule.problem() {
                return Err(RuleError {
                    rule: index + 1,
                    field,
                    problem: problem.to_owned(),
                });
            }
        }
        Ok(Self {
            default,
            rules,
            standing: StandingApprovals::default(),
        })
    }

    /// Uses these standing approvals, which others may hold too, to store them for instance.
    #[must_use]
    pub fn with_standing(mut self, standing: StandingApprovals) -> Self {
        self.standing = standing;
        self
    }
}

#[async_trait]
impl ApprovalPolicy for RulePolicy {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        // The executor has read them before.
        let arguments = request.call.parse_arguments().unwrap_or_default();
        let arguments = Value::Object(arguments);
        let mut rules = self.rules.iter().enumerate();
        let found = rules.find(|(_, rule)| rule.is_about(request, &arguments));
        let decision = found.map_or(self.default, |(_, rule)| rule.decision);
        let reason = found.and_then(|(_, rule)| rule.reason.as_deref());
        let because = reason
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        match decision {
            Decision::Allow => Verdict::Run,
            Decision::Ask if self.standing.covers(request) => Verdict::Run,
            Decision::Ask => Verdict::ask(question(request) + &because),
            Decision::Deny => {
                let by = match found {
                    Some((index, _)) => format!("by rule {}", index + 1),
                    None => "since no rule allows it".to_owned(),
                };
                Verdict::Deny {
                    reason: format!(
                        "this call of `{}` is not allowed here, {by}{because}: do without it, or say what it would be \
                         needed for",
                        request.spec.name
                    ),
                }
            }
        }
    }

    fn approved(&self, request: &ApprovalRequest, scope: ApprovalScope) {
        self.standing.remember(request, scope);
    }

    fn forget(&self, session: &SessionId) {
        self.standing.forget(session);
    }
}

impl<'de> Deserialize<'de> for RulePolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The rules are read one by one, so that every error says in which of them it is.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            #[serde(default)]
            default: Decision,
            #[serde(default)]
            rules: Vec<Value>,
        }
        let raw = Raw::deserialize(deserializer)?;
        let read = |(index, rule): (usize, Value)| {
            serde_path_to_error::deserialize::<_, Rule>(rule).map_err(|error| RuleError {
                rule: index + 1,
                field: error.path().to_string(),
                problem: error.inner().to_string(),
            })
        };
        let rules: Result<Vec<Rule>, _> = raw.rules.into_iter().enumerate().map(read).collect();
        rules
            .and_then(|rules| Self::new(raw.default, rules))
            .map_err(de::Error::custom)
    }
}
