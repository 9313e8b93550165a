//! Serves several tenants with one orchestrator: settings from a database, from a service, and from the defaults.
//!
//! ```sh
//! cargo run -p examples --example multi_tenant
//! ```
//!
//! Everything is on this machine: a table in SQLite, and a server that answers over HTTP.

use serde_json::json;
use sqlx::{ConnectOptions, Connection};
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::coordinators::config::ConfigCoordinator;
use victor_sql::Database;
use victor_testkit::{ApiRequest, FakeApi, Reply};
use victor_web::HttpConfigProvider;

/// A session is named after its tenant: `acme:alice`.
const QUERY: &str = "SELECT config FROM tenants WHERE name = substr($1, 1, instr($1, ':') - 1)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // The tenants that the program has a table for.
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tenants.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut tenants = options.connect().await?;
    sqlx::raw_sql(
        r#"CREATE TABLE tenants (name text PRIMARY KEY, config text NOT NULL);
           INSERT INTO tenants VALUES ('acme', '{"mode": "plan", "max_tool_calls": 3, "extra": {"plan": "free"}}');"#,
    )
    .execute(&mut tenants)
    .await?;

    // The service that knows the others. It answers with the name of the session, which the provider checks.
    let service = FakeApi::start(|request: &ApiRequest| {
        let session = request
            .path
            .trim_start_matches("/config/")
            .replace("%3A", ":");
        match request.header("authorization") {
            "Bearer sk-settings" if session.starts_with("globex:") => {
                let config = json!({ "max_tool_calls": 100, "extra": { "plan": "enterprise" } });
                Reply::json(json!({ "session_id": session, "config": config }).to_string())
                    .with_header("etag", "\"7\"")
            }
            "Bearer sk-settings" => Reply::new(404, "text/plain", "no such tenant"),
            _ => Reply::new(401, "text/plain", "who are you?"),
        }
    })
    .await?;

    let database = Database::open(path.to_string_lossy()).await?;
    let web = HttpConfigProvider::builder(service.url())
        .bearer_token("sk-settings")
        .requires_session_id();
    let config = ConfigCoordinator::builder()
        .set("max_tool_calls", 10)
        .provider(
            database
                .config_query(QUERY)?
                .with_name("table")
                .with_priority(100),
        ) // asked first
        .provider(web.name("service").build()?) // where the table has nothing to say
        .build()?;
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .config_coordinator(std::sync::Arc::new(config))
        .build()?;

    let show = async |session: &str| {
        orchestrator.session(session).chat("Hello!").await?;
        let config = orchestrator
            .config_coordinator()
            .load_config(&session.into())
            .await?;
        let mode = orchestrator.session(session).mode().unwrap_or_default();
        let plan = config.get("plan").unwrap_or_default();
        let calls = config.get("max_tool_calls").unwrap_or_default();
        println!(
            "{session}: plan {plan}, mode {mode}, {calls} tool calls, from {}",
            config.source("max_tool_calls")
        );
        anyhow::Ok(())
    };
    for session in ["acme:alice", "globex:bob", "initech:carol"] {
        show(session).await?;
    }

    // A tenant that pays has more from the next turn on.
    sqlx::query(r#"UPDATE tenants SET config = '{"max_tool_calls": 50, "extra": {"plan": "pro"}}' WHERE name = 'acme'"#)
        .execute(&mut tenants)
        .await?;
    tenants.close().await?;
    orchestrator.config_coordinator().reload().await?; // or wait for as long as answers are cached
    show("acme:alice").await
}
