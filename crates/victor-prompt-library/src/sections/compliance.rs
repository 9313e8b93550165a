//! Rules that the program must keep.

use async_trait::async_trait;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use crate::priority;

/// The rules for personal data where a program names none.
const PRIVACY: [&str; 4] = [
    "Keep personal data out of answers, files and calls of tools unless the task cannot be done without them.",
    "Show no more of a record than was asked for, and shorten what identifies a person, such as card numbers.",
    "Do not send data of persons to services that the user has not named.",
    "Say so where a task would break a law or a rule of the organisation, and do not do that part.",
];

/// Adds rules of compliance where they are required.
///
/// They are required where the fact `requires_compliance` is `true`, or always after [`always`](Self::always).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compliance {
    rules: Vec<String>,
    is_always: bool,
}

impl Compliance {
    /// Returns rules of the program's own.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            rules: rules.into_iter().map(Into::into).collect(),
            is_always: false,
        }
    }

    /// Returns rules for personal data, such as the GDPR and HIPAA are about.
    #[must_use]
    pub fn privacy() -> Self {
        Self::new(PRIVACY)
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// Requires the rules in every session, whatever the facts are.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.is_always = true;
        self
    }
}

#[async_trait]
impl PromptContributor for Compliance {
    fn name(&self) -> &str {
        "compliance"
    }

    fn priority(&self) -> i32 {
        priority::COMPLIANCE
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let is_required = self.is_always || cx.get_bool("requires_compliance") == Some(true);
        if !is_required || self.rules.is_empty() {
            return Ok(Contribution::nothing().with_stability(Stability::Session));
        }
        let mut text = "## Compliance\n\nThese rules hold whatever the task is:\n".to_owned();
        for rule in &self.rules {
            text += "\n- ";
            text += rule.trim();
        }
        let stability = match self.is_always {
            true => Stability::Process,
            false => Stability::Session,
        };
        Ok(Contribution::from(text).with_stability(stability))
    }
}
