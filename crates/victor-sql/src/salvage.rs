//! What can be read of a damaged file.

mod repair;
mod walk;

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use victor_core::SessionId;

use self::walk::Walk;
use crate::database::Database;
use crate::error::DatabaseError;
use crate::transaction::Transaction;

/// A table, and its columns.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
}

const fn table(name: &'static str, columns: &'static [&'static str]) -> Table {
    Table { name, columns }
}

/// What is copied. Tags are not: they are made anew from the sessions.
const TABLES: [Table; 10] = [
    table(
        "victor_sessions",
        &[
            "key",
            "id",
            "entries",
            "updated_at",
            "status",
            "title",
            "expires_at",
            "info",
        ],
    ),
    table("victor_entries", &["session", "number", "entry"]),
    table("victor_open_turns", &["session", "turn"]),
    table("victor_messages", &["hash", "message"]),
    table("victor_links", &["hash", "parent", "content", "len"]),
    table(
        "victor_checkpoints",
        &["id", "session", "head", "checkpoint"],
    ),
    table("victor_events", &["id", "session", "type", "at", "event"]),
    table("victor_config", &["everywhere", "session", "key", "value"]),
    table("victor_results", &["session", "handle", "text"]),
    table("victor_receipts", &["session", "key", "result"]),
];

/// What came of a [`salvage`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvage {
    /// How many rows were copied, of all tables.
    pub rows: u64,
    /// Whether every row could be read.
    pub complete: bool,
    /// Sessions that are not what they were, because entries of their transcripts or what was known of them could not
    /// be read. One whose name is lost is called `salvaged-` and a number.
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
    let source = options.connect().await;
    let source = source.map_err(|error| DatabaseError::new(&place, error))?;
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
    for table in &TABLES {
        let copied = walk.copy(table, transaction).await?;
        salvage.rows += copied.rows;
        salvage.complete &= copied.complete;
    }
    salvage.sessions = repair::repair(transaction).await?;
    Ok(salvage)
}
