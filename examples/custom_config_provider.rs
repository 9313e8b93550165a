//! Takes the configuration of each session from a database, and from a service where the database has none.
//!
//! ```sh
//! cargo run -p examples --example custom_config_provider
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::RwLock;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::coordinators::config::ConfigCoordinator;
use victor_orchestrator::core::SessionId;

/// Stands for a database with a table `sessions (session_id, config)`.
#[derive(Debug, Default)]
struct Database {
    sessions: RwLock<HashMap<String, ConfigMap>>,
}

impl Database {
    async fn insert(&self, session: &str, config: ConfigMap) {
        self.sessions
            .write()
            .await
            .insert(session.to_owned(), config);
    }

    async fn select(&self, session: &str) -> Option<ConfigMap> {
        self.sessions.read().await.get(session).cloned()
    }
}

#[derive(Debug)]
struct DatabaseConfigProvider {
    database: Arc<Database>,
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
        // Nothing: the next provider is asked.
        Ok(self
            .database
            .select(session.as_str())
            .await
            .unwrap_or_default())
    }
}

/// Stands for a service: `GET /config/{session}`, for those who have the key.
#[derive(Debug)]
struct Service {
    key: String,
    configs: HashMap<String, Value>,
}

impl Service {
    /// The status and the body of the answer.
    fn get(&self, path: &str, authorization: &str) -> (u16, Value) {
        if authorization != format!("Bearer {}", self.key) {
            return (401, Value::Null);
        }
        match path
            .strip_prefix("/config/")
            .and_then(|session| self.configs.get(session))
        {
            Some(config) => (200, config.clone()),
            None => (404, Value::Null),
        }
    }
}

#[derive(Debug)]
struct ApiConfigProvider {
    service: Service,
    api_key: String,
}

#[async_trait]
impl ConfigProvider for ApiConfigProvider {
    fn name(&self) -> &str {
        "api"
    }

    fn priority(&self) -> i32 {
        50 // where the database has nothing to say
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let authorization = format!("Bearer {}", self.api_key);
        match self
            .service
            .get(&format!("/config/{session}"), &authorization)
        {
            (200, Value::Object(config)) => Ok(config),
            (404, _) => Ok(ConfigMap::new()),
            (status, _) => Err(ConfigError::new("the API", format!("status {status}"))),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let database = Arc::new(Database::default());
    let config = [
        ("temperature".to_owned(), json!(0.2)),
        ("max_tool_iterations".to_owned(), json!(50)),
    ];
    database
        .insert("user-session-123", config.into_iter().collect())
        .await;
    let service = Service {
        key: "your-api-key".to_owned(),
        configs: HashMap::from([
            ("user-session-123".to_owned(), json!({ "temperature": 0.9 })),
            (
                "user-session-456".to_owned(),
                json!({ "tool_calling_timeout": 5 }),
            ),
        ]),
    };

    let config_coordinator = Arc::new(ConfigCoordinator::new([
        Arc::new(DatabaseConfigProvider {
            database: database.clone(),
        }),
        Arc::new(ApiConfigProvider {
            service,
            api_key: "your-api-key".to_owned(),
        }),
    ]));
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .config_coordinator(config_coordinator)
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
