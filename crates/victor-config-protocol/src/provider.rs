//! The extension point for sources of configuration.

use std::fmt;

use async_trait::async_trait;
use victor_core::{JsonMap, SessionId};

use crate::ConfigError;

/// Values by their keys. The keys are those of [`Settings`](crate::Settings); what is the program's own goes under
/// `extra`.
pub type ConfigMap = JsonMap;

/// A source of values for single sessions.
///
/// Implemented by whoever stores configuration; called by the [`ConfigLoader`](crate::ConfigLoader) before a turn,
/// from many tasks at once. Providers are asked in order of priority, highest first, and the first answer that is not
/// empty wins. One that fails, panics, takes too long or answers what are no settings is passed over and shown in the
/// loader's health.
///
/// Priorities by convention: up to 99 defaults, up to 499 users, up to 999 environments, from 1000 administrators.
///
/// # Cancel safety
///
/// A call that takes too long is dropped, at any await point.
#[cfg_attr(not(feature = "mock"), doc(alias = "IConfigProvider"))]
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ConfigProvider: fmt::Debug + Send + Sync + 'static {
    /// The provider's name, as `explain` and health show it.
    fn name(&self) -> &str;

    /// Its place in the order: higher is asked first, and of two alike the one that was added first. 50 by default.
    fn priority(&self) -> i32 {
        50
    }

    /// Its values for a session; none if it has nothing to say.
    ///
    /// # Errors
    ///
    /// It cannot say. The next provider is asked.
    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: ConfigProvider + ?Sized> ConfigProvider for std::sync::Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn priority(&self) -> i32;
        async fn get_config<'a>(&self, session: &'a SessionId) -> Result<ConfigMap, ConfigError>;
    }
}
