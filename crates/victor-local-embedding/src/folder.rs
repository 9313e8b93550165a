//! The files of a model.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3;

use crate::LoadError;

/// A folder that remembers in a hash what was read from it.
pub(crate) struct Folder {
    path: PathBuf,
    hash: Xxh3,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let path = path.to_owned();
        if !path.is_dir() {
            return Err(LoadError::FolderMissing { path });
        }
        let hash = Xxh3::new();
        Ok(Self { path, hash })
    }

    /// Returns the path that a file has or would have.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The content of a file that must be there.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>, LoadError> {
        let path = self.path_of(name);
        self.read_if_any(name)?
            .ok_or(LoadError::FileMissing { path })
    }

    /// Reads a JSON file that must exist.
    pub(crate) fn read_json<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, LoadError> {
        let content = self.read(name)?;
        self.parse(name, &content)
    }

    /// Reads a JSON file, if it exists.
    pub(crate) fn read_json_if_any<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, LoadError> {
        let content = self.read_if_any(name)?;
        content
            .map(|content| self.parse(name, &content))
            .transpose()
    }

    /// The folder's name and the hash of all that was read from it, with the settings that vectors depend on as well.
    pub(crate) fn name(mut self, settings: &str) -> String {
        self.hash.update(settings.as_bytes());
        let path = std::path::absolute(&self.path).unwrap_or(self.path);
        let name = path
            .file_name()
            .map_or("model".into(), |name| name.to_string_lossy());
        format!("{name}@{:016x}", self.hash.digest())
    }

    fn read_if_any(&mut self, name: &str) -> Result<Option<Vec<u8>>, LoadError> {
        let path = self.path_of(name);
        match fs::read(&path) {
            Ok(content) => {
                self.hash.update(&content);
                Ok(Some(content))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LoadError::Unreadable { path, source }),
        }
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, content: &[u8]) -> Result<T, LoadError> {
        serde_json::from_slice(content).map_err(|error| LoadError::Malformed {
            path: self.path_of(name),
            source: error.into(),
        })
    }
}
