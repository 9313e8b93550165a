//! The role of the configuration coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, SessionId};

use crate::{ConfigError, ConfigProvider, EffectiveConfig};

/// The role of the coordinator that knows what is configured. Called by the orchestrator, from many tasks at once.
///
/// A provider that fails, panics, takes too long or answers what are no settings is passed over, and shown in health
/// until it answers well again. A value that is no default has a [source](EffectiveConfig::source).
#[async_trait]
pub trait ConfigLoader: Coordinator {
    /// Returns the configuration of every session: everything but the answers of the providers. It stays the same.
    #[doc(alias = "get_config")]
    fn config(&self) -> Arc<EffectiveConfig>;

    /// Returns the configuration of one session.
    ///
    /// # Errors
    ///
    /// Every provider failed, and there is at least one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call drops the calls of the providers.
    async fn load_config(&self, session: &SessionId) -> Result<Arc<EffectiveConfig>, ConfigError>;

    /// Adds a provider, which is asked from now on.
    fn add_provider(&self, provider: Arc<dyn ConfigProvider>);
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`ConfigLoader`], made by mockall.
    #[derive(Debug)]
    pub ConfigLoader {}

    #[async_trait]
    impl Coordinator for ConfigLoader {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl ConfigLoader for ConfigLoader {
        fn config(&self) -> Arc<EffectiveConfig>;
        async fn load_config(&self, session: &SessionId) -> Result<Arc<EffectiveConfig>, ConfigError>;
        fn add_provider(&self, provider: Arc<dyn ConfigProvider>);
    }
}
