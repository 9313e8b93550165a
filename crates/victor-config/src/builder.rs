//! Puts the layers together.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigLoader, ConfigProvider, ConfigSource, Settings};
use victor_core::JsonMap;

use crate::layer::{Layers, invalid};
use crate::{ConfigCoordinator, ConfigOptions, environment, file};

/// Puts a [`ConfigCoordinator`] together. The order of the calls matters only within one layer.
#[derive(Debug, Default)]
pub struct ConfigCoordinatorBuilder {
    files: Vec<FileAt>,
    variables: Vec<(OsString, OsString)>,
    reserved: Vec<String>,
    code: Vec<Code>,
    providers: Vec<Arc<dyn ConfigProvider>>,
    options: ConfigOptions,
}

#[derive(Debug)]
enum FileAt {
    Path(PathBuf),
    Directory(PathBuf),
}

#[derive(Debug)]
enum Code {
    Settings(Box<Settings>),
    Values(JsonMap),
}

impl ConfigCoordinatorBuilder {
    /// Takes the values of a file, which must be there. Of several files, later ones beat earlier ones.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(FileAt::Path(path.into()));
        self
    }

    /// Takes the values of `victor.toml`, `victor.yaml`, `victor.yml` or `victor.json` in a directory, if one of them
    /// is there. It is not looked for in directories above.
    #[must_use]
    pub fn discover(mut self, directory: impl Into<PathBuf>) -> Self {
        self.files.push(FileAt::Directory(directory.into()));
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
        self.variables.extend(
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
        self.reserved.push(variable.into());
        self
    }

    /// Takes settings from the program.
    ///
    /// Those that differ from their defaults count as set; the others leave the layers below in force. To set one to
    /// its default, against a file, use [`set`](Self::set).
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.code.push(Code::Settings(Box::new(settings)));
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
        self.code.push(Code::Values(values));
        self
    }

    /// Asks a provider for each session.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn ConfigProvider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Sets the way in which providers are asked.
    #[must_use]
    pub fn options(mut self, options: ConfigOptions) -> Self {
        self.options = options;
        self
    }

    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// The first fault of the lowest layer that has one: a source that cannot be read, an unknown key, a value that
    /// does not fit.
    pub fn build(self) -> Result<ConfigCoordinator, ConfigError> {
        let mut layers = Layers::default();
        for at in self.files {
            let path = match at {
                FileAt::Path(path) => Some(path),
                FileAt::Directory(directory) => file::discover(&directory)?,
            };
            if let Some(path) = path {
                layers.add(file::read(&path)?, &ConfigSource::File(path))?;
            }
        }
        let misspelt = environment::add(&mut layers, self.variables, &self.reserved)?;
        for code in self.code {
            let values = match code {
                Code::Settings(settings) => changed(&settings)?,
                Code::Values(values) => values,
            };
            layers.add(values, &ConfigSource::Code)?;
        }
        let coordinator = ConfigCoordinator::from_layers(layers, self.options, misspelt)?;
        for provider in self.providers {
            coordinator.add_provider(provider);
        }
        Ok(coordinator)
    }
}

/// The settings that differ from their defaults.
fn changed(settings: &Settings) -> Result<JsonMap, ConfigError> {
    // First of all: a number that is not finite would become `null` below.
    settings.validate().map_err(|wrong| {
        invalid(
            wrong.key,
            &ConfigSource::Code,
            format!("expected {}", wrong.range),
        )
    })?;
    let default = to_map(&Settings::default())?;
    let mut map = to_map(settings)?;
    map.retain(|key, value| default.get(key) != Some(value));
    Ok(map)
}

fn to_map(settings: &Settings) -> Result<JsonMap, ConfigError> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(ConfigError::new(
            ConfigSource::Code.to_string(),
            "the settings have no form as data",
        )),
    }
}
