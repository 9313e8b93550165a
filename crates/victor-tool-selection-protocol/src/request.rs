//! What tools are selected for.

use std::collections::BTreeSet;
use std::sync::Arc;

use victor_core::SessionId;

/// What tools are selected for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelectionRequest {
    /// The session.
    pub session: SessionId,
    /// What the user wants, in words.
    pub text: Arc<str>,
    /// How many tools the model is shown at most; the selector's own limit if absent.
    pub limit: Option<usize>,
    /// The names of the tools that the conversation has used. They stay, since the model can see the calls, and a list
    /// that changes costs the provider's prompt cache.
    pub used: Arc<BTreeSet<String>>,
}

impl SelectionRequest {
    /// A request in a conversation that has used no tools.
    pub fn new(session: SessionId, text: impl Into<Arc<str>>) -> Self {
        Self {
            session,
            text: text.into(),
            limit: None,
            used: Arc::default(),
        }
    }

    /// The same request with at most so many tools.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The same request in a conversation that has used these tools too.
    #[must_use]
    pub fn with_used<T: Into<String>>(mut self, used: impl IntoIterator<Item = T>) -> Self {
        Arc::make_mut(&mut self.used).extend(used.into_iter().map(Into::into));
        self
    }
}
