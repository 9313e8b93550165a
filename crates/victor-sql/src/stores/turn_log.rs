//! The log of turns.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use victor_chat_protocol::{EventBatch, EventLogError, TurnEvent, TurnEventLog};
use victor_core::{Timestamp, TurnId};

use super::{json, micros, searched};
use crate::database::Database;
use crate::error::DatabaseError;
use crate::signals::{AsyncLook, wait_together};
use crate::statement::Statement;

/// The first and the longest pause before a file is looked at again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// Keeps the events of turns in the table `victor_turn_events`, a batch in each row. A batch of each of many turns is one
/// statement.
///
/// In PostgreSQL a follower is notified of each batch by the commit that writes it, in whichever process; in a file it
/// looks again after 20 to 250 milliseconds. Events leave with the session that they are of, and when they are
/// [removed](TurnEventLog::remove_before).
///
/// They hold what was said, and are not encrypted by `victor-encryption`.
///
/// ```
/// use std::time::Duration;
///
/// use victor_sql::Database;
/// use victor_sql::chat::{EventBatch, TurnEvent, TurnEventKind, TurnEventLog};
/// use victor_sql::core::{SessionId, TurnId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("victor.db").display().to_string();
/// let log = Database::open(&path).await?.turn_log();
/// let (session, turn) = (SessionId::new("s"), TurnId::generate());
/// let event = TurnEvent::new(session.clone(), turn, 0, TurnEventKind::text("Hello"));
/// log.append(&[EventBatch::new(session, turn, 0, vec![event])]).await?;
///
/// // In another process, from any number on:
/// let events = log.follow(turn, 0, 100, Duration::from_secs(5)).await?;
/// assert_eq!(events[0].content(), "Hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqlTurnLog(Database);

impl Database {
    /// Returns the log of turns.
    #[must_use]
    pub fn turn_log(&self) -> Arc<SqlTurnLog> {
        Arc::new(SqlTurnLog(self.clone()))
    }
}

#[async_trait]
impl TurnEventLog for SqlTurnLog {
    async fn append(&self, batches: &[EventBatch]) -> Result<Vec<u64>, EventLogError> {
        let (now, mut rows) = (micros(Timestamp::now()), Vec::with_capacity(batches.len()));
        for batch in batches.iter().filter(|batch| !batch.events.is_empty()) {
            rows.push([
                batch.turn.to_string().into(),
                int(batch.first).into(),
                int(batch.end()).into(),
                searched(batch.session.as_str()).into(),
                now.into(),
                json(&batch.events)?.into(),
            ]);
        }
        let mut written = Vec::new();
        while !rows.is_empty() {
            let some = rows.split_off(rows.len().saturating_sub(BATCHES));
            // A turn goes on where it was, and nowhere else.
            let insert = Statement::new(
                "INSERT INTO victor_turn_events (turn, first, next, session, at, events) SELECT * FROM (VALUES ",
            )
            .push_rows(some)
            .push(
                ") AS new WHERE column2 = coalesce((SELECT max(next) FROM victor_turn_events WHERE turn = column1), 0) \
                 ON CONFLICT DO NOTHING RETURNING turn, next",
            );
            for row in &self.0.written(insert).await? {
                let turn = row.text(0).map_err(|error| self.0.error(error))?;
                let next = row.int(1).map_err(|error| self.0.error(error))?;
                written.push((turn.to_owned(), next.unsigned_abs()));
            }
        }
        let mut lengths = Vec::with_capacity(batches.len());
        for batch in batches {
            if written.contains(&(batch.turn.to_string(), batch.end())) {
                lengths.push(batch.first);
                continue;
            }
            let length = self.len(batch.turn).await?;
            if length == batch.first && !batch.events.is_empty() {
                return Err(EventLogError::new(
                    "a turn was removed meanwhile: try again",
                ));
            }
            lengths.push(length);
        }
        Ok(lengths)
    }

    async fn len(&self, turn: TurnId) -> Result<u64, EventLogError> {
        Ok(length(&self.0, turn).await?)
    }

    async fn read(
        &self,
        turn: TurnId,
        from: u64,
        max: usize,
    ) -> Result<Vec<TurnEvent>, EventLogError> {
        let mut events: Vec<TurnEvent> = Vec::new();
        let mut next = from;
        while events.len() < max.max(1) {
            let select = Statement::new(
                "SELECT first, events FROM victor_turn_events WHERE turn = $1 AND next > $2 ORDER BY first LIMIT $3",
            );
            let select = select.bind(turn.to_string()).bind(int(next)).bind(PAGE);
            let rows = self.0.rows(select).await?;
            for row in &rows {
                let first = row.int(0).map_err(|error| self.0.error(error))?;
                let text = row.text(1).map_err(|error| self.0.error(error))?;
                let batch: Vec<TurnEvent> = self.0.parse(text, "batch of events")?;
                let known = next.saturating_sub(first.unsigned_abs());
                let known = usize::try_from(known).unwrap_or(usize::MAX);
                next = first.unsigned_abs() + batch.len() as u64;
                events.extend(batch.into_iter().skip(known));
                if events.len() >= max {
                    break;
                }
            }
            if (rows.len() as i64) < PAGE {
                break;
            }
        }
        Ok(events)
    }

    async fn wait(&self, turn: TurnId, known: u64, time: Duration) -> Result<(), EventLogError> {
        let mut longer = Longer {
            database: &self.0,
            turn,
            known,
        };
        if self.0.notifies() {
            wait_together(&self.0, &format!("turn {turn}"), time, longer).await?;
            return Ok(());
        }
        let (until, mut pause) = (Instant::now() + time, PAUSES.0);
        while !longer.look().await? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        Ok(())
    }

    async fn remove_before(&self, time: Timestamp) -> Result<u64, EventLogError> {
        let delete = Statement::new(
            "DELETE FROM victor_turn_events WHERE turn IN \
             (SELECT turn FROM victor_turn_events GROUP BY turn HAVING max(at) < $1)",
        );
        Ok(self.0.repeat(delete.bind(micros(time))).await?)
    }
}

/// The number of batches that one statement writes.
const BATCHES: usize = 100;

/// The number of batches that one statement reads.
const PAGE: i64 = 50;

/// Whether a turn has more events than are known.
struct Longer<'a> {
    database: &'a Database,
    turn: TurnId,
    known: u64,
}

impl AsyncLook for Longer<'_> {
    async fn look(&mut self) -> Result<bool, DatabaseError> {
        Ok(length(self.database, self.turn).await? > self.known)
    }
}

async fn length(database: &Database, turn: TurnId) -> Result<u64, DatabaseError> {
    let select = "SELECT coalesce(max(next), 0) FROM victor_turn_events WHERE turn = $1";
    let select = Statement::new(select).bind(turn.to_string());
    let rows = database.rows(select).await?;
    let length = rows.first().map_or(Ok(0), |row| row.int(0));
    Ok(length
        .map_err(|error| database.error(error))?
        .unsigned_abs())
}

/// A number as databases have it. None of theirs is greater.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
