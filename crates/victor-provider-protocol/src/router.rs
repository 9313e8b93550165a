//! The role of the provider coordinator.

use std::sync::Arc;

use victor_core::{Coordinator, ModelId};

use crate::{Capabilities, ChatProvider, ChatRequest, CompletionStream};

/// The role of the coordinator between the turns and the providers: it chooses, retries, and switches.
///
/// It holds the one retry loop of Victor. Called by the orchestrator from many tasks at once.
pub trait ProviderRouter: Coordinator {
    /// Asks the current provider, again if an attempt fails in a way that
    /// [may pass](crate::ProviderErrorKind::is_transient).
    ///
    /// The stream does all the work while it is polled, and tells of further attempts by
    /// [`CompletionEvent::Retrying`](crate::CompletionEvent::Retrying). It makes no further attempt once it has
    /// yielded what somebody sees: text, and thoughts unless it knows that nobody is shown these. The request goes to the provider that is current when this is called, also if
    /// another one is switched to while it runs. A request without a model goes to the current one, so that
    /// provider and model are taken together, whatever is switched in the meantime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream ends the attempt that runs, or the wait for the next.
    fn stream_chat(&self, request: ChatRequest) -> CompletionStream;

    /// Sends all further requests to another provider and model.
    fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: ModelId);

    /// Returns the current provider and model.
    fn route(&self) -> Route;

    /// Returns the capabilities of a model, as the current provider knows them, corrected by its refusals: a window
    /// that the provider names when it refuses a request as too long is the model's window from then on
    /// ([`CapabilitySource::Learned`](crate::CapabilitySource::Learned)).
    fn capabilities(&self, model: &ModelId) -> Capabilities;
}

/// The provider and model to which requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The name of the provider.
    pub provider: String,
    /// The model.
    pub model: ModelId,
}

impl Route {
    /// A route to `model` of `provider`.
    pub fn new(provider: impl Into<String>, model: ModelId) -> Self {
        Self {
            provider: provider.into(),
            model,
        }
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`ProviderRouter`], made by mockall.
    #[derive(Debug)]
    pub ProviderRouter {}

    #[async_trait::async_trait]
    impl Coordinator for ProviderRouter {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait::async_trait]
    impl ProviderRouter for ProviderRouter {
        fn stream_chat(&self, request: ChatRequest) -> CompletionStream;
        fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: ModelId);
        fn route(&self) -> Route;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }
}
