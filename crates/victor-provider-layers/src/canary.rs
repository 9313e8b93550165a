//! A share of the sessions to another provider.

use async_trait::async_trait;
use victor_core::ModelId;
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionStream, ProviderError,
};

use crate::hash::fixed_hash;

/// Sends a share of the sessions to another provider or model, to try it on a few before all.
///
/// A session stays where its first request went, also in another process: the choice follows from its name. Requests
/// without a session go to the stable provider.
#[derive(Debug)]
pub struct Canary<P, C> {
    stable: P,
    canary: C,
    model: Option<ModelId>,
    /// Sessions out of 10,000.
    share: u64,
}

impl<P: ChatProvider, C: ChatProvider> Canary<P, C> {
    /// Sends `percent` of the sessions to `canary`, from 0 to 100, and the others to `stable`.
    pub fn new(stable: P, canary: C, percent: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped, and not a number becomes 0"
        )]
        let share = (percent.clamp(0.0, 100.0) * 100.0).round() as u64;
        Self {
            stable,
            canary,
            model: None,
            share,
        }
    }

    /// Asks this model of the canary, in place of the one that a request names.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<ModelId>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Whether a session goes to the canary.
    fn takes(&self, request: &ChatRequest) -> bool {
        let Some(session) = &request.session else {
            return false;
        };
        fixed_hash(session.as_str()) % 10_000 < self.share
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: ChatProvider, C: ChatProvider> ChatProvider for Canary<P, C> {
    fn name(&self) -> &str {
        self.stable.name()
    }

    fn description(&self) -> String {
        let (stable, canary) = (self.stable.description(), self.canary.description());
        format!("canary {canary}, {stable}")
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        if !self.takes(request) {
            return self.stable.stream_chat(request).await;
        }
        match &self.model {
            Some(model) => {
                let mut request = request.clone();
                request.model = Some(model.clone());
                self.canary.stream_chat(&request).await
            }
            None => self.canary.stream_chat(request).await,
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        self.stream_chat(request).await?.completion().await
    }

    fn default_model(&self) -> Option<ModelId> {
        self.stable.default_model()
    }

    /// The smaller of the two windows and the abilities that both have, since the session is not known here.
    fn capabilities(&self, model: &ModelId) -> Capabilities {
        let mut stable = self.stable.capabilities(model);
        let canary = self
            .canary
            .capabilities(self.model.as_ref().unwrap_or(model));
        let smaller = |left: Option<u64>, right: Option<u64>| match (left, right) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        };
        stable.context_window = smaller(stable.context_window, canary.context_window);
        stable.max_output_tokens = smaller(stable.max_output_tokens, canary.max_output_tokens);
        stable.tools &= canary.tools;
        stable.images &= canary.images;
        stable.documents &= canary.documents;
        stable.thinking &= canary.thinking;
        stable.structured_output &= canary.structured_output;
        stable.prompt_caching &= canary.prompt_caching;
        stable
    }
}
