//! Values from files, for sessions.

use std::path::PathBuf;

use async_trait::async_trait;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::{Lock, RecentMap, SessionId};

use crate::file;
use crate::layer::check;
use crate::origin::Origin;
use crate::watch::{Stamp, stamp};

/// The placeholder for the session in a path.
const PLACEHOLDER: &str = "{session}";

/// Number of files whose values are kept.
const KEPT: usize = 256;

/// Answers with the values of a file, in TOML, YAML or JSON; `{session}` in its path stands for the session's name, so
/// that each session can have its own.
///
/// Where there is no file, there is nothing to say. A file is read again when it has changed, which is seen when the
/// provider is asked. A session whose name would lead to another folder has no file.
///
/// ```
/// use victor_config::FileConfigProvider;
/// use victor_config::protocol::ConfigProvider;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let folder = tempfile::tempdir()?;
/// let provider = FileConfigProvider::new(folder.path().join("{session}.toml"));
/// assert!(provider.get_config(&"acme".into()).await?.is_empty());
///
/// std::fs::write(folder.path().join("acme.toml"), "temperature = 0.2")?;
/// assert_eq!(provider.get_config(&"acme".into()).await?["temperature"], 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileConfigProvider {
    name: String,
    priority: i32,
    path: PathBuf,
    read: Lock<RecentMap<PathBuf, (Stamp, ConfigMap)>>,
}

impl FileConfigProvider {
    /// Returns a provider of the values at this path. It need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            name: "file".to_owned(),
            priority: 50,
            path: path.into(),
            read: Lock::new(RecentMap::new(KEPT)),
        }
    }

    /// Sets the provider's name. Defaults to `file`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the provider's place in the order. Defaults to 50.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Returns the path of a session's file; `None` if its name is no name of a file.
    fn path(&self, session: &SessionId) -> Option<PathBuf> {
        let path = self.path.to_str().filter(|path| path.contains(PLACEHOLDER));
        let Some(path) = path else {
            return Some(self.path.clone());
        };
        let name = session.as_str();
        let leads_away =
            name.contains(['/', '\\', ':', '\0']) || name.starts_with('.') || name.is_empty();
        (!leads_away).then(|| path.replace(PLACEHOLDER, name).into())
    }
}

#[async_trait]
impl ConfigProvider for FileConfigProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let Some(path) = self.path(session) else {
            return Ok(ConfigMap::new());
        };
        let now = stamp(&path);
        if now.is_none() {
            return Ok(ConfigMap::new());
        }
        if let Some((at, values)) = self.read.lock().get(&path)
            && *at == now
        {
            return Ok(values.clone());
        }
        let file = file::read(&path)?;
        let origin = Origin::File(path.clone(), file.places);
        if let Some(error) = ConfigError::of_all(check(&file.values, &origin)) {
            return Err(error);
        }
        self.read.lock().insert(path, (now, file.values.clone()));
        Ok(file.values)
    }
}
