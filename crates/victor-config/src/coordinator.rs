//! The coordinator of configuration.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_config_protocol::{
    ConfigChange, ConfigError, ConfigFuture, ConfigLoader, ConfigObserver, ConfigProvider,
    ConfigSource, EffectiveConfig,
};
use victor_core::{Coordinator, Health, Lock, SessionId};

use crate::shared::Shared;
use crate::sources::Sources;
use crate::watch::Watch;
use crate::{ConfigCoordinatorBuilder, ConfigOptions, Explanation};

/// Knows what is configured, in general and for each session, and where every value came from.
///
/// Providers are asked highest priority first. One that fails, panics, takes too long or answers with unknown keys or
/// values that do not fit is passed over, and health is degraded until it answers well again. Only if all of them fail
/// is there an error. A provider's value for a setting that is not read for each session is ignored, and health and
/// [`Explanation`] say so.
///
/// The configuration of a session is cached for a [time](ConfigOptions::cache_ttl), unless a provider has failed. It is
/// asked for anew after a [`reset`](Coordinator::reset) of the session, a [`reload`](ConfigLoader::reload), or when a
/// provider is added.
///
/// A reload reads all files again, on request or when they [change](ConfigOptions::watch_interval). Everything is
/// checked before it is put in force at once; where something is wrong, the old values stay and health says so.
/// Settings that are read once keep the value with which the program has started, and health names them.
///
/// ```
/// use victor_config::ConfigCoordinator;
/// use victor_config_protocol::ConfigLoader;
///
/// let config = ConfigCoordinator::builder().set("model", "claude-sonnet-4-5").build()?;
/// assert_eq!(config.config().settings.model, Some("claude-sonnet-4-5".into()));
/// # Ok::<(), victor_config_protocol::ConfigError>(())
/// ```
#[derive(Debug, Default)]
pub struct ConfigCoordinator {
    shared: Arc<Shared>,
    watch: Lock<Option<Watch>>,
}

impl ConfigCoordinator {
    /// A coordinator of the default settings, on which these providers build.
    #[must_use]
    pub fn new<const N: usize>(providers: [Arc<dyn ConfigProvider>; N]) -> Self {
        let coordinator = Self::default();
        for provider in providers {
            coordinator.add_provider(provider);
        }
        coordinator
    }

    /// Puts a coordinator together from files, environment, code and providers.
    #[must_use]
    pub fn builder() -> ConfigCoordinatorBuilder {
        ConfigCoordinatorBuilder::default()
    }

    pub(crate) fn from_sources(
        sources: Sources,
        options: ConfigOptions,
    ) -> Result<Self, ConfigError> {
        let interval = options.watch_interval;
        let shared = Arc::new(Shared::new(sources, options)?);
        let watch = interval.and_then(|interval| shared.watch(interval));
        Ok(Self {
            shared,
            watch: Lock::new(watch),
        })
    }

    /// Returns the value of a key for every session, and its source. For a single session, ask
    /// [`Explanation::of`] its configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`], if there is no such setting and the program has no such value.
    pub fn explain(&self, key: &str) -> Result<Explanation, ConfigError> {
        Explanation::of(&self.config(), key)
    }

    /// Returns the values of all keys for every session, and their sources.
    #[must_use]
    pub fn explain_all(&self) -> Vec<Explanation> {
        Explanation::all(&self.config())
    }
}

#[async_trait]
impl Coordinator for ConfigCoordinator {
    fn name(&self) -> &str {
        "config"
    }

    fn health(&self) -> Health {
        self.shared.problems.health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.shared.cache.lock().forget(session);
    }

    fn evict(&self, session: &SessionId) {
        self.shared.cache.lock().forget(session);
    }

    async fn shutdown(&self) {
        *self.watch.lock() = None;
    }
}

#[async_trait]
impl ConfigLoader for ConfigCoordinator {
    fn config(&self) -> Arc<EffectiveConfig> {
        self.shared.config()
    }

    fn load_config<'a>(&'a self, session: &'a SessionId) -> ConfigFuture<'a> {
        match self.shared.known(session) {
            Some(config) => ConfigFuture::ready(Ok(config)),
            None => ConfigFuture::new(self.shared.load(session)),
        }
    }

    fn add_provider(&self, provider: Arc<dyn ConfigProvider>) {
        self.shared.add_provider(provider);
    }

    async fn reload(&self) -> Result<ConfigChange, ConfigError> {
        self.shared.reload()
    }

    fn subscribe(&self, observer: Arc<dyn ConfigObserver>) {
        self.shared.observers.lock().push(observer);
    }

    fn note_in_use(&self, key: &str, value: Value, source: ConfigSource) {
        self.shared.note_in_use(key, value, source);
    }
}
