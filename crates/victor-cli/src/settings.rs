//! The settings: the flag for their file, and their sources.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use etcetera::base_strategy::{BaseStrategy as _, choose_native_strategy};
use victor_orchestrator::config::ConfigError;
use victor_orchestrator::coordinators::config::{
    ConfigCoordinator, ConfigCoordinatorBuilder, ConfigOptions,
};
use victor_orchestrator::core::Coordinator as _;

use crate::{data, prompt_library, provider, terminal};

/// Interval at which the files of settings are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// The flag for the file of settings.
#[derive(Debug, Default, Args)]
pub(crate) struct SettingsArgs {
    /// Read settings from this file, not from the one in the current directory; it overrides the user's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SettingsArgs {
    /// Returns the folder of the file of settings.
    pub(crate) fn folder(&self) -> &Path {
        let folder = self.config.as_deref().and_then(Path::parent);
        folder.unwrap_or(Path::new("."))
    }

    /// Returns the sources of the settings: the project's file, then the user's, or the user's and then the one that the
    /// flag names; and the environment.
    pub(crate) fn builder(&self) -> ConfigCoordinatorBuilder {
        let options = ConfigOptions::default().with_watch_interval(Some(WATCH_INTERVAL));
        let mut builder = ConfigCoordinator::builder()
            .environment(std::env::vars_os())
            .reserve(data::VARIABLE)
            .reserve(provider::SERVER)
            .reserve(prompt_library::TRUST)
            .options(options);
        if self.config.is_none() {
            builder = builder.discover(Path::new("."));
        }
        // Without a home there is no folder.
        if let Ok(strategy) = choose_native_strategy() {
            builder = builder.discover(strategy.config_dir().join("victor"));
        }
        match &self.config {
            Some(file) => builder.file(file),
            None => builder,
        }
    }

    /// Reads the settings. `mode` overrides the mode to begin in, and `model` the model, also after a change of a file.
    pub(crate) fn read(
        &self,
        mode: Option<&str>,
        model: Option<&str>,
    ) -> Result<ConfigCoordinator, ConfigError> {
        let flags = [("mode", mode), ("model", model)];
        let flags = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        let builder = flags.fold(self.builder(), |builder, (key, value)| {
            builder.set(key, value)
        });
        let config = builder.build()?;
        for problem in config.health().problems {
            terminal::status(&problem);
        }
        Ok(config)
    }
}
