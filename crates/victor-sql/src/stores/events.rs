//! The destination of events.

use std::sync::Arc;

use async_trait::async_trait;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};

use super::{json, micros, searched};
use crate::database::Database;
use crate::error::DatabaseError;

/// Writes events into the table `victor_events`, where they can be queried: the session, the type, the time in
/// microseconds since 1970, and the whole event as JSON. An event that comes twice is there once.
#[derive(Debug, Clone)]
pub struct SqlAnalyticsExporter(Database);

impl Database {
    /// Returns the destination of events.
    #[must_use]
    pub fn analytics_exporter(&self) -> Arc<SqlAnalyticsExporter> {
        Arc::new(SqlAnalyticsExporter(self.clone()))
    }
}

#[async_trait]
impl AnalyticsExporter for SqlAnalyticsExporter {
    fn name(&self) -> &str {
        "sql"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        if events.is_empty() {
            return Ok(ExportResult::exported(0));
        }
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let session = event.session_id.as_ref();
            rows.push([
                event.id.to_string().into(),
                session.map(|session| searched(session.as_str())).into(),
                searched(&event.event_type).into(),
                micros(event.timestamp).into(),
                json(event)?.into(),
            ]);
        }
        let mut transaction = self.0.begin().await?;
        let head = "INSERT INTO victor_events (id, session, type, at, event) VALUES ";
        let outcome: Result<(), DatabaseError> = transaction
            .insert(head, rows, " ON CONFLICT DO NOTHING")
            .await;
        transaction.end(outcome).await?;
        Ok(ExportResult::exported(events.len()))
    }
}
