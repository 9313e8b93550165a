//! The size of a context, and reports of compactions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The size of a context and of its parts.
///
/// All sizes are counts of the manager's counter, so that they can be compared and added up. The window alone is in the
/// provider's own tokens; [`calibration`](Self::calibration) leads from one to the other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContextStats {
    /// The number of messages.
    pub messages: usize,
    /// The tokens of the messages.
    pub tokens: u64,
    /// The tokens by the role of their message.
    pub tokens_by_role: BTreeMap<String, u64>,
    /// The tokens by what they are spent on: the kinds of [`Part`](victor_core::Part), such as `text`, `tool_call` and
    /// `tool_result`. A message of several parts is shared out among them by their lengths.
    #[serde(default)]
    pub tokens_by_part: BTreeMap<String, u64>,
    /// The tokens that were sent beside the context at the last model call, such as the system prompt and the tools.
    #[serde(default)]
    pub preamble: u64,
    /// The window that was last asked for, in the provider's tokens; unknown before the first model call.
    pub window: Option<u64>,
    /// The tokens that the model's provider reports for each counted token; `None` before it has reported any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<f64>,
    /// The report of the last compaction, if there was one.
    pub last_compaction: Option<CompactionReport>,
}

impl ContextStats {
    /// The share of the window that is used, by the context and what is sent beside it, where the window is known: 1.0
    /// is full. It is in the provider's tokens, as far as these are known.
    #[must_use]
    pub fn fill(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share needs no more than 53 bits"
        )]
        self.window.map(|window| {
            let tokens = self.tokens.saturating_add(self.preamble) as f64;
            tokens * self.calibration.unwrap_or(1.0) / window.max(1) as f64
        })
    }
}

/// The report of a compaction. Its sizes are counts, as those of [`ContextStats`] are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompactionReport {
    /// The strategy whose result was taken.
    pub strategy: String,
    /// The number of messages before.
    pub messages_before: usize,
    /// The number of messages after.
    pub messages_after: usize,
    /// The tokens before.
    pub tokens_before: u64,
    /// The tokens after.
    pub tokens_after: u64,
    /// Why another strategy's result was not taken, if that was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

impl CompactionReport {
    /// A compaction by `strategy` from so many `(messages, tokens)` to so many.
    pub fn new(strategy: impl Into<String>, before: (usize, u64), after: (usize, u64)) -> Self {
        Self {
            strategy: strategy.into(),
            messages_before: before.0,
            messages_after: after.0,
            tokens_before: before.1,
            tokens_after: after.1,
            fallback: None,
        }
    }
}
