//! The origin of a layer, and of each key in it.

use std::path::PathBuf;

use victor_config_protocol::ConfigSource;

use crate::file::Places;

/// The origin of a layer.
#[derive(Debug)]
pub(crate) enum Origin {
    /// One place for all keys.
    Whole(ConfigSource),
    /// A file, in which each key has its place.
    File(PathBuf, Places),
}

impl Origin {
    /// Returns the source of the value at a path.
    pub(crate) fn source(&self, path: &[&str]) -> ConfigSource {
        match self {
            Self::Whole(source) => source.clone(),
            Self::File(file, places) => ConfigSource::File {
                path: file.clone(),
                line: places.find(path).map(|place| place.line),
            },
        }
    }

    /// Returns the place of a key, for errors.
    pub(crate) fn place(&self, path: &[&str]) -> String {
        match self {
            Self::Whole(source) => source.to_string(),
            Self::File(file, places) => match places.find(path) {
                Some(place) => format!("file {}, {place}", file.display()),
                None => format!("file {}", file.display()),
            },
        }
    }
}
