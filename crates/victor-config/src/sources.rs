//! The sources of what holds for every session.

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigSource, Settings};
use victor_core::JsonMap;

use crate::environment::{self, Misspelt};
use crate::file;
use crate::layer::{Layers, check, invalid};
use crate::origin::Origin;

/// The sources of what holds for every session, in the order of their layers.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) files: Vec<FileAt>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) reserved: Vec<String>,
    pub(crate) code: Vec<Code>,
}

#[derive(Debug)]
pub(crate) enum FileAt {
    Path(PathBuf),
    Directory(PathBuf),
}

#[derive(Debug)]
pub(crate) enum Code {
    Settings(Box<Settings>),
    Values(JsonMap),
}

impl Sources {
    /// Reads all layers, and returns the variables that look like settings and are none. The error has everything that
    /// is wrong.
    pub(crate) fn read(&self) -> Result<(Layers, Vec<Misspelt>), ConfigError> {
        let mut layers = Layers::default();
        let mut errors = Vec::new();
        let mut add = |values: JsonMap, origin: Origin, errors: &mut Vec<ConfigError>| {
            errors.extend(check(&values, &origin));
            if errors.is_empty() {
                layers.lay(values, &origin);
            }
        };
        for at in &self.files {
            let path = match at {
                FileAt::Path(path) => Ok(Some(path.clone())),
                FileAt::Directory(directory) => file::discover(directory),
            };
            match path.and_then(|path| path.map(|path| Ok((file::read(&path)?, path))).transpose())
            {
                Ok(Some((file, path))) => {
                    add(file.values, Origin::File(path, file.places), &mut errors);
                }
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        let (values, misspelt) =
            environment::read(self.variables.clone(), &self.reserved, &mut errors);
        for (variable, key, value) in values {
            let source = ConfigSource::Environment(variable);
            add(
                JsonMap::from_iter([(key, value)]),
                Origin::Whole(source),
                &mut errors,
            );
        }
        for code in &self.code {
            let values = match code {
                Code::Settings(settings) => changed(settings),
                Code::Values(values) => Ok(values.clone()),
            };
            match values {
                Ok(values) => add(values, Origin::Whole(ConfigSource::Code), &mut errors),
                Err(error) => errors.push(error),
            }
        }
        match ConfigError::of_all(errors) {
            Some(error) => Err(error),
            None => Ok((layers, misspelt)),
        }
    }

    /// Returns the paths of all files that are read, or would be if they were there.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let paths = self.files.iter().flat_map(|at| match at {
            FileAt::Path(path) => vec![path.clone()],
            FileAt::Directory(directory) => file::NAMES.map(|name| directory.join(name)).to_vec(),
        });
        paths.collect()
    }
}

/// The settings that differ from their defaults.
fn changed(settings: &Settings) -> Result<JsonMap, ConfigError> {
    // First of all: a number that is not finite would become `null` below.
    let origin = || ConfigSource::Code.to_string();
    settings
        .validate()
        .map_err(|wrong| invalid(wrong.key, origin(), format!("expected {}", wrong.range)))?;
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
