//! The identity of the agent.

use async_trait::async_trait;
use victor_prompt_protocol::{
    BASE_SECTION, Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use crate::priority;

/// Tells the model who it is: a name, and what it does.
///
/// ```
/// use victor_prompt_library::Identity;
/// # use victor_prompt_library::protocol::{PromptContext, PromptContributor};
///
/// let identity = Identity::new("Ada", "an agent that reviews Rust code").rule("Never push to a branch of others.");
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let text = identity.get_contribution(&PromptContext::new()).await?;
/// assert_eq!(text.text(), "You are Ada, an agent that reviews Rust code.\n\n- Never push to a branch of others.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: String,
    does: String,
    rules: Vec<String>,
    replaces_base: bool,
}

impl Identity {
    /// Returns the identity of an agent with a name, and with what it is in words that continue "You are NAME, ".
    #[must_use]
    pub fn new(name: impl Into<String>, does: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            does: does.into(),
            rules: Vec::new(),
            replaces_base: false,
        }
    }

    /// Puts the identity in place of the base prompt. Without it, it stands behind the base prompt.
    #[must_use]
    pub fn replacing_base(mut self) -> Self {
        self.replaces_base = true;
        self
    }

    /// Adds a rule by which it works.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rules.push(rule.into());
        self
    }
}

#[async_trait]
impl PromptContributor for Identity {
    fn name(&self) -> &str {
        "identity"
    }

    fn priority(&self) -> i32 {
        priority::IDENTITY
    }

    async fn get_contribution(&self, _cx: &PromptContext) -> Result<Contribution, PromptError> {
        let mut text = format!("You are {}, {}.", self.name.trim(), self.does.trim());
        if !self.rules.is_empty() {
            text += "\n";
        }
        for rule in &self.rules {
            text += "\n- ";
            text += rule.trim();
        }
        let contribution = Contribution::from(text).with_stability(Stability::Process);
        Ok(match self.replaces_base {
            true => contribution.replace_section(BASE_SECTION),
            false => contribution,
        })
    }
}
