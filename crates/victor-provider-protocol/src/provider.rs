//! The extension point for model APIs.

use std::fmt;

use async_trait::async_trait;
use victor_core::ModelId;

use crate::{Capabilities, ChatRequest, Completion, CompletionStream, ProviderError};

/// A model API.
///
/// Implemented by adapters; called by the [`ProviderRouter`](crate::ProviderRouter), from many tasks at once.
///
/// A provider makes one attempt and reports what came of it: it never retries, because the router does, and two
/// retry loops multiply. It keeps thinking signatures and encrypted reasoning byte for byte, and releases a tool call
/// only once its arguments have come whole. Until then it yields
/// [`CompletionEvent::Working`](crate::CompletionEvent::Working) whenever something arrives that brings nothing to
/// show, because the router ends an answer that is silent for too long.
///
/// # Cancel safety
///
/// Dropping a call or its stream ends the request. Nothing else needs to be undone; what was used until then is
/// billed and lost to the count.
#[cfg_attr(not(feature = "mock"), doc(alias = "BaseProvider"))]
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChatProvider: fmt::Debug + Send + Sync + 'static {
    /// Returns the provider's name, for example `anthropic`.
    fn name(&self) -> &str;

    /// Returns the name with those of the layers around it, for health and logs: `cached, hedged, openai`.
    fn description(&self) -> String {
        self.name().to_owned()
    }

    /// Asks the model, and returns the answer while it is being written.
    ///
    /// # Errors
    ///
    /// What can be known before the first event; what goes wrong later is an item of the stream, and its last.
    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError>;

    /// Asks the model, and returns the answer when it is whole.
    ///
    /// # Errors
    ///
    /// Those of [`stream_chat`](Self::stream_chat) and of its stream.
    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        self.stream_chat(request).await?.completion().await
    }

    /// Returns the model that is asked where none is chosen; none if one must be chosen.
    fn default_model(&self) -> Option<ModelId> {
        None
    }

    /// Returns the capabilities of a model. Does no I/O: a provider that must ask for them does so when it is built.
    fn capabilities(&self, model: &ModelId) -> Capabilities;
}

#[deny(clippy::missing_trait_methods)]
impl<T: ChatProvider + ?Sized> ChatProvider for std::sync::Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn description(&self) -> String;
        async fn stream_chat<'a>(
            &self,
            request: &'a ChatRequest,
        ) -> Result<CompletionStream, ProviderError>;
        async fn chat<'a>(&self, request: &'a ChatRequest) -> Result<Completion, ProviderError>;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }
}
