//! The settings: the flag for their file, and their sources.

use std::path::{Path, PathBuf};

use clap::Args;
use victor_orchestrator::config::ConfigError;
use victor_orchestrator::coordinators::config::ConfigCoordinator;
use victor_orchestrator::core::Coordinator as _;

use crate::{data, prompt_library, provider, terminal};

/// The flag for the file of settings.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Read settings from this file, not from the one in the current directory
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SettingsArgs {
    /// Returns the folder of the file of settings.
    pub(crate) fn folder(&self) -> &Path {
        let folder = self.config.as_deref().and_then(Path::parent);
        folder.unwrap_or(Path::new("."))
    }

    /// Reads the settings from file and environment; `mode` overrides the mode to begin in.
    pub(crate) fn read(&self, mode: Option<&str>) -> Result<ConfigCoordinator, ConfigError> {
        let builder = ConfigCoordinator::builder()
            .environment(std::env::vars_os())
            .reserve(data::VARIABLE)
            .reserve(provider::SERVER)
            .reserve(prompt_library::TRUST);
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
