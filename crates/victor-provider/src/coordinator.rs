//! The coordinator: where requests go.

use std::sync::Arc;

use victor_core::{Coordinator, Health, Lock, ModelId, contain_sync};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, CompletionStream, ProviderRouter, Route,
};

use crate::ProviderOptions;
use crate::attempts::Attempts;
use crate::target::Target;

/// Routes model calls to one provider, tries again what may pass, and switches on demand.
///
/// It has no tasks of its own and no session state, so it needs neither start nor end. Its health shows the last
/// error of the current provider until a request succeeds.
///
/// A provider that refuses a request as too long often names the model's window. That number is the window from then on,
/// in place of one that was assumed or stands in a table ([`CapabilitySource::Learned`]), until a request with more
/// tokens succeeds; a window that was declared stays unless it is larger. It is kept as long as the provider is current.
///
/// [`CapabilitySource::Learned`]: victor_provider_protocol::CapabilitySource::Learned
#[derive(Debug)]
pub struct ProviderCoordinator {
    current: Lock<Arc<Target>>,
    options: ProviderOptions,
}

impl ProviderCoordinator {
    /// Routes requests to `provider`; `model` answers those that name none.
    pub fn new(provider: Arc<dyn ChatProvider>, model: impl Into<ModelId>) -> Self {
        let options = ProviderOptions::default();
        Self {
            current: Lock::new(Arc::new(Target::new(provider, model.into()))),
            options,
        }
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(mut self, options: ProviderOptions) -> Self {
        self.options = options;
        self
    }

    fn current(&self) -> Arc<Target> {
        Arc::clone(&self.current.lock())
    }
}

impl Coordinator for ProviderCoordinator {
    fn name(&self) -> &str {
        "provider"
    }

    fn health(&self) -> Health {
        self.current().problems.health(self.name())
    }
}

impl ProviderRouter for ProviderCoordinator {
    fn stream_chat(&self, request: ChatRequest) -> CompletionStream {
        CompletionStream::new(Attempts::new(self.current(), request, self.options.clone()))
    }

    fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: ModelId) {
        let mut target = Target::new(provider, model);
        tracing::debug!(provider = target.name, model = %target.model, "switched provider");
        let previous = {
            let mut current = self.current.lock();
            // Another model of the same provider: what was learnt of its models still holds.
            if Arc::ptr_eq(&current.provider, &target.provider) {
                target.windows = Arc::clone(&current.windows);
            }
            std::mem::replace(&mut *current, Arc::new(target))
        };
        // Outside the lock: the last owner of a provider runs its `Drop`.
        drop(previous);
    }

    fn route(&self) -> Route {
        let current = self.current();
        Route::new(&current.name, current.model.clone())
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        let current = self.current();
        let mut capabilities =
            contain_sync(|| current.provider.capabilities(model)).unwrap_or_default();
        current.windows.correct(model, &mut capabilities);
        capabilities
    }
}
