//! The source of settings.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::SessionId;

use super::json;
use crate::database::Database;
use crate::statement::Statement;

/// Reads settings from a database: those of the session, and for every other key those that are for all sessions.
#[derive(Debug, Clone)]
pub struct SqlConfigProvider(Database);

impl Database {
    /// Returns the source of settings.
    #[must_use]
    pub fn config_provider(&self) -> Arc<SqlConfigProvider> {
        Arc::new(SqlConfigProvider(self.clone()))
    }
}

impl SqlConfigProvider {
    /// Sets a key for a session, or for all sessions where none is given. Whether it is a setting and the value fits is
    /// seen when it is used.
    ///
    /// # Errors
    ///
    /// The database does not work.
    pub async fn set(
        &self,
        session: Option<&SessionId>,
        key: &str,
        value: &Value,
    ) -> Result<(), ConfigError> {
        let statement = Statement::new(
            "INSERT INTO victor_config (everywhere, session, key, value) VALUES ($1, $2, $3, $4)
             ON CONFLICT (everywhere, session, key) DO UPDATE SET value = excluded.value",
        );
        let statement = of(statement, session).bind(key).bind(json(value)?);
        self.0.execute(statement).await?;
        Ok(())
    }

    /// Takes a key of a session back, or one that is for all sessions, and says whether it was there.
    ///
    /// # Errors
    ///
    /// The database does not work.
    pub async fn unset(&self, session: Option<&SessionId>, key: &str) -> Result<bool, ConfigError> {
        let statement = Statement::new(
            "DELETE FROM victor_config WHERE everywhere = $1 AND session = $2 AND key = $3",
        );
        Ok(self.0.execute(of(statement, session).bind(key)).await? > 0)
    }
}

#[async_trait]
impl ConfigProvider for SqlConfigProvider {
    fn name(&self) -> &str {
        "sql"
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        // What is for the session comes last, and takes the place of what is for all.
        let statement = Statement::new(
            "SELECT key, value FROM victor_config
             WHERE (everywhere = 1 AND session = '') OR (everywhere = 0 AND session = $1)
             ORDER BY everywhere DESC",
        );
        let rows = self.0.rows(statement.bind(session.as_str())).await?;
        let mut map = ConfigMap::new();
        for row in &rows {
            let text = |column| row.text(column).map_err(|error| self.0.error(error));
            map.insert(text(0)?.to_owned(), self.0.parse(text(1)?, "setting")?);
        }
        Ok(map)
    }
}

/// Says for which session, or that it is for all.
fn of<'a>(statement: Statement<'a>, session: Option<&'a SessionId>) -> Statement<'a> {
    statement
        .bind(i64::from(session.is_none()))
        .bind(session.map_or("", SessionId::as_str))
}
