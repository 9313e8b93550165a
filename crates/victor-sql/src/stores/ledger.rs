//! The store of ledger entries.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::AttemptId;
use victor_provider_protocol::{LedgerEntry, LedgerError, LedgerQuery, LedgerStore};

use super::{json, micros, searched};
use crate::database::Database;
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// Keeps the ledger of model calls in the table `victor_ledger`, where it can be queried: the session, the turn, the
/// begin in microseconds since 1970, whether the attempt is pending, and the whole entry as JSON.
///
/// Entries stay when their session is deleted: what was spent was spent. They hold names (of the session, the target,
/// the provider, the model and tags), counts and amounts, and nothing that was said.
#[derive(Debug, Clone)]
pub struct SqlLedgerStore(Database);

impl Database {
    /// Returns the store of ledger entries.
    #[must_use]
    pub fn ledger_store(&self) -> Arc<SqlLedgerStore> {
        Arc::new(SqlLedgerStore(self.clone()))
    }
}

#[async_trait]
impl LedgerStore for SqlLedgerStore {
    async fn write(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries = latest(entries);
        let mut transaction = self.0.begin().await?;
        let outcome = insert(&mut transaction, &entries).await;
        Ok(transaction.end(outcome).await?)
    }

    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        if self.0.is_read_only() && !self.has_ledger().await? {
            return Ok(Vec::new());
        }
        let rows = self.0.rows(select(query)).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let json = row.text(0).map_err(|error| self.0.error(error))?;
            let entry = self.0.parse(json, "ledger entry")?;
            // Columns are coarser than the entry: microseconds, and texts without NUL.
            if query.matches(&entry) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

impl SqlLedgerStore {
    /// Whether a file that can only be read has the table, which earlier versions lack.
    async fn has_ledger(&self) -> Result<bool, DatabaseError> {
        let statement = Statement::new("SELECT 1 FROM sqlite_schema WHERE name = 'victor_ledger'");
        Ok(!self.0.rows(statement).await?.is_empty())
    }
}

/// The form of each entry that is to be stored, since a statement may change a row only once: the last one, and one
/// that has ended before one that has not. In order, so that writers side by side lock rows in the same order.
fn latest(entries: &[LedgerEntry]) -> BTreeMap<AttemptId, &LedgerEntry> {
    let mut latest = BTreeMap::<_, &LedgerEntry>::new();
    for entry in entries {
        let kept = latest.entry(entry.id).or_insert(entry);
        if entry.ended.is_some() || kept.ended.is_none() {
            *kept = entry;
        }
    }
    latest
}

async fn insert(
    transaction: &mut Transaction<'_>,
    entries: &BTreeMap<AttemptId, &LedgerEntry>,
) -> Result<(), DatabaseError> {
    let (mut rows, mut tags) = (Vec::with_capacity(entries.len()), Vec::new());
    for (id, entry) in entries {
        let session = entry.session.as_ref();
        rows.push([
            id.to_string().into(),
            session.map(|session| searched(session.as_str())).into(),
            entry.turn.map(|turn| Cow::from(turn.to_string())).into(),
            micros(entry.started).into(),
            i64::from(entry.ended.is_none()).into(),
            json(entry)?.into(),
        ]);
        let of_entry = entry.tags.iter();
        tags.extend(of_entry.map(|tag| [searched(tag).into(), id.to_string().into()]));
    }
    let head = "INSERT INTO victor_ledger (id, session, turn, at, pending, entry) VALUES ";
    // An attempt that has ended does not run again.
    let tail = " ON CONFLICT (id) DO UPDATE SET session = excluded.session, turn = excluded.turn,
         at = excluded.at, pending = excluded.pending, entry = excluded.entry
         WHERE victor_ledger.pending = 1 OR excluded.pending = 0";
    transaction.insert(head, rows, tail).await?;
    let head = "INSERT INTO victor_ledger_tags (tag, entry) VALUES ";
    transaction
        .insert(head, tags, " ON CONFLICT DO NOTHING")
        .await
}

fn select(query: &LedgerQuery) -> Statement<'_> {
    let mut statement = Statement::new("SELECT entry FROM victor_ledger WHERE 1 = 1");
    if let Some(session) = &query.session {
        statement = statement.push(" AND session = ");
        statement = statement.push_value(searched(session.as_str()));
    }
    if let Some(turn) = query.turn {
        statement = statement.push(" AND turn = ").push_value(turn.to_string());
    }
    if let Some(tag) = &query.tag {
        statement = statement.push(" AND id IN (SELECT entry FROM victor_ledger_tags WHERE tag = ");
        statement = statement.push_value(searched(tag)).push(")");
    }
    if let Some(from) = query.from {
        statement = statement.push(" AND at >= ").push_value(micros(from));
    }
    if let Some(until) = query.until {
        statement = statement.push(" AND at <= ").push_value(micros(until));
    }
    statement.push(" ORDER BY id")
}
