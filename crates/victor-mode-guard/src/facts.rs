//! The facts about modes that a session keeps in its metadata.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::{JsonMap, SessionId};
use victor_session_protocol::SessionInfo;

/// The key of a session's mode, among its metadata.
pub const MODE: &str = "victor_mode";

/// The key of the session that a nested one works for, among its metadata.
pub const NESTED_IN: &str = "victor_nested_in";

/// The session that another one is nested in, with the mode that it had then, which counts where the store has none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Parent {
    pub(crate) session: SessionId,
    pub(crate) mode: String,
}

impl Parent {
    pub(crate) fn of(info: Option<&SessionInfo>) -> Option<Self> {
        let parent = info?.metadata.get(NESTED_IN)?;
        serde_json::from_value(parent.clone()).ok()
    }
}

/// Returns the mode that the store has of a session.
pub(crate) fn stored_mode(info: Option<&SessionInfo>) -> Option<&str> {
    mode_in(&info?.metadata)
}

/// Returns the mode among facts.
pub(crate) fn mode_in(facts: &JsonMap) -> Option<&str> {
    facts.get(MODE).and_then(Value::as_str)
}
