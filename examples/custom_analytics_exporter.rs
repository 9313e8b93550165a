//! Exports what happens in conversations to a database, to a webhook and to Prometheus at once.
//!
//! ```sh
//! cargo run -p examples --example custom_analytics_exporter
//! ```
//!
//! The database is SQLite in memory, and the webhook and the Pushgateway are servers on this machine. With a real
//! Pushgateway (`apt install prometheus-pushgateway`), name it: `PUSHGATEWAY=http://localhost:9091 cargo run ...`.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqlitePool;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult,
};
use victor_orchestrator::coordinators::analytics::AnalyticsCoordinator;
use victor_orchestrator::core::SessionId;
use victor_testkit::{FakeApi, Reply};
use victor_web::{PushgatewayExporter, WebhookExporter};

/// An exporter of our own; the others are ready-made.
#[derive(Debug)]
struct DatabaseAnalyticsExporter {
    database: SqlitePool,
}

impl DatabaseAnalyticsExporter {
    async fn insert(&self, events: &[AnalyticsEvent]) -> Result<(), sqlx::Error> {
        // All or none: a batch that fails comes again as a whole.
        let mut transaction = self.database.begin().await?;
        for event in events {
            // Events that were exported may come again. The id is the key, so none is stored twice.
            sqlx::query("INSERT INTO analytics VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
                .bind(event.id.to_string())
                .bind(event.session_id.as_ref().map(SessionId::as_str))
                .bind(event.event_type.as_ref())
                .bind(event.data.to_json())
                .bind(event.timestamp.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}

#[async_trait]
impl AnalyticsExporter for DatabaseAnalyticsExporter {
    fn name(&self) -> &str {
        "database"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let inserted = self.insert(events).await;
        inserted
            .map_err(|error| ExportError::new("the events were not inserted").with_source(error))?;
        Ok(ExportResult::exported(events.len()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let database = options.connect("sqlite::memory:").await?;
    sqlx::raw_sql("CREATE TABLE analytics (id text PRIMARY KEY, session_id text, event_type text, event_data text, at text)")
        .execute(&database)
        .await?;
    let hooks = FakeApi::answering(Reply::new(204, "", "")).await?;
    let metrics = FakeApi::answering(Reply::new(200, "", "")).await?;
    let pushgateway = std::env::var("PUSHGATEWAY").unwrap_or_else(|_| metrics.url().to_owned());

    let analytics_coordinator = AnalyticsCoordinator::builder()
        .exporter(DatabaseAnalyticsExporter {
            database: database.clone(),
        })
        .exporter(
            WebhookExporter::builder(format!("{}/analytics", hooks.url()))
                .header("Authorization", "Bearer your-token")
                .build()?,
        )
        .exporter(
            PushgatewayExporter::builder(pushgateway)
                .job("victor-analytics")
                .build()?,
        )
        .build();
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .analytics_coordinator(Arc::new(analytics_coordinator))
        .build()?;

    // Every event of a turn is tracked, and exported from time to time in the background.
    orchestrator.chat("Hello!").await?;
    let feedback = AnalyticsEvent::new("feedback").with("stars", 5); // one of our own
    let analytics = orchestrator.analytics_coordinator();
    analytics.track_event(orchestrator.session_id(), feedback);

    // Or now, to all of them in parallel.
    let result = analytics.export_analytics(orchestrator.session_id()).await;
    println!("Exported {} events", result.exported_count);

    let query =
        "SELECT event_type, session_id, event_data FROM analytics WHERE event_type = 'feedback'";
    let (kind, session, data): (String, String, String) =
        sqlx::query_as(query).fetch_one(&database).await?;
    println!("database: {kind} of session {session} with {data}");
    let request = hooks.last();
    let types: Vec<_> = request
        .json()
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| event["type"].to_string())
        .collect();
    println!("webhook: {} with {}", request.path, types.join(", "));
    if let Some(request) = metrics.requests().last() {
        println!("Pushgateway: {}", request.path);
        for line in request
            .body
            .lines()
            .filter(|line| line.starts_with("victor_analytics_feedback"))
        {
            println!("Pushgateway: {line}");
        }
    }
    orchestrator.shutdown().await; // exports what still waits
    Ok(())
}
