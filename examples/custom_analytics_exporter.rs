//! Exports what happens in conversations to a database and to the console at once.
//!
//! ```sh
//! cargo run -p examples --example custom_analytics_exporter
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult,
};
use victor_orchestrator::coordinators::analytics::AnalyticsCoordinator;

/// Stands for a database with a table `analytics (id, session_id, event_type, event_data)`.
#[derive(Debug, Default)]
struct Database {
    analytics: Mutex<BTreeMap<String, Row>>,
}

#[derive(Debug)]
struct Row {
    session_id: String,
    event_type: String,
    event_data: String,
}

#[derive(Debug)]
struct DatabaseAnalyticsExporter {
    database: Arc<Database>,
}

#[async_trait]
impl AnalyticsExporter for DatabaseAnalyticsExporter {
    fn name(&self) -> &str {
        "database"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let mut analytics = self.database.analytics.lock().await;
        for event in events {
            // Events that could not be exported come again. The id is the key, so none is stored twice.
            analytics.entry(event.id.to_string()).or_insert(Row {
                session_id: event
                    .session_id
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                event_type: event.event_type.to_string(),
                event_data: event.data.to_json().into_owned(),
            });
        }
        Ok(ExportResult::exported(events.len()))
    }
}

#[derive(Debug)]
struct ConsoleAnalyticsExporter;

#[async_trait]
impl AnalyticsExporter for ConsoleAnalyticsExporter {
    fn name(&self) -> &str {
        "console"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        for event in events {
            println!("console: {}", event.event_type);
        }
        Ok(ExportResult::exported(events.len()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let database = Arc::new(Database::default());
    let analytics_coordinator = AnalyticsCoordinator::new([
        Arc::new(DatabaseAnalyticsExporter {
            database: database.clone(),
        }),
        Arc::new(ConsoleAnalyticsExporter),
    ]);
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .analytics_coordinator(Arc::new(analytics_coordinator))
        .build()?;

    // Every event of a turn is tracked, and exported from time to time in the background.
    orchestrator.chat("Hello!").await?;
    let tracked = AnalyticsEvent::new("feedback").with("stars", 5); // one of our own
    orchestrator
        .analytics_coordinator()
        .track_event(orchestrator.session_id(), tracked);

    // Or now.
    let result = orchestrator
        .analytics_coordinator()
        .export_analytics(orchestrator.session_id())
        .await;
    println!("Exported {} events", result.exported_count);

    for row in database
        .analytics
        .lock()
        .await
        .values()
        .filter(|row| row.event_type == "feedback")
    {
        println!(
            "database: {} of session {} with {}",
            row.event_type, row.session_id, row.event_data
        );
    }
    orchestrator.shutdown().await; // exports what still waits
    Ok(())
}
