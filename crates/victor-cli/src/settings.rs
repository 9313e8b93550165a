//! Where settings are read from.

use std::path::{Path, PathBuf};

use clap::Args;
use victor_orchestrator::coordinators::ConfigCoordinator;
use victor_orchestrator::protocols::{ConfigError, Coordinator as _};

use crate::{data, provider, terminal};

/// Where settings are read from.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Read settings from this file, in place of the one that is found
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SettingsArgs {
    /// The settings of the file and the environment, with this mode to begin in if one is named.
    pub(crate) fn read(&self, mode: Option<&str>) -> Result<ConfigCoordinator, ConfigError> {
        let builder = ConfigCoordinator::builder()
            .environment(std::env::vars_os())
            .reserve(data::VARIABLE)
            .reserve(provider::SERVER);
        let builder = match &self.config {
            Some(file) => builder.file(file),
            None => builder.discover(Path::new(".")),
        };
        let builder = match mode {
            Some(mode) => builder.set("mode", mode),
            None => builder,
        };
        let config = builder.build()?;
        for problem in config.health().problems {
            terminal::status(&problem);
        }
        Ok(config)
    }
}
