//! Writes of a run, its records and its values that are sent to the database at once: a round trip costs more than what is
//! written.
//!
//! SQLite takes a text of several statements, in which what follows the first one goes by `changes()`, the number of rows
//! that the one before has changed (<https://www.sqlite.org/lang_corefunc.html#changes>). PostgreSQL takes one statement,
//! whose parts read what the first one has returned
//! (<https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING>).

use victor_core::RunId;
use victor_workflow_protocol::{RunCommit, RunRecord};

use super::{Statement, Value, int, json};
use crate::driver::Pools;
use crate::error::DatabaseError;

/// Begins a statement that writes the row of a run.
pub(super) fn begin<'a>(pools: &Pools) -> Statement<'a> {
    Statement::new(match pools {
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { .. } => "BEGIN IMMEDIATE; ",
        #[cfg(feature = "postgres")]
        Pools::Postgres(_) => "WITH changed AS (",
    })
}

/// Whether a commit can be written so: the numbers of its records are known, and its values follow records.
pub(super) fn fits(commit: &RunCommit) -> bool {
    let is_numbered = commit.expected.is_some() || commit.events.is_empty();
    is_numbered
        && commit.writes.is_empty()
        && (commit.values.is_empty() || !commit.events.is_empty())
}

/// Ends a statement that writes the row of a run, with the records from a number on and the values that belong to it. It
/// returns the key of the row and its number of records; nothing if the row was not written, and then nothing else was.
pub(super) fn end<'a>(
    statement: Statement<'a>,
    pools: &Pools,
    run: RunId,
    from: u64,
    commit: &'a RunCommit,
) -> Result<Statement<'a>, DatabaseError> {
    let mut statement = statement.push(" RETURNING key, records");
    let events = (!commit.events.is_empty()).then(|| list(from, commit));
    let events = events.transpose()?;
    let rows = commit.values.iter();
    let values: Vec<[Value<'a>; 2]> = rows
        .map(|(hash, text)| [hash.as_bytes()[..].into(), (&**text).into()])
        .collect();
    match pools {
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { .. } => {
            if let Some(events) = events {
                statement = statement
                    .push(
                        "; INSERT INTO victor_run_records (run, number, record) \
                         SELECT victor_runs.key, e.key + ",
                    )
                    .push_value(int(from))
                    .push(", e.value FROM victor_runs, json_each(")
                    .push_value(events)
                    .push(") AS e WHERE victor_runs.id = ")
                    .push_value(run.to_string())
                    .push(" AND changes() > 0");
            }
            if !values.is_empty() {
                statement = statement
                    .push(
                        "; INSERT INTO victor_run_values (run, hash, value) \
                         SELECT key, column1, column2 FROM victor_runs, (VALUES ",
                    )
                    .push_rows(values)
                    .push(") WHERE id = ")
                    .push_value(run.to_string())
                    .push(" AND changes() > 0 ON CONFLICT DO NOTHING");
            }
            Ok(statement.push("; COMMIT"))
        }
        #[cfg(feature = "postgres")]
        Pools::Postgres(_) => {
            statement = statement.push(")");
            if let Some(events) = events {
                statement = statement
                    .push(
                        ", written AS (INSERT INTO victor_run_records (run, number, record) \
                         SELECT key, ",
                    )
                    .push_value(int(from))
                    .push(" + e.place - 1, e.record::text FROM changed, json_array_elements(")
                    .push_value(events)
                    .push("::json) WITH ORDINALITY AS e (record, place))");
            }
            if !values.is_empty() {
                statement = statement
                    .push(
                        ", kept AS (INSERT INTO victor_run_values (run, hash, value) \
                         SELECT key, hash, value FROM changed, (VALUES ",
                    )
                    .push_rows(values)
                    .push(") AS v (hash, value) ON CONFLICT DO NOTHING)");
            }
            Ok(statement.push(" SELECT key, records FROM changed"))
        }
    }
}

/// The records from a number on, as a list in JSON.
fn list(from: u64, commit: &RunCommit) -> Result<String, DatabaseError> {
    let mut list = String::from("[");
    for (number, event) in (from..).zip(&commit.events) {
        if number > from {
            list.push(',');
        }
        list.push_str(&json(&RunRecord::new(number, event.clone()))?);
    }
    list.push(']');
    Ok(list)
}
