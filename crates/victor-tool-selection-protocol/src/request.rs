//! The request for a selection.

use std::collections::BTreeSet;
use std::sync::Arc;

use victor_core::SessionId;

/// Request for the tools that a model is shown in one call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelectionRequest {
    /// Session of the call.
    pub session: SessionId,
    /// Text of the user's request.
    pub text: Arc<str>,
    /// Name of the strategy, where the session has one of its own. Defaults to the selector's.
    pub strategy: Option<Arc<str>>,
    /// Weight of meaning against words in a strategy that uses both, from 0 to 1. Defaults to the strategy's.
    pub hybrid_alpha: Option<f32>,
    /// Maximum number of tools that the model is shown. Defaults to the selector's.
    pub limit: Option<usize>,
    /// Names of the tools that the conversation has used. They stay, since the model can see the calls, and a list
    /// that changes costs the provider's prompt cache.
    pub used: Arc<BTreeSet<String>>,
}

impl SelectionRequest {
    /// Returns a request in a conversation that has used no tools, with the selector's own strategy and limit.
    pub fn new(session: SessionId, text: impl Into<Arc<str>>) -> Self {
        Self {
            session,
            text: text.into(),
            strategy: None,
            hybrid_alpha: None,
            limit: None,
            used: Arc::default(),
        }
    }

    /// Sets the name of the strategy.
    #[must_use]
    pub fn with_strategy(mut self, strategy: impl Into<Arc<str>>) -> Self {
        self.strategy = Some(strategy.into());
        self
    }

    /// Sets the weight of meaning against words.
    #[must_use]
    pub fn with_hybrid_alpha(mut self, alpha: f32) -> Self {
        self.hybrid_alpha = Some(alpha);
        self
    }

    /// Sets the maximum number of tools.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Adds tools that the conversation has used.
    #[must_use]
    pub fn with_used<T: Into<String>>(mut self, used: impl IntoIterator<Item = T>) -> Self {
        Arc::make_mut(&mut self.used).extend(used.into_iter().map(Into::into));
        self
    }
}
