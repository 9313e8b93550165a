//! Rules for code.

use async_trait::async_trait;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use super::task_hints::TaskKind;
use crate::priority;

/// Tells the model how code is to be written.
///
/// The section is there unless the fact `task` names a kind of task that is not about code ([`TaskKind::is_code`]).
///
/// ```
/// use victor_prompt_library::CodeStyle;
/// # use victor_prompt_library::protocol::{PromptContext, PromptContributor};
///
/// let style = CodeStyle::new().max_line_length(100).indentation("4 spaces").naming("PEP 8");
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let text = style.get_contribution(&PromptContext::from_iter([("task", "code_generation")])).await?;
/// assert!(text.text().contains("- Indent by 4 spaces."));
/// let text = style.get_contribution(&PromptContext::from_iter([("task", "research")])).await?;
/// assert_eq!(text.text(), "");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeStyle {
    rules: Vec<String>,
}

impl CodeStyle {
    /// Returns a style without rules, to which they are added.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the longest line, in characters.
    #[must_use]
    pub fn max_line_length(self, characters: u32) -> Self {
        self.rule(format!("Keep lines within {characters} characters."))
    }

    /// Sets the indentation, such as `4 spaces` or `tabs`.
    #[must_use]
    pub fn indentation(self, indentation: impl AsRef<str>) -> Self {
        self.rule(format!("Indent by {}.", indentation.as_ref()))
    }

    /// Sets the convention for names, such as `PEP 8` or `snake_case`.
    #[must_use]
    pub fn naming(self, convention: impl AsRef<str>) -> Self {
        self.rule(format!("Name things by {}.", convention.as_ref()))
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rules.push(rule.into());
        self
    }
}

#[async_trait]
impl PromptContributor for CodeStyle {
    fn name(&self) -> &str {
        "code_style"
    }

    fn priority(&self) -> i32 {
        priority::CODE_STYLE
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let kind = cx.get_str("task").and_then(TaskKind::of);
        let is_code = kind.is_none_or(TaskKind::is_code);
        if !is_code || self.rules.is_empty() {
            return Ok(Contribution::nothing().with_stability(Stability::Session));
        }
        let mut text =
            "## Code style\n\nWhere the code around it does not do otherwise:\n".to_owned();
        for rule in &self.rules {
            text += "\n- ";
            text += rule.trim();
        }
        Ok(Contribution::from(text).with_stability(Stability::Session))
    }
}
