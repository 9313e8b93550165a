//! The keys under which the orchestrator keeps facts in the metadata of a session.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::SessionId;
use victor_session_protocol::SessionInfo;

/// The mode of the session.
pub(crate) const MODE: &str = "victor_mode";

/// The session of the agent that this one works for, as a [`Parent`].
pub(crate) const NESTED_IN: &str = "victor_nested_in";

/// The checkpoint that the session was forked from.
pub(crate) const FORK_OF: &str = "victor_fork_of";

/// The part of the transcript that the model sees, as a [`ContextView`](super::ContextView); all of it if absent.
pub(crate) const VIEW: &str = "victor_context";

/// The same in the form of earlier versions: a checkpoint, which may have been pruned since.
pub(crate) const CHECKPOINT_VIEW: &str = "victor_context_base";

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
    info?.metadata.get(MODE).and_then(Value::as_str)
}
