//! The prompts that a session was held with.

use std::sync::Arc;

use serde_json::Value;
use victor_prompt_protocol::PromptHistory;
use victor_session_protocol::SessionInfo;

/// The prompts that a session was held with, and whether the store has them.
#[derive(Debug, Default)]
pub(crate) struct PromptMemory {
    /// The text of the last one, if this process has built it.
    pub(crate) last: Option<Arc<str>>,
    pub(crate) history: PromptHistory,
    pub(crate) is_unsaved: bool,
}

impl PromptMemory {
    /// Returns what the store has of a session.
    pub(crate) fn of(info: Option<&SessionInfo>) -> Option<Box<Self>> {
        let stored = info?.metadata.get(PromptHistory::KEY)?;
        let history = serde_json::from_value(stored.clone()).ok()?;
        Some(Box::new(Self {
            history,
            ..Self::default()
        }))
    }

    /// Returns the fact that the next write of the session must save.
    pub(crate) fn unsaved(&self) -> Option<Value> {
        let history = self.is_unsaved.then_some(&self.history)?;
        serde_json::to_value(history).ok()
    }
}
