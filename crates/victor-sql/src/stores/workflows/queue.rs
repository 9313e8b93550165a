//! The queue of runs that could go on.

use std::time::Duration;

use victor_core::{RunId, Timestamp};

use super::row::lasting;
use crate::database::Database;
use crate::error::DatabaseError;
use crate::signals::wait_alone;
use crate::statement::Statement;
use crate::stores::micros;
use crate::transaction::Transaction;

/// Offers the runs that could go on for the longest time to nobody else for a while.
pub(super) async fn offer(
    database: &Database,
    max: usize,
    time: Duration,
) -> Result<Vec<RunId>, DatabaseError> {
    let mut transaction = database.begin().await?;
    let outcome = offer_in(database, &mut transaction, max, time).await;
    transaction.end(outcome).await
}

async fn offer_in(
    database: &Database,
    transaction: &mut Transaction<'_>,
    max: usize,
    time: Duration,
) -> Result<Vec<RunId>, DatabaseError> {
    let now = transaction.now();
    let statement = Statement::new("UPDATE victor_runs SET offered_until = ")
        .push(now)
        .push(" + ")
        .push_value(lasting(time))
        .push(
            " WHERE key IN (SELECT key FROM victor_runs \
             WHERE (status = 'running' OR status = 'waiting' AND wake_at <= ",
        )
        .push_value(micros(Timestamp::now()))
        .push(") AND (owner IS NULL OR held_until <= ")
        .push(now)
        .push(") AND (offered_until IS NULL OR offered_until <= ")
        .push(now)
        .push(") ORDER BY coalesce(wake_at, updated_at), key LIMIT ")
        .push_value(i64::try_from(max).unwrap_or(i64::MAX))
        // Who asks at the same time is offered others.
        .push(transaction.unless_locked())
        .push(") RETURNING id");
    let rows = transaction.rows(statement).await?;
    let mut runs = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = row.text(0).map_err(|error| database.error(error))?;
        runs.push(id.parse().map_err(|error| DatabaseError::Unreadable {
            place: database.place().to_owned(),
            what: "run",
            source: Box::new(error),
        })?);
    }
    Ok(runs)
}

/// Waits until a run has work to do, for so long at most. Returns false where nobody is notified.
pub(super) async fn wait(database: &Database, time: Duration) -> Result<bool, DatabaseError> {
    if !database.notifies() {
        return Ok(false);
    }
    let waiter = format!("{} runs", database.signals().name());
    wait_alone(database, "runs", &waiter, time).await?;
    Ok(true)
}
