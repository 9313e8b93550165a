//! Ranges of the outbox that processes send, each its own.
//!
//! A claim is a range of places, so that it costs one row however many events are in it. Claims follow each other from an
//! exporter's cursor on, without gaps; one whose events are sent stays, without an owner, until the cursor has passed it.

use std::time::Duration;

use victor_analytics_protocol::AnalyticsEvent;

use super::{Shared, int, select};
use crate::database::Database;
use crate::driver::Row;
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::stores::searched;
use crate::transaction::Transaction;

/// The owner of a range that is sent. Nobody else has the empty name.
const SENT: &str = "";

/// Claims the oldest events of an exporter that nobody sends, and returns them.
pub(super) async fn claim(
    database: &Database,
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    exporter: &str,
    limit: i64,
) -> Result<Vec<(u64, AnalyticsEvent)>, DatabaseError> {
    while let Some(cursor) = cursor(transaction, exporter).await? {
        let range = match taken(transaction, shared, exporter).await? {
            Some(range) => Some(
                extended(transaction, shared, exporter, limit)
                    .await?
                    .unwrap_or(range),
            ),
            None => new(transaction, shared, exporter, cursor, limit).await?,
        };
        let Some((first, last)) = range else { break };
        let statement = Statement::new(
            "SELECT place, event FROM victor_outbox WHERE place >= $1 AND place <= $2 ORDER BY place LIMIT $3",
        );
        let statement = statement.bind(first).bind(last).bind(limit);
        let rows = transaction.rows(statement).await?;
        if !rows.is_empty() {
            return select(database, &rows);
        }
        // They were dropped meanwhile, with their session or because the outbox was full.
        settle(transaction, shared, exporter, last).await?;
    }
    Ok(Vec::new())
}

/// The place up to which everything of an exporter is sent. Nobody else claims or settles until the transaction ends.
async fn cursor(
    transaction: &mut Transaction<'_>,
    exporter: &str,
) -> Result<Option<i64>, DatabaseError> {
    let statement = Statement::new("SELECT place FROM victor_outbox_cursors WHERE exporter = ")
        .push_value(searched(exporter))
        .push(transaction.locked());
    let rows = transaction.rows(statement).await?;
    rows.first()
        .map(|row| number(transaction, row, 0))
        .transpose()
}

/// Takes the range that is one's own already, or one whose owner has given no sign for too long.
async fn taken(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    exporter: &str,
) -> Result<Option<(i64, i64)>, DatabaseError> {
    let now = transaction.now();
    let statement = Statement::new("UPDATE victor_outbox_claims SET sender = ")
        .push_value(&*shared.owner)
        .push(", until = ")
        .push(now)
        .push(" + ")
        .push_value(micros(shared.time))
        .push(" WHERE exporter = ")
        .push_value(searched(exporter))
        .push(" AND first = (SELECT first FROM victor_outbox_claims WHERE exporter = ")
        .push_value(searched(exporter))
        .push(" AND sender <> ")
        .push_value(SENT)
        .push(" AND (sender = ")
        .push_value(&*shared.owner)
        .push(" OR until <= ")
        .push(now)
        .push(") ORDER BY CASE WHEN sender = ")
        .push_value(&*shared.owner)
        .push(" THEN 0 ELSE 1 END, first LIMIT 1) RETURNING first, last");
    let rows = transaction.rows(statement).await?;
    range(transaction, &rows)
}

/// Adds the events that come next to the range that is one's own, up to so many, where nobody has claimed them.
async fn extended(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    exporter: &str,
    limit: i64,
) -> Result<Option<(i64, i64)>, DatabaseError> {
    let statement = Statement::new(
        "UPDATE victor_outbox_claims SET last = (SELECT max(place) FROM \
         (SELECT place FROM victor_outbox WHERE place >= first ORDER BY place LIMIT $1) AS next) \
         WHERE exporter = $2 AND sender = $3 AND last = \
         (SELECT max(last) FROM victor_outbox_claims WHERE exporter = $2) AND last < (SELECT max(place) FROM \
         (SELECT place FROM victor_outbox WHERE place >= first ORDER BY place LIMIT $1) AS next) \
         RETURNING first, last",
    );
    let statement = statement
        .bind(limit)
        .bind(searched(exporter))
        .bind(&*shared.owner);
    let rows = transaction.rows(statement).await?;
    range(transaction, &rows)
}

/// Claims events behind all that are claimed.
async fn new(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    exporter: &str,
    cursor: i64,
    limit: i64,
) -> Result<Option<(i64, i64)>, DatabaseError> {
    let now = transaction.now();
    let statement = Statement::new(
        "INSERT INTO victor_outbox_claims (exporter, first, last, sender, until) SELECT ",
    )
    .push_value(searched(exporter))
    .push(", min(place), max(place), ")
    .push_value(&*shared.owner)
    .push(", ")
    .push(now)
    .push(" + ")
    .push_value(micros(shared.time))
    .push(" FROM (SELECT place FROM victor_outbox WHERE place > ")
    .push_value(cursor)
    .push(" AND place > (SELECT coalesce(max(last), 0) FROM victor_outbox_claims WHERE exporter = ")
    .push_value(searched(exporter))
    .push(") ORDER BY place LIMIT ")
    .push_value(limit)
    .push(") AS next HAVING count(*) > 0 RETURNING first, last");
    let rows = transaction.rows(statement).await?;
    range(transaction, &rows)
}

/// Takes note that everything is sent up to a place that this process has claimed, and moves the cursor.
pub(super) async fn settle(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    exporter: &str,
    place: i64,
) -> Result<(), DatabaseError> {
    if cursor(transaction, exporter).await?.is_none() {
        return Ok(());
    }
    let name = searched(exporter);
    let of_own = |statement: Statement<'static>| {
        statement
            .push(" WHERE exporter = ")
            .push_value(name.clone().into_owned())
            .push(" AND sender = ")
            .push_value(shared.owner.to_string())
    };
    let whole = Statement::new("UPDATE victor_outbox_claims SET sender = ").push_value(SENT);
    let whole = of_own(whole).push(" AND last <= ").push_value(place);
    let settled = transaction.execute(whole).await?;
    let part = Statement::new("UPDATE victor_outbox_claims SET first = ")
        .push_value(place + 1)
        .push(", until = ")
        .push(transaction.now())
        .push(" + ")
        .push_value(micros(shared.time));
    let part = of_own(part).push(" AND first <= ").push_value(place);
    if transaction.execute(part).await? + settled == 0 {
        tracing::warn!(
            exporter,
            "another process sends these events as well, since they were claimed for too long"
        );
        return Ok(());
    }
    let passed = Statement::new(
        "UPDATE victor_outbox_cursors SET place = (SELECT CASE WHEN min(CASE WHEN sender <> '' THEN first END) IS NULL \
         THEN max(last) ELSE min(CASE WHEN sender <> '' THEN first END) - 1 END \
         FROM victor_outbox_claims WHERE exporter = $1) WHERE exporter = $1",
    );
    transaction.execute(passed.bind(searched(exporter))).await?;
    let gone = Statement::new(
        "DELETE FROM victor_outbox_claims WHERE exporter = $1 AND sender = '' \
         AND last <= (SELECT place FROM victor_outbox_cursors WHERE exporter = $1)",
    );
    transaction.execute(gone.bind(searched(exporter))).await?;
    Ok(())
}

fn range(transaction: &Transaction<'_>, rows: &[Row]) -> Result<Option<(i64, i64)>, DatabaseError> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some((
        number(transaction, row, 0)?,
        number(transaction, row, 1)?,
    )))
}

fn number(transaction: &Transaction<'_>, row: &Row, column: usize) -> Result<i64, DatabaseError> {
    row.int(column)
        .map_err(|error| DatabaseError::new(transaction.place(), error))
}

fn micros(time: Duration) -> i64 {
    int(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
