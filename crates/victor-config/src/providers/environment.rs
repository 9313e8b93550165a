//! Values from environment variables, for sessions.

use std::ffi::OsString;

use async_trait::async_trait;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider, ConfigSource};
use victor_core::{JsonMap, SessionId};

use crate::environment;
use crate::layer::check;
use crate::origin::Origin;

/// Answers with the values of environment variables, alike for every session: the fallback of other providers.
///
/// Variables of the [environment layer](crate::ConfigCoordinatorBuilder::environment) are for every session too, but
/// yield to what the program sets; a provider's do not. They are read in the same way.
///
/// ```
/// use victor_config::EnvironmentConfigProvider;
/// use victor_config::protocol::ConfigProvider;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// // A program passes `std::env::vars_os()`.
/// let provider = EnvironmentConfigProvider::new([("VICTOR_TEMPERATURE", "0.2")])?;
/// assert_eq!(provider.get_config(&"any".into()).await?["temperature"], 0.2);
/// # Ok::<(), victor_config::protocol::ConfigError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct EnvironmentConfigProvider {
    priority: i32,
    values: ConfigMap,
}

impl EnvironmentConfigProvider {
    /// Returns a provider of these variables.
    ///
    /// # Errors
    ///
    /// The values that do not fit their settings.
    pub fn new<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError> {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let mut errors = Vec::new();
        let (variables, _) = environment::read(variables.collect(), &[], &mut errors);
        for (variable, key, value) in &variables {
            let origin = Origin::Whole(ConfigSource::Environment(variable.clone()));
            errors.extend(check(
                &JsonMap::from_iter([(key.clone(), value.clone())]),
                &origin,
            ));
        }
        match ConfigError::of_all(errors) {
            Some(error) => Err(error),
            None => Ok(Self {
                priority: 10,
                values: variables
                    .into_iter()
                    .map(|(_, key, value)| (key, value))
                    .collect(),
            }),
        }
    }

    /// Sets the provider's place in the order. Defaults to 10, behind other providers.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }
}

#[async_trait]
impl ConfigProvider for EnvironmentConfigProvider {
    fn name(&self) -> &str {
        "environment"
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_config(&self, _session: &SessionId) -> Result<ConfigMap, ConfigError> {
        Ok(self.values.clone())
    }
}
