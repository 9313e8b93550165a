//! Writes that belong to the row of a run: records, values, and statements of handlers.

use std::sync::Arc;

use serde_json::Value as Json;
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{JournalError, RunRecord, StoreWrite, WorkflowEvent};

use super::{Statement, Transaction, Value, json};
use crate::error::DatabaseError;

/// Words with which a write of a handler may begin: others would end the transaction, or change more than rows.
const WORDS: [&str; 6] = ["insert", "update", "delete", "replace", "merge", "with"];

/// Inserts records from a number on.
pub(super) async fn records(
    transaction: &mut Transaction<'_>,
    run: i64,
    from: i64,
    events: &[WorkflowEvent],
) -> Result<(), DatabaseError> {
    let mut rows = Vec::with_capacity(events.len());
    for (number, event) in (from..).zip(events) {
        let record = RunRecord::new(number.unsigned_abs(), event.clone());
        rows.push([run.into(), number.into(), json(&record)?.into()]);
    }
    let head = "INSERT INTO victor_run_records (run, number, record) VALUES ";
    transaction.insert(head, rows, "").await
}

/// Inserts values that are not there yet.
pub(super) async fn values(
    transaction: &mut Transaction<'_>,
    run: i64,
    values: &[(ContentHash, Arc<str>)],
) -> Result<(), DatabaseError> {
    let rows = values.iter();
    let rows: Vec<[Value<'_>; 3]> = rows
        .map(|(hash, text)| [run.into(), hash.as_bytes()[..].into(), (&**text).into()])
        .collect();
    let head = "INSERT INTO victor_run_values (run, hash, value) VALUES ";
    transaction
        .insert(head, rows, " ON CONFLICT DO NOTHING")
        .await
}

/// Does a write of a handler.
pub(super) async fn foreign(
    transaction: &mut Transaction<'_>,
    write: &StoreWrite,
) -> Result<(), JournalError> {
    let text = write.statement.trim_start();
    let word = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    if !WORDS.contains(&&*word.to_ascii_lowercase()) {
        let message = format!(
            "`{word}` begins no write; expected one of {}",
            WORDS.join(", ")
        );
        return Err(JournalError::Write { message });
    }
    let mut statement = Statement::of_handler(write.statement.clone());
    for value in &write.values {
        statement = match value {
            Json::Null => statement.bind(None::<&str>),
            Json::Bool(value) => statement.bind(i64::from(*value)),
            Json::String(text) => statement.bind(&**text),
            Json::Number(number) => match number.as_i64() {
                Some(number) => statement.bind(number),
                None => statement.bind(number.to_string()),
            },
            other => statement.bind(other.to_string()),
        };
    }
    match transaction.execute(statement).await {
        Ok(_) => Ok(()),
        // The statement is at fault, and not the database.
        Err(DatabaseError::Other { source, .. }) => Err(JournalError::Write {
            message: source.to_string(),
        }),
        Err(error) => Err(error.into()),
    }
}
