//! How prompts are built.

use std::time::Duration;

/// How the coordinator builds prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptOptions {
    /// How long one contributor may take; then it is left out. 5 s by default. Contributors are asked side by side, so
    /// a prompt takes no longer than this.
    pub contributor_time_limit: Duration,
    /// How many different texts are remembered, the ones used last, so that equal prompts share one. 32 by default.
    pub shared_texts: usize,
}

impl Default for PromptOptions {
    fn default() -> Self {
        Self {
            contributor_time_limit: Duration::from_secs(5),
            shared_texts: 32,
        }
    }
}
