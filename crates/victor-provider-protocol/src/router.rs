//! The role of the provider coordinator.

use std::sync::Arc;

use victor_core::{Coordinator, ModelId, SessionId};

use crate::{Capabilities, ChatProvider, ChatRequest, CompletionStream, LedgerReader};

/// The role of the coordinator between the turns and the providers: it chooses, retries, and switches.
///
/// It holds the one retry loop of Victor. Called by the orchestrator from many tasks at once.
pub trait ProviderRouter: Coordinator {
    /// Asks the current provider, again if an attempt fails in a way that
    /// [may pass](crate::ProviderErrorKind::is_transient).
    ///
    /// The stream does all the work while it is polled, and tells of further attempts by
    /// [`CompletionEvent::Retrying`](crate::CompletionEvent::Retrying). What somebody has seen of an attempt (text, and
    /// thoughts unless it knows that nobody is shown these) is
    /// [withdrawn](crate::CompletionEvent::Withdrawn) before another one, or there is none; it is never shown twice in
    /// silence. The request goes to the provider that is current when this is called, also if another one is switched
    /// to while it runs. A request without a model goes to the current one, so that provider and model are taken
    /// together, whatever is switched in the meantime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream ends the attempt that runs, or the wait for the next.
    fn stream_chat(&self, request: ChatRequest) -> CompletionStream;

    /// Sends all further requests to another provider and model, except those of sessions that were
    /// [switched](Self::switch_session) by themselves.
    fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: ModelId);

    /// Sends all further requests of one session to another provider and model, until it is reset.
    fn switch_session(&self, session: &SessionId, provider: Arc<dyn ChatProvider>, model: ModelId);

    /// Returns the current provider and model.
    fn route(&self) -> Route;

    /// Returns the current provider and model of a session.
    fn session_route(&self, session: &SessionId) -> Route;

    /// Returns the capabilities of a model, as the current provider knows them, corrected by its refusals: a window
    /// that the provider names when it refuses a request as too long is the model's window from then on
    /// ([`CapabilitySource::Learned`](crate::CapabilitySource::Learned)).
    fn capabilities(&self, model: &ModelId) -> Capabilities;

    /// Returns the [capabilities](Self::capabilities) of a model, as the current provider of a session knows them.
    fn session_capabilities(&self, session: &SessionId, model: &ModelId) -> Capabilities;

    /// Returns the ledger, which records every attempt; `None` if the router keeps none. Defaults to `None`.
    fn ledger(&self) -> Option<Arc<dyn LedgerReader>> {
        None
    }
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
        fn reset(&self, session: &SessionId);
        async fn shutdown(&self);
    }

    #[async_trait::async_trait]
    impl ProviderRouter for ProviderRouter {
        fn stream_chat(&self, request: ChatRequest) -> CompletionStream;
        fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: ModelId);
        fn switch_session(&self, session: &SessionId, provider: Arc<dyn ChatProvider>, model: ModelId);
        fn route(&self) -> Route;
        fn session_route(&self, session: &SessionId) -> Route;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
        fn session_capabilities(&self, session: &SessionId, model: &ModelId) -> Capabilities;
        fn ledger(&self) -> Option<Arc<dyn LedgerReader>>;
    }
}
