//! Puts the layers together.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigLoader as _, ConfigProvider, Settings};
use victor_core::JsonMap;

use crate::sources::{Code, FileAt, Sources};
use crate::{ConfigCoordinator, ConfigOptions};

/// Puts a [`ConfigCoordinator`] together. The order of the calls matters only within one layer.
#[derive(Debug, Default)]
pub struct ConfigCoordinatorBuilder {
    sources: Sources,
    providers: Vec<Arc<dyn ConfigProvider>>,
    options: ConfigOptions,
}

impl ConfigCoordinatorBuilder {
    /// Takes the values of a file, which must be there. Of several files, later ones beat earlier ones: name the
    /// project's before the user's.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.files.push(FileAt::Path(path.into()));
        self
    }

    /// Takes the values of `victor.toml`, `victor.yaml`, `victor.yml` or `victor.json` in a directory, if one of them
    /// is there. It is not looked for in directories above.
    #[must_use]
    pub fn discover(mut self, directory: impl Into<PathBuf>) -> Self {
        self.sources.files.push(FileAt::Directory(directory.into()));
        self
    }

    /// Takes values from environment variables: those of the process are [`std::env::vars_os()`].
    ///
    /// A variable's name is `VICTOR_` and the key in capitals. Its text is read as the setting's kind of value:
    /// numbers, booleans (`true`, `1`, `yes`, `on` and their opposites in any case), texts as they are, and JSON for
    /// `extra`. One that is empty counts as not set. All other variables are passed over; where one begins with
    /// `VICTOR_` and a setting has almost that name, health says so.
    #[must_use]
    pub fn environment<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.sources.variables.extend(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        self
    }

    /// Reserves the name of an environment variable that begins with `VICTOR_`, is no setting and is like one, so that
    /// health does not take it for a misspelt setting.
    #[must_use]
    pub fn reserve(mut self, variable: impl Into<String>) -> Self {
        self.sources.reserved.push(variable.into());
        self
    }

    /// Takes settings from the program.
    ///
    /// Those that differ from their defaults count as set; the others leave the layers below in force. To set one to
    /// its default, against a file, use [`set`](Self::set).
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.sources.code.push(Code::Settings(Box::new(settings)));
        self
    }

    /// Takes one value from the program.
    #[must_use]
    pub fn set(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values(JsonMap::from_iter([(key.into(), value.into())]))
    }

    /// Takes some values from the program, by their keys.
    #[must_use]
    pub fn values(mut self, values: JsonMap) -> Self {
        self.sources.code.push(Code::Values(values));
        self
    }

    /// Asks a provider for each session.
    #[must_use]
    pub fn provider(mut self, provider: impl ConfigProvider) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Sets how providers are asked, for how long their answers hold, and whether files are watched.
    #[must_use]
    pub fn options(mut self, options: ConfigOptions) -> Self {
        self.options = options;
        self
    }

    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the layers: sources that cannot be read, unknown keys, values that do
    /// not fit. More than one are [`ConfigError::Several`].
    pub fn build(self) -> Result<ConfigCoordinator, ConfigError> {
        let coordinator = ConfigCoordinator::from_sources(self.sources, self.options)?;
        for provider in self.providers {
            coordinator.add_provider(provider);
        }
        Ok(coordinator)
    }
}
