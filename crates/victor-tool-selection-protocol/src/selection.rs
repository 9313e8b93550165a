//! The outcome of a selection.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_core::ToolSpec;
use victor_core::wire::{Extra, FormatVersion};

/// The tools that a model is shown, and why each tool is shown or hidden.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Selection {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The name of the strategy that scored the tools.
    pub strategy: Arc<str>,
    /// The tools that are shown, in the order in which they were given, so that the provider's prompt cache holds. The
    /// list that was given itself, if all are.
    pub tools: Arc<[ToolSpec]>,
    /// Decisions about all tools, in the order in which they were given.
    pub decisions: Arc<[ToolDecision]>,
    /// Why the strategy could not be followed, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Selection {
    /// The selection that follows from decisions about `tools`, which are one for each and in their order.
    pub fn new(
        strategy: impl Into<Arc<str>>,
        tools: &Arc<[ToolSpec]>,
        decisions: impl Into<Arc<[ToolDecision]>>,
    ) -> Self {
        let decisions = decisions.into();
        if decisions.iter().all(|decision| decision.shown) {
            return Self::showing(strategy, tools.clone(), decisions);
        }
        let shown = tools
            .iter()
            .zip(decisions.iter())
            .filter(|(_, decision)| decision.shown)
            .map(|(tool, _)| tool.clone())
            .collect();
        Self::showing(strategy, shown, decisions)
    }

    /// The selection that shows these tools, which are those that the decisions show. It copies nothing.
    pub fn showing(
        strategy: impl Into<Arc<str>>,
        shown: Arc<[ToolSpec]>,
        decisions: impl Into<Arc<[ToolDecision]>>,
    ) -> Self {
        Self {
            version: FormatVersion,
            strategy: strategy.into(),
            tools: shown,
            decisions: decisions.into(),
            problem: None,
            extra: Extra::default(),
        }
    }

    /// Returns the decision about the tool of this name.
    #[must_use]
    pub fn decision(&self, tool: &str) -> Option<&ToolDecision> {
        self.decisions.iter().find(|decision| decision.tool == tool)
    }
}

/// Whether a tool is shown, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolDecision {
    /// The name of the tool.
    pub tool: String,
    /// Whether the model is shown it.
    pub shown: bool,
    /// Why.
    pub reason: SelectionReason,
    /// Score by the strategy, if the strategy was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ToolDecision {
    /// The tool is shown.
    pub fn shown(tool: impl Into<String>, reason: SelectionReason) -> Self {
        Self {
            tool: tool.into(),
            shown: true,
            reason,
            score: None,
            extra: Extra::default(),
        }
    }

    /// The tool is hidden.
    pub fn hidden(tool: impl Into<String>, reason: SelectionReason) -> Self {
        Self {
            shown: false,
            ..Self::shown(tool, reason)
        }
    }

    /// The same decision with the score of the tool.
    #[must_use]
    pub fn with_score(mut self, score: f32) -> Self {
        self.score = Some(score);
        self
    }
}

victor_core::open_string_enum! {
    /// Why a tool is shown or hidden.
    pub enum SelectionReason {
        /// Shown: it always is.
        Pinned = "pinned",
        /// Shown: the conversation has used it.
        Used = "used",
        /// Shown: the model asked for it.
        Requested = "requested",
        /// Shown: it is among those that fit best.
        Ranked = "ranked",
        /// Shown: it was before, and there is room, so that the list does not change without need.
        Kept = "kept",
        /// Shown: there is room for all, or nothing is known that tells them apart.
        Everything = "everything",
        /// Hidden: others fit better, and there is no more room.
        OverLimit = "over_limit",
        /// Hidden: it has nothing to do with the request.
        Irrelevant = "irrelevant",
    }
}
