//! The modes of a session.

use async_trait::async_trait;
use victor_mode_protocol::Mode;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use crate::priority;

/// Tells the model which modes there are and what they mean for it; and the one that the session is in, where the fact
/// `mode` names it.
///
/// `victor-orchestrator` passes no such fact: a mode may be switched within a turn, so it puts the prompt of the mode
/// behind the system prompt before each call of the model. A program with its own loop passes the fact.
///
/// ```
/// use victor_prompt_library::ModeGuide;
/// use victor_prompt_library::mode::Mode;
/// # use victor_prompt_library::protocol::{PromptContext, PromptContributor};
///
/// let guide = ModeGuide::new([Mode::build(), Mode::plan()]);
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let text = guide.get_contribution(&PromptContext::from_iter([("mode", "plan")])).await?;
/// assert!(text.text().contains("- `plan`: "));
/// assert!(text.text().contains("The session is in mode `plan`. You are in plan mode."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModeGuide {
    modes: Vec<Mode>,
}

impl ModeGuide {
    /// Returns a guide to these modes.
    #[must_use]
    pub fn new(modes: impl IntoIterator<Item = Mode>) -> Self {
        Self {
            modes: modes.into_iter().collect(),
        }
    }
}

#[async_trait]
impl PromptContributor for ModeGuide {
    fn name(&self) -> &str {
        "modes"
    }

    fn priority(&self) -> i32 {
        priority::MODES
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        if self.modes.is_empty() {
            return Ok(Contribution::nothing().with_stability(Stability::Session));
        }
        let mut text = "## Modes\n\nThe mode of the session decides which tools may run, and refuses the others \
                        whatever was said before. If the task needs another mode, ask the user for it.\n"
            .to_owned();
        for mode in &self.modes {
            text += &format!("\n- `{}`: {}", mode.name, mode.description);
        }
        let current = cx.get_str("mode").map(str::trim);
        let current = current
            .and_then(|name| (self.modes.iter()).find(|mode| mode.name.eq_ignore_ascii_case(name)));
        if let Some(mode) = current {
            let told = format!(
                "\n\nThe session is in mode `{}`. {}",
                mode.name, mode.prompt
            );
            text += told.trim_end();
        }
        Ok(Contribution::from(text).with_stability(Stability::Session))
    }
}
