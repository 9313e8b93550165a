//! Takes the configuration of each session from a database, and from a service where the database has none.
//!
//! ```sh
//! cargo run -p examples --example custom_config_provider
//! ```
//!
//! The database is SQLite in memory, and the service a server on this machine that answers over HTTP. `victor-sql` has
//! a provider for tables like this one, too (see `multi_tenant`); this one is written by hand to show that it is short.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use sqlx::SqlitePool;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::coordinators::config::ConfigCoordinator;
use victor_orchestrator::core::SessionId;
use victor_testkit::{ApiRequest, FakeApi, Reply};
use victor_web::HttpConfigProvider;

#[derive(Debug)]
struct DatabaseConfigProvider {
    database: SqlitePool,
}

#[async_trait]
impl ConfigProvider for DatabaseConfigProvider {
    fn name(&self) -> &str {
        "database"
    }

    fn priority(&self) -> i32 {
        100 // asked first
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let query = sqlx::query_scalar("SELECT config FROM sessions WHERE session_id = $1");
        let row: Option<String> = query
            .bind(session.as_str())
            .fetch_optional(&self.database)
            .await
            .map_err(|error| ConfigError::new("the database", error.to_string()))?;
        let Some(config) = row else {
            return Ok(ConfigMap::new()); // the next provider is asked
        };
        serde_json::from_str(&config)
            .map_err(|error| ConfigError::new("the database", error.to_string()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // One connection, since each connection to `:memory:` has a database of its own.
    let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let database = options.connect("sqlite::memory:").await?;
    sqlx::raw_sql(
        r#"CREATE TABLE sessions (session_id text PRIMARY KEY, config text NOT NULL);
           INSERT INTO sessions VALUES ('user-session-123', '{"temperature": 0.2, "max_tool_iterations": 50}');"#,
    )
    .execute(&database)
    .await?;

    let service = FakeApi::start(|request: &ApiRequest| {
        match (request.header("authorization"), request.path.as_str()) {
            ("Bearer your-api-key", "/config/user-session-123") => {
                Reply::json(json!({ "temperature": 0.9 }).to_string())
            }
            ("Bearer your-api-key", "/config/user-session-456") => {
                Reply::json(json!({ "tool_calling_timeout": 5 }).to_string())
            }
            ("Bearer your-api-key", _) => Reply::new(404, "text/plain", "no such session"),
            _ => Reply::new(401, "text/plain", "no key"),
        }
    })
    .await?;
    let api = HttpConfigProvider::builder(service.url())
        .name("api")
        .priority(50) // where the database has nothing to say
        .bearer_token("your-api-key")
        .build()?;

    let config_coordinator = ConfigCoordinator::builder()
        .provider(DatabaseConfigProvider { database })
        .provider(api)
        .build()?;
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .config_coordinator(Arc::new(config_coordinator))
        .build()?;

    // Every turn loads the configuration of its session in this way.
    for session in ["user-session-123", "user-session-456", "user-session-789"] {
        let config = orchestrator
            .config_coordinator()
            .load_config(&session.into())
            .await?;
        println!("Loaded config of {session}:");
        for key in ["temperature", "max_tool_iterations", "tool_calling_timeout"] {
            let value = config.get(key).unwrap_or_default();
            println!("  {key} = {value}, from {}", config.source(key));
        }
    }
    Ok(())
}
