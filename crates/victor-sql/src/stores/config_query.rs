//! Settings from a table of the program's own.

use async_trait::async_trait;
use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::SessionId;

use crate::database::Database;
use crate::statement::Statement;

/// Reads the settings of a session with a query of the program's own, such as
/// `SELECT config FROM sessions WHERE session_id = $1`.
///
/// The query takes the session's name as `$1` and returns one column, a JSON object of settings: text in SQLite; `text`,
/// `json` or `jsonb` in PostgreSQL. No row, and an empty value, mean that there is nothing to say. More than one row is
/// an error, so that a query which forgets its condition gives no session the settings of another one.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
/// use victor_sql::Database;
/// use victor_sql::config::ConfigProvider;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("victor.db");
/// let database = Database::open(path.to_str().unwrap()).await?;
/// // A program has a table here, as in the documentation above.
/// let query = "SELECT json_object('temperature', 0.2) WHERE $1 = 'user-session-123'";
/// let provider = database.config_query(query)?.with_priority(100);
/// assert_eq!(provider.get_config(&"user-session-123".into()).await?["temperature"], 0.2);
/// assert!(provider.get_config(&"another".into()).await?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SqlConfigQuery {
    database: Database,
    sql: String,
    name: String,
    priority: i32,
}

impl Database {
    /// Returns a source of settings that asks a query of the program's own. The query must not hold text of strangers.
    ///
    /// # Errors
    ///
    /// The query does not use the session's name, `$1`. Whatever else is wrong with it is told when it is asked.
    pub fn config_query(&self, query: &str) -> Result<SqlConfigQuery, ConfigError> {
        let query = query.trim().trim_end_matches(';');
        if !query.contains("$1") {
            let message =
                "it must use the session's name, which is `$1`, or all sessions would be one";
            return Err(ConfigError::new(format!("the query `{query}`"), message));
        }
        // Both databases give the only column its name and its form in this way.
        let sql = format!(
            "WITH victor_answer (config) AS ({query}) SELECT CAST(config AS TEXT) FROM victor_answer LIMIT 2"
        );
        Ok(SqlConfigQuery {
            database: self.clone(),
            sql,
            name: "sql query".to_owned(),
            priority: 50,
        })
    }
}

impl SqlConfigQuery {
    /// Sets the provider's name. Defaults to `sql query`.
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
}

#[async_trait]
impl ConfigProvider for SqlConfigQuery {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let origin = || format!("config provider {}", self.name);
        let statement = Statement::of_handler(self.sql.clone()).bind(session.as_str());
        let rows = self.database.rows(statement).await?;
        let row = match &rows[..] {
            [] => return Ok(ConfigMap::new()),
            [row] => row,
            _ => {
                return Err(ConfigError::new(
                    origin(),
                    "its query returns more than one row for a session",
                ));
            }
        };
        let text = row
            .optional_text(0)
            .map_err(|error| self.database.error(error))?;
        match self.database.parse(text.unwrap_or("null"), "setting")? {
            Value::Object(values) => Ok(values),
            Value::Null => Ok(ConfigMap::new()),
            _ => Err(ConfigError::new(
                origin(),
                "its query returns no JSON object of settings",
            )),
        }
    }
}
