//! The outbox of events.

mod claims;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_analytics_protocol::{AnalyticsEvent, DeadLetter, EventOutbox, EventStoreError};
use victor_core::SessionId;

use super::{json, searched};
use crate::database::Database;
use crate::driver::{Lock, Row};
use crate::error::DatabaseError;
use crate::statement::{Statement, Value};
use crate::transaction::Transaction;

/// Number of dead letters that are kept; beyond it, the oldest are removed.
const LETTERS: i64 = 10_000;

/// Keeps events in the table `victor_outbox` until every exporter has sent them, the places of the exporters in
/// `victor_outbox_cursors`, and what they have given up in `victor_dead_letters`.
///
/// It holds the last [`with_limit`](Self::with_limit) events, 100,000 by default, also while an exporter is away for
/// days. Events leave with the session that they are of.
///
/// One process sends what is in it, unless it is [shared](Self::shared).
#[derive(Debug, Clone)]
pub struct SqlEventOutbox {
    database: Database,
    limit: u64,
    shared: Option<Shared>,
}

/// The right of one process to events of an outbox that several share.
#[derive(Debug, Clone)]
struct Shared {
    owner: Arc<str>,
    /// Time for which events are its own without a sign.
    time: Duration,
}

impl Database {
    /// Returns the outbox of events.
    #[must_use]
    pub fn event_outbox(&self) -> SqlEventOutbox {
        SqlEventOutbox {
            database: self.clone(),
            limit: 100_000,
            shared: None,
        }
    }
}

impl SqlEventOutbox {
    /// Sets the maximum number of events, and at least one; beyond it, the oldest are dropped.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Shares the outbox with other processes that do so: events that one of them is given to send are given to no other
    /// for so long, or until it has sent them. After that time, which should be a few times as long as an exporter may
    /// take, the next one that asks is given them, and an exporter sees those twice that the first has sent without
    /// saying so. The order of events is kept within what one process sends.
    ///
    /// All processes have the same exporters, and none of them has an outbox that is not shared.
    #[must_use]
    pub fn shared(mut self, time: Duration) -> Self {
        self.shared = Some(Shared {
            owner: SessionId::generate().as_str().into(),
            time,
        });
        self
    }
}

#[async_trait]
impl EventOutbox for SqlEventOutbox {
    async fn append(&self, events: &[AnalyticsEvent]) -> Result<u64, EventStoreError> {
        if events.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.database.begin().await?;
        let outcome = append(&mut transaction, events, self.limit).await;
        Ok(transaction.end(outcome).await?)
    }

    async fn register(&self, exporter: &str) -> Result<(), EventStoreError> {
        // Where there is no event at this moment, the next one is behind every place that there was.
        let statement = "INSERT INTO victor_outbox_cursors (exporter, place) \
             SELECT $1, coalesce(max(place), 0) FROM victor_outbox WHERE true ON CONFLICT DO NOTHING";
        let statement = Statement::new(statement).bind(searched(exporter));
        self.database.execute(statement).await?;
        Ok(())
    }

    async fn waiting(
        &self,
        exporter: &str,
        limit: usize,
    ) -> Result<Vec<(u64, AnalyticsEvent)>, EventStoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        if let Some(shared) = &self.shared {
            let mut transaction = self.database.begin().await?;
            let outcome =
                claims::claim(&self.database, &mut transaction, shared, exporter, limit).await;
            return Ok(transaction.end(outcome).await?);
        }
        let statement = "SELECT place, event FROM victor_outbox WHERE place > \
             (SELECT place FROM victor_outbox_cursors WHERE exporter = $1) ORDER BY place LIMIT $2";
        let statement = Statement::new(statement)
            .bind(searched(exporter))
            .bind(limit);
        let rows = self.database.rows(statement).await?;
        Ok(select(&self.database, &rows)?)
    }

    async fn advance(
        &self,
        exporter: &str,
        place: u64,
        dead: &[DeadLetter],
    ) -> Result<(), EventStoreError> {
        let place = int(place);
        let mut transaction = self.database.begin().await?;
        let shared = self.shared.as_ref();
        let outcome = advance(&mut transaction, shared, exporter, place, dead).await;
        Ok(transaction.end(outcome).await?)
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, EventStoreError> {
        let statement = Statement::new("SELECT letter FROM victor_dead_letters ORDER BY place");
        let rows = self.database.rows(statement).await?;
        let mut letters = Vec::with_capacity(rows.len());
        for row in &rows {
            let json = row.text(0).map_err(|error| self.database.error(error))?;
            letters.push(self.database.parse(json, "dead letter")?);
        }
        Ok(letters)
    }
}

/// Returns the session of an event as it is searched.
fn session<'a>(event: &'a AnalyticsEvent) -> Value<'a> {
    let session = event.session_id.as_ref();
    session.map(|session| searched(session.as_str())).into()
}

async fn append(
    transaction: &mut Transaction<'_>,
    events: &[AnalyticsEvent],
    limit: u64,
) -> Result<u64, DatabaseError> {
    // Places become visible in their order, so that no cursor passes one that is still being written.
    transaction.lock(Lock::Outbox).await?;
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        rows.push([
            event.id.to_string().into(),
            session(event),
            json(event)?.into(),
        ]);
    }
    let head = "INSERT INTO victor_outbox (id, session, event) VALUES ";
    transaction
        .insert(head, rows, " ON CONFLICT DO NOTHING")
        .await?;
    let statement =
        "DELETE FROM victor_outbox WHERE place <= (SELECT max(place) FROM victor_outbox) - $1";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    transaction
        .execute(Statement::new(statement).bind(limit))
        .await
}

async fn advance(
    transaction: &mut Transaction<'_>,
    shared: Option<&Shared>,
    exporter: &str,
    place: i64,
    dead: &[DeadLetter],
) -> Result<(), DatabaseError> {
    if let Some(shared) = shared {
        claims::settle(transaction, shared, exporter, place).await?;
    } else {
        let statement =
            "UPDATE victor_outbox_cursors SET place = $1 WHERE exporter = $2 AND place < $1";
        let statement = Statement::new(statement)
            .bind(place)
            .bind(searched(exporter));
        transaction.execute(statement).await?;
    }
    if !dead.is_empty() {
        let mut rows = Vec::with_capacity(dead.len());
        for letter in dead {
            rows.push([
                searched(&letter.exporter).into(),
                letter.event.id.to_string().into(),
                session(&letter.event),
                json(letter)?.into(),
            ]);
        }
        let head = "INSERT INTO victor_dead_letters (exporter, event, session, letter) VALUES ";
        transaction
            .insert(head, rows, " ON CONFLICT DO NOTHING")
            .await?;
        let statement = "DELETE FROM victor_dead_letters \
             WHERE place <= (SELECT max(place) FROM victor_dead_letters) - $1";
        transaction
            .execute(Statement::new(statement).bind(LETTERS))
            .await?;
    }
    let statement =
        "DELETE FROM victor_outbox WHERE place <= (SELECT min(place) FROM victor_outbox_cursors)";
    transaction.execute(Statement::new(statement)).await?;
    Ok(())
}

/// The events of rows with their places.
fn select(database: &Database, rows: &[Row]) -> Result<Vec<(u64, AnalyticsEvent)>, DatabaseError> {
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let place = row.int(0).map_err(|error| database.error(error))?;
        let json = row.text(1).map_err(|error| database.error(error))?;
        let event = database.parse(json, "event")?;
        events.push((u64::try_from(place).unwrap_or_default(), event));
    }
    Ok(events)
}

/// A number as databases have it. None of theirs is greater.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
