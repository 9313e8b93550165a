//! The destination of events, where they can be found again.

use std::sync::Arc;

use async_trait::async_trait;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, EventPosition, EventQuery, EventStore, EventStoreError,
    ExportError, ExportResult,
};

use super::{json, micros, searched};
use crate::database::Database;
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// Number of events that one statement reads.
const PAGE: usize = 1_000;

/// Writes events into the table `victor_events`, where they can be queried: the session, the type, the time in
/// microseconds since 1970, and the whole event as JSON; their tags are in `victor_event_tags`. An event that comes twice
/// is there once.
///
/// It reads them as well, as an [`EventStore`]. Events leave with the session that they are of.
///
/// ```
/// use victor_sql::Database;
/// use victor_sql::analytics::{AnalyticsEvent, AnalyticsExporter, EventQuery, EventStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("victor.db").display().to_string();
/// let events = Database::open(&path).await?.analytics_exporter();
/// events.export(&[AnalyticsEvent::new("tool_call_finished").with("tool", "read")]).await?;
///
/// let query = EventQuery::default().with_types(vec!["tool_call_finished".into()]);
/// assert_eq!(events.events(&query).await?.len(), 1);
/// # Ok(())
/// # }
/// ```
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
        let mut transaction = self.0.begin().await?;
        let outcome = insert(&mut transaction, events).await;
        transaction.end(outcome).await?;
        Ok(ExportResult::exported(events.len()))
    }
}

async fn insert(
    transaction: &mut Transaction<'_>,
    events: &[AnalyticsEvent],
) -> Result<(), DatabaseError> {
    let (mut rows, mut tags) = (Vec::with_capacity(events.len()), Vec::new());
    for event in events {
        let (id, session) = (event.id.to_string(), event.session_id.as_ref());
        let of_event = event.tags.iter();
        tags.extend(of_event.map(|tag| [searched(tag).into(), id.clone().into()]));
        rows.push([
            id.into(),
            session.map(|session| searched(session.as_str())).into(),
            searched(&event.event_type).into(),
            micros(event.timestamp).into(),
            json(event)?.into(),
        ]);
    }
    let once = " ON CONFLICT DO NOTHING";
    let head = "INSERT INTO victor_events (id, session, type, at, event) VALUES ";
    transaction.insert(head, rows, once).await?;
    let head = "INSERT INTO victor_event_tags (tag, event) VALUES ";
    transaction.insert(head, tags, once).await
}

#[async_trait]
impl EventStore for SqlAnalyticsExporter {
    async fn events(&self, query: &EventQuery) -> Result<Vec<AnalyticsEvent>, EventStoreError> {
        let has_tags = !self.0.is_read_only() || self.has_tags().await?;
        let limit = query.limit.unwrap_or(usize::MAX);
        let (mut found, mut after) = (Vec::new(), query.after);
        while found.len() < limit {
            let page = (limit - found.len()).min(PAGE);
            let rows = self.0.rows(select(query, after, page, has_tags)).await?;
            let is_last = rows.len() < page;
            for row in &rows {
                let json = row.text(0).map_err(|error| self.0.error(error))?;
                let event: AnalyticsEvent = self.0.parse(json, "event")?;
                after = Some(EventPosition::from(&event));
                // Columns are coarser than the event: microseconds, and texts without NUL.
                if query.matches(&event) {
                    found.push(event);
                }
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }
}

impl SqlAnalyticsExporter {
    /// Whether a file that can only be read has the table of tags, which earlier versions lack.
    async fn has_tags(&self) -> Result<bool, DatabaseError> {
        let statement = "SELECT 1 FROM sqlite_schema WHERE name = 'victor_event_tags'";
        Ok(!self.0.rows(Statement::new(statement)).await?.is_empty())
    }
}

/// Selects a page of events, after a place.
fn select(
    query: &EventQuery,
    after: Option<EventPosition>,
    page: usize,
    has_tags: bool,
) -> Statement<'_> {
    let mut statement = Statement::new("SELECT event FROM victor_events WHERE 1 = 1");
    if let Some(session) = &query.session {
        statement = statement.push(" AND session = ");
        statement = statement.push_value(searched(session.as_str()));
    }
    if !query.types.is_empty() {
        let types = query.types.iter().map(|kind| searched(kind));
        statement = statement
            .push(" AND type IN (")
            .push_values(types)
            .push(")");
    }
    if let Some(tag) = query.tag.as_deref().filter(|_| has_tags) {
        statement = statement.push(" AND id IN (SELECT event FROM victor_event_tags WHERE tag = ");
        statement = statement.push_value(searched(tag)).push(")");
    }
    if let Some(since) = query.since {
        statement = statement.push(" AND at >= ").push_value(micros(since));
    }
    if let Some(until) = query.until {
        statement = statement.push(" AND at <= ").push_value(micros(until));
    }
    if let Some(after) = after {
        let compare = match query.newest_first {
            false => " AND (at, id) > (",
            true => " AND (at, id) < (",
        };
        statement = statement.push(compare).push_value(micros(after.timestamp));
        statement = statement
            .push(", ")
            .push_value(after.id.to_string())
            .push(")");
    }
    let order = match query.newest_first {
        false => " ORDER BY at, id LIMIT ",
        true => " ORDER BY at DESC, id DESC LIMIT ",
    };
    statement.push(order).push_value(page as i64)
}
