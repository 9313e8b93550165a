//! The salvage of a damaged file.

mod repair;
mod walk;

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use victor_core::SessionId;

use self::walk::Walk;
use crate::database::Database;
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// A table, and those of its columns that are copied.
struct Table {
    name: String,
    columns: Vec<String>,
}

/// Tables that are not copied: the version of the schema is that of the new file, and tags follow from what has them.
const SKIPPED_TABLES: [&str; 4] = [
    "victor_schema",
    "victor_session_tags",
    "victor_ledger_tags",
    "victor_event_tags",
];

/// Columns that are not copied: nobody holds the lease of a session in the new file.
const SKIPPED_COLUMNS: [&str; 5] = ["fence", "owner", "owner_turn", "held_since", "held_until"];

/// The outcome of a [`salvage`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvage {
    /// Number of rows that were copied, of all tables.
    pub rows: u64,
    /// Whether every row could be read.
    pub complete: bool,
    /// Sessions of which something is lost: entries of their transcripts, or their metadata. One whose name is lost is
    /// called `salvaged-` and a number.
    pub sessions: Vec<SessionId>,
}

/// Copies what can be read of a damaged SQLite file into a new one, row by row, and leaves the damaged one as it is.
///
/// The new file is a sound database: transcripts with lost entries are numbered anew, and checkpoints that have lost a
/// message are left out.
///
/// # Errors
///
/// There is something at `into` already, nothing at all can be read, or the new file cannot be written.
pub async fn salvage(
    damaged: impl AsRef<Path>,
    into: impl AsRef<Path>,
) -> Result<Salvage, DatabaseError> {
    let (damaged, into) = (damaged.as_ref(), into.as_ref());
    if into.exists() {
        let message = format!("`{}` is there already: choose another path", into.display());
        return Err(DatabaseError::Address { message });
    }
    let place = damaged.display().to_string();
    let options = SqliteConnectOptions::new()
        .filename(damaged)
        .read_only(true)
        .disable_statement_logging();
    let source = options
        .connect()
        .await
        .map_err(|error| DatabaseError::new(&place, error))?;
    let bytes = std::fs::metadata(damaged).map_or(0, |metadata| metadata.len());
    let mut walk = Walk::new(source, bytes);
    walk.check()
        .await
        .map_err(|error| DatabaseError::new(&place, error))?;

    let database = Database::open(into.to_string_lossy()).await?;
    let mut transaction = database.begin().await?;
    let outcome = copy(&mut walk, &mut transaction).await;
    let outcome = transaction.end(outcome).await;
    database.close().await;
    outcome
}

async fn copy(
    walk: &mut Walk,
    transaction: &mut Transaction<'_>,
) -> Result<Salvage, DatabaseError> {
    // Rows come in any order, and what does not fit together in the end is repaired.
    transaction.script("PRAGMA defer_foreign_keys = ON").await?;
    let mut salvage = Salvage {
        complete: true,
        ..Salvage::default()
    };
    for table in tables(transaction).await? {
        if walk.lacks(&table).await {
            continue;
        }
        let table = walk.known(table).await;
        let copied = walk.copy(&table, transaction).await?;
        salvage.rows += copied.rows;
        salvage.complete &= copied.complete;
    }
    salvage.sessions = repair::repair(transaction).await?;
    Ok(salvage)
}

/// Returns the tables of the new file, so that no table or column of the schema can be forgotten here.
async fn tables(transaction: &mut Transaction<'_>) -> Result<Vec<Table>, DatabaseError> {
    let columns = Statement::new(
        "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND substr(tables.name, 1, 7) = 'victor_' ORDER BY tables.rowid, columns.cid",
    );
    let mut tables: Vec<Table> = Vec::new();
    for row in transaction.rows(columns).await? {
        let names = (|| Ok((row.text(0)?, row.text(1)?)))();
        let (table, column) =
            names.map_err(|error| DatabaseError::new(transaction.place(), error))?;
        if SKIPPED_TABLES.contains(&table) || SKIPPED_COLUMNS.contains(&column) {
            continue;
        }
        match tables.last_mut().filter(|last| last.name == table) {
            Some(last) => last.columns.push(column.to_owned()),
            None => tables.push(Table {
                name: table.to_owned(),
                columns: vec![column.to_owned()],
            }),
        }
    }
    Ok(tables)
}
