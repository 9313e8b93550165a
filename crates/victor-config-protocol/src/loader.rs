//! The role of the configuration coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::{Coordinator, SessionId};

use crate::{
    ConfigChange, ConfigError, ConfigFuture, ConfigObserver, ConfigProvider, ConfigSource,
    EffectiveConfig,
};

/// The role of the coordinator that knows what is configured. Called by the orchestrator, from many tasks at once.
///
/// A provider that fails, panics, takes too long or answers what are no settings is passed over, and shown in health
/// until it answers well again. A value that is no default has a [source](EffectiveConfig::source).
///
/// What providers answer may be cached. [`reset`](Coordinator::reset) forgets what is cached of a session;
/// [`reload`](Self::reload) and [`add_provider`](Self::add_provider) forget what is cached of all.
#[async_trait]
pub trait ConfigLoader: Coordinator {
    /// Returns the configuration of every session: everything but the answers of the providers. It stays the same until
    /// a [`reload`](Self::reload) finds other values.
    #[doc(alias = "get_config")]
    fn config(&self) -> Arc<EffectiveConfig>;

    /// Returns the configuration of one session, from the cache or from the providers.
    ///
    /// # Errors
    ///
    /// Every provider failed, and there is at least one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call drops the calls of the providers.
    fn load_config<'a>(&'a self, session: &'a SessionId) -> ConfigFuture<'a>;

    /// Adds a provider, which is asked from now on.
    fn add_provider(&self, provider: Arc<dyn ConfigProvider>);

    /// Reads all sources again and puts their values in force, all at once, and returns what has changed. Sessions have
    /// them from their next turn on. By default there is nothing to read.
    ///
    /// # Errors
    ///
    /// A source is wrong or cannot be read. The old values stay in force, and health shows the error until a reload
    /// succeeds.
    async fn reload(&self) -> Result<ConfigChange, ConfigError> {
        let config = self.config();
        Ok(ConfigChange::between(config.clone(), config))
    }

    /// Adds an observer, which hears of every later change. By default there is none to hear of.
    fn subscribe(&self, observer: Arc<dyn ConfigObserver>) {
        drop(observer);
    }

    /// Takes note of a value that the program uses where no session has its own, such as the model that requests go to,
    /// so that [`EffectiveConfig::get`] tells it. By default nothing is noted.
    fn note_in_use(&self, key: &str, value: Value, source: ConfigSource) {
        let _ = (key, value, source);
    }
}

#[cfg(feature = "mock")]
pub use mock::MockConfigLoader;

#[cfg(feature = "mock")]
mod mock {
    use super::*;

    mockall::mock! {
        /// A mock of [`ConfigLoader`], made by mockall.
        #[derive(Debug)]
        pub ConfigLoader {
            /// Stands for [`ConfigLoader::config`].
            pub fn config(&self) -> Arc<EffectiveConfig>;
            /// Stands for [`ConfigLoader::load_config`], whose answer is ready at once.
            pub fn load_config(&self, session: &SessionId) -> Result<Arc<EffectiveConfig>, ConfigError>;
            /// Stands for [`ConfigLoader::add_provider`].
            pub fn add_provider(&self, provider: Arc<dyn ConfigProvider>);
            /// Stands for [`ConfigLoader::reload`], whose answer is ready at once.
            pub fn reload(&self) -> Result<ConfigChange, ConfigError>;
            /// Stands for [`ConfigLoader::subscribe`].
            pub fn subscribe(&self, observer: Arc<dyn ConfigObserver>);
            /// Stands for [`ConfigLoader::note_in_use`].
            pub fn note_in_use(&self, key: &str, value: Value, source: ConfigSource);
        }

        #[async_trait]
        impl Coordinator for ConfigLoader {
            fn name(&self) -> &str;
            async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
            fn health(&self) -> victor_core::Health;
            fn reset(&self, session: &victor_core::SessionId);
            async fn shutdown(&self);
        }
    }

    // By hand, since mockall cannot return a type that borrows. Each method calls the one of the same name above.
    #[async_trait]
    impl ConfigLoader for MockConfigLoader {
        fn config(&self) -> Arc<EffectiveConfig> {
            Self::config(self)
        }

        fn load_config<'a>(&'a self, session: &'a SessionId) -> ConfigFuture<'a> {
            ConfigFuture::ready(Self::load_config(self, session))
        }

        fn add_provider(&self, provider: Arc<dyn ConfigProvider>) {
            Self::add_provider(self, provider);
        }

        async fn reload(&self) -> Result<ConfigChange, ConfigError> {
            Self::reload(self)
        }

        fn subscribe(&self, observer: Arc<dyn ConfigObserver>) {
            Self::subscribe(self, observer);
        }

        fn note_in_use(&self, key: &str, value: Value, source: ConfigSource) {
            Self::note_in_use(self, key, value, source);
        }
    }
}
