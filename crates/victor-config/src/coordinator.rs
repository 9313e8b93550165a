//! The coordinator of configuration.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use tracing::warn;
use victor_config_protocol::{
    ConfigError, ConfigLoader, ConfigMap, ConfigProvider, ConfigSource, EffectiveConfig,
};
use victor_core::{Coordinator, Health, Problems, SessionId, contain_sync, with_causes};
use victor_guard::{Plugin, Plugins, call};

use crate::environment::Misspelt;
use crate::explain::why_ignored;
use crate::layer::{Layers, check};
use crate::{ConfigCoordinatorBuilder, ConfigOptions, Explanation, MergePolicy};

/// Knows what is configured, in general and for each session, and where every value came from.
///
/// Providers are asked anew for each [`load_config`](ConfigLoader::load_config), highest priority first. One that
/// fails, panics, takes too long or answers with unknown keys or values that do not fit is passed over, and health is
/// degraded until it answers well again. Only if all of them fail is there an error. A provider's value for a setting
/// that is not read for each session is ignored, and health and [`Explanation`] say so.
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
    layers: Layers,
    config: Arc<EffectiveConfig>,
    options: ConfigOptions,
    providers: Plugins<dyn ConfigProvider>,
    problems: Problems,
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

    pub(crate) fn from_layers(
        layers: Layers,
        options: ConfigOptions,
        misspelt: Vec<Misspelt>,
    ) -> Result<Self, ConfigError> {
        let config = Arc::new(layers.clone().effective()?);
        let coordinator = Self {
            layers,
            config,
            options,
            ..Self::default()
        };
        for Misspelt { variable, closest } in misspelt {
            warn!(variable, closest, "the variable is no setting");
            coordinator.problems.report(
                format!("environment variable {variable}"),
                format!("it is no setting and has no effect; did you mean {closest}?"),
            );
        }
        Ok(coordinator)
    }

    /// Returns the value of a key for every session, and its source. For a single session, ask
    /// [`Explanation::of`] its configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`], if there is no such setting and the program has no such value.
    pub fn explain(&self, key: &str) -> Result<Explanation, ConfigError> {
        Explanation::of(&self.config, key)
    }

    /// Returns the values of all keys for every session, and their sources.
    #[must_use]
    pub fn explain_all(&self) -> Vec<Explanation> {
        Explanation::all(&self.config)
    }

    /// Asks one provider, and keeps health up to date.
    async fn ask(
        &self,
        provider: &Plugin<dyn ConfigProvider>,
        session: &SessionId,
    ) -> Result<ConfigMap, ConfigError> {
        let source = ConfigSource::Provider(provider.name().to_owned());
        let answer = call(self.options.provider_timeout, || {
            provider.inner().get_config(session)
        })
        .await
        .unwrap_or_else(|fault| Err(ConfigError::new(source.to_string(), fault.to_string())))
        .and_then(|values| check(&values, &source).map(|()| values));
        match &answer {
            Ok(values) => match without_effect(values) {
                None => self.problems.clear(provider.name()),
                Some(problem) => {
                    warn!(provider = provider.name(), %session, problem, "a value has no effect");
                    self.problems.report(provider.name(), problem);
                }
            },
            Err(error) => {
                let error = with_causes(error);
                warn!(provider = provider.name(), %session, error, "config provider failed");
                self.problems.report(provider.name(), error);
            }
        }
        answer
    }
}

#[async_trait]
impl Coordinator for ConfigCoordinator {
    fn name(&self) -> &str {
        "config"
    }

    fn health(&self) -> Health {
        self.problems.health(self.name())
    }
}

#[async_trait]
impl ConfigLoader for ConfigCoordinator {
    fn config(&self) -> Arc<EffectiveConfig> {
        Arc::clone(&self.config)
    }

    async fn load_config(&self, session: &SessionId) -> Result<Arc<EffectiveConfig>, ConfigError> {
        let providers = self.providers.list();
        if providers.is_empty() {
            return Ok(self.config());
        }
        let asked = match self.options.merge_policy {
            MergePolicy::FirstAnswer => {
                let mut asked = Vec::new();
                for provider in providers.iter() {
                    asked.push(self.ask(provider, session).await);
                    if matches!(asked.last(), Some(Ok(values)) if !values.is_empty()) {
                        break;
                    }
                }
                asked
            }
            MergePolicy::MergeAll => {
                join_all(providers.iter().map(|provider| self.ask(provider, session))).await
            }
        };
        let mut answers = Vec::new();
        let mut failures = Vec::new();
        for (provider, answer) in providers.iter().zip(asked) {
            match answer {
                Ok(values) if values.is_empty() => {}
                Ok(values) => answers.push((provider, values)),
                Err(error) => failures.push((provider, error)),
            }
        }
        if failures.len() == providers.len() {
            return Err(all_failed(failures));
        }
        if answers.is_empty() {
            return Ok(self.config());
        }
        let mut layers = self.layers.clone();
        for (provider, values) in answers.into_iter().rev() {
            layers.lay_answer(values, &ConfigSource::Provider(provider.name().to_owned()));
        }
        layers.effective().map(Arc::new)
    }

    fn add_provider(&self, provider: Arc<dyn ConfigProvider>) {
        let described = contain_sync(|| (provider.name().to_owned(), provider.priority()));
        let (name, priority) = described.unwrap_or_else(|panicked| {
            warn!(%panicked, "a config provider cannot say its name and priority");
            ("unnamed".into(), 50)
        });
        // Health and sources tell providers apart by name.
        self.providers.add_numbered(&name, priority, |_| provider);
    }
}

/// Names the values of an answer that are not for single sessions.
fn without_effect(values: &ConfigMap) -> Option<String> {
    let problem = |key: &String| {
        Some(format!(
            "its value of `{key}` has no effect: {}",
            why_ignored(key)?
        ))
    };
    let problems: Vec<_> = values.keys().filter_map(problem).collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// Returns the error where no provider could answer: that of the only one, or those of all in one.
fn all_failed(mut failures: Vec<(&Plugin<dyn ConfigProvider>, ConfigError)>) -> ConfigError {
    if failures.len() == 1 {
        return failures.remove(0).1;
    }
    let all: Vec<_> = failures
        .iter()
        .map(|(provider, error)| format!("{}: {}", provider.name(), with_causes(error)))
        .collect();
    ConfigError::new("every config provider", all.join("; "))
}
