//! Values from the program.

use std::collections::HashMap;

use async_trait::async_trait;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::SessionId;

/// Answers with values that the program has given: for single sessions, and for all others.
///
/// ```
/// use serde_json::json;
/// use victor_config::StaticConfigProvider;
/// use victor_config::protocol::ConfigProvider;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let provider = StaticConfigProvider::new("plans")
///     .set("max_tool_calls", 5)
///     .set_for("acme-1", "max_tool_calls", 100);
/// assert_eq!(provider.get_config(&"acme-1".into()).await?["max_tool_calls"], 100);
/// assert_eq!(provider.get_config(&"other".into()).await?["max_tool_calls"], 5);
/// # Ok::<(), victor_config::protocol::ConfigError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StaticConfigProvider {
    name: String,
    priority: i32,
    all: ConfigMap,
    sessions: HashMap<SessionId, ConfigMap>,
}

impl StaticConfigProvider {
    /// Returns a provider of this name that has nothing to say yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            priority: 50,
            all: ConfigMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// Sets the provider's place in the order. Defaults to 50.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets a value for every session that has none of its own.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.all.insert(key.into(), value.into());
        self
    }

    /// Sets a value for one session.
    #[must_use]
    pub fn set_for(
        mut self,
        session: impl Into<SessionId>,
        key: impl Into<String>,
        value: impl Into<serde_json::Value>,
    ) -> Self {
        let values = self.sessions.entry(session.into()).or_default();
        values.insert(key.into(), value.into());
        self
    }
}

#[async_trait]
impl ConfigProvider for StaticConfigProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let mut values = self.all.clone();
        values.extend(self.sessions.get(session).cloned().unwrap_or_default());
        Ok(values)
    }
}
