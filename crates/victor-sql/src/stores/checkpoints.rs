//! The store of checkpoints.
//!
//! Nothing is counted: a link is in use as long as a checkpoint or another link names it, and a message as long as a
//! link does. Saves run side by side. What is no longer in use is removed by the deletion that made it so, while no
//! save runs.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointError, CheckpointStore, ContentHash, History, HistoryLink,
};
use victor_core::{CheckpointId, Message, Messages, SessionId};

use super::json;
use crate::database::Database;
use crate::driver::{Lock, Row};
use crate::error::DatabaseError;
use crate::statement::{ROWS, Statement};
use crate::transaction::Transaction;

/// Keeps checkpoints in a database.
#[derive(Debug, Clone)]
pub struct SqlCheckpointStore(Database);

impl Database {
    /// Returns the store of checkpoints.
    #[must_use]
    pub fn checkpoint_store(&self) -> Arc<SqlCheckpointStore> {
        Arc::new(SqlCheckpointStore(self.clone()))
    }
}

#[async_trait]
impl CheckpointStore for SqlCheckpointStore {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        let before = before(&checkpoint.history, links)?;
        let mut transaction = self.0.begin().await?;
        let outcome = async {
            transaction.lock(Lock::Building).await?;
            let len = self.len(&mut transaction, before).await?;
            if len + links.len() as u64 != checkpoint.history.len {
                return Err(damaged("the links do not lead to the checkpoint's history"));
            }
            insert_links(&mut transaction, links, len).await?;
            self.insert(&mut transaction, checkpoint).await
        }
        .await;
        transaction.end(outcome).await
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        let rows = self.0.rows(checkpoint_of(id)).await?;
        let row = rows.first().ok_or(CheckpointError::NotFound(id))?;
        Ok(self.checkpoint(row)?)
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        let Some(head) = history.head else {
            return Ok(Messages::new());
        };
        let statement = Statement::new(
            "WITH RECURSIVE chain (parent, content, len) AS (
                 SELECT parent, content, len FROM victor_links WHERE hash = $1
                 UNION ALL
                 SELECT link.parent, link.content, link.len FROM chain
                 JOIN victor_links link ON link.hash = chain.parent AND link.len = chain.len - 1
             )
             SELECT len, parent, content, message FROM chain
             LEFT JOIN victor_messages ON hash = content",
        );
        let mut rows = self.0.rows(statement.bind(bytes(&head))).await?;
        // The database may return them in any order, and would sort the messages along.
        rows.sort_by_cached_key(|row| row.int(0).ok());
        let Some(oldest) = rows.first() else {
            return Err(CheckpointError::MissingHistory(head));
        };
        let parent = oldest.optional_bytes(1);
        if let Some(parent) = parent.map_err(|error| self.0.error(error))? {
            return Err(CheckpointError::MissingHistory(hash(parent)?));
        }
        if rows.len() as u64 != history.len {
            let (found, said) = (rows.len(), history.len);
            return Err(damaged(format!(
                "history `{head}` has {found} messages, not {said}"
            )));
        }
        rows.iter().map(|row| self.message(row)).collect()
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        let statement =
            Statement::new("SELECT checkpoint FROM victor_checkpoints WHERE session = $1");
        let rows = self.0.rows(statement.bind(session.as_str())).await?;
        let mut list = rows
            .iter()
            .map(|row| self.checkpoint(row))
            .collect::<Result<Vec<_>, _>>()?;
        list.sort_by_key(|checkpoint| Reverse((checkpoint.at, checkpoint.id)));
        Ok(list)
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        let mut transaction = self.0.begin().await?;
        let outcome = delete(&mut transaction, ids).await;
        Ok(transaction.end(outcome).await?)
    }
}

impl SqlCheckpointStore {
    /// Returns the number of messages in a history that others build upon.
    async fn len(
        &self,
        transaction: &mut Transaction<'_>,
        head: Option<ContentHash>,
    ) -> Result<u64, CheckpointError> {
        let Some(head) = head else { return Ok(0) };
        let statement = Statement::new("SELECT len FROM victor_links WHERE hash = $1");
        let rows = transaction.rows(statement.bind(bytes(&head))).await?;
        let row = rows.first().ok_or(CheckpointError::MissingHistory(head))?;
        let len = row.int(0).map_err(|error| self.0.error(error))?;
        u64::try_from(len).map_err(|_| damaged(format!("history `{head}` has {len} messages")))
    }

    async fn insert(
        &self,
        transaction: &mut Transaction<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        let (id, head) = (checkpoint.id, checkpoint.history.head.as_ref());
        let statement = Statement::new(
            "INSERT INTO victor_checkpoints (id, session, head, checkpoint) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(id.to_string())
        .bind(checkpoint.session.as_str())
        .bind(head.map(bytes))
        .bind(json(checkpoint)?);
        if transaction.execute(statement).await? == 1 {
            return Ok(());
        }
        let rows = transaction.rows(checkpoint_of(id)).await?;
        let found = rows.first().map(|row| self.checkpoint(row)).transpose()?;
        if found.as_ref() == Some(checkpoint) {
            return Ok(());
        }
        Err(CheckpointError::AlreadyExists(id))
    }

    fn checkpoint(&self, row: &Row) -> Result<Checkpoint, DatabaseError> {
        let json = row.text(0).map_err(|error| self.0.error(error))?;
        self.0.parse(json, "checkpoint")
    }

    /// The message of a row, if it is the one that was saved.
    fn message(&self, row: &Row) -> Result<Message, CheckpointError> {
        let content = row.bytes(2).map_err(|error| self.0.error(error))?;
        let json = row.optional_text(3).map_err(|error| self.0.error(error))?;
        match json {
            Some(json) if ContentHash::of(json.as_bytes()).as_bytes() == content => {
                Ok(self.0.parse(json, "message")?)
            }
            Some(_) => Err(damaged(format!("message `{}` is another", hash(content)?))),
            None => Err(damaged(format!("message `{}` is gone", hash(content)?))),
        }
    }
}

/// Returns the history that links build upon, or that a history without new links is. The links must lead from there to
/// the history.
fn before(
    history: &History,
    links: &[HistoryLink],
) -> Result<Option<ContentHash>, CheckpointError> {
    let before = links.first().map_or(history.head, |first| first.parent);
    let mut head = before;
    for link in links {
        if link.parent != head || !link.is_sound() {
            return Err(damaged(format!("link `{}` does not fit", link.hash)));
        }
        head = Some(link.hash);
    }
    if head != history.head {
        return Err(damaged("the links do not lead to the checkpoint's history"));
    }
    Ok(before)
}

/// Inserts those links and messages that are not there yet, after a history of so many messages.
async fn insert_links(
    transaction: &mut Transaction<'_>,
    links: &[HistoryLink],
    len: u64,
) -> Result<(), DatabaseError> {
    let mut messages = Vec::with_capacity(links.len());
    for link in links {
        messages.push((link.content, json(&*link.message)?));
    }
    // Of two who insert the same messages, each in an order of its own, each could wait for the other. Links have one
    // order anyway.
    messages.sort_unstable_by_key(|(content, _)| *content);
    let rows = messages
        .iter()
        .map(|(content, json)| [bytes(content).into(), json.as_str().into()]);
    let head = "INSERT INTO victor_messages (hash, message) VALUES ";
    let tail = " ON CONFLICT DO NOTHING";
    transaction.insert(head, rows.collect(), tail).await?;
    let rows = links.iter().enumerate().map(|(number, link)| {
        let len = len as i64 + number as i64 + 1;
        let parent = link.parent.as_ref().map(bytes);
        [
            bytes(&link.hash).into(),
            parent.into(),
            bytes(&link.content).into(),
            len.into(),
        ]
    });
    let head = "INSERT INTO victor_links (hash, parent, content, len) VALUES ";
    transaction.insert(head, rows.collect(), tail).await
}

async fn delete(
    transaction: &mut Transaction<'_>,
    ids: &[CheckpointId],
) -> Result<usize, DatabaseError> {
    transaction.lock(Lock::Removing).await?;
    let mut rows = Vec::new();
    for some in ids.chunks(ROWS) {
        let statement = Statement::new("DELETE FROM victor_checkpoints WHERE id IN (")
            .push_values(some.iter().map(ToString::to_string))
            .push(") RETURNING head");
        rows.extend(transaction.rows(statement).await?);
    }
    remove_unused(transaction, &rows).await?;
    Ok(rows.len())
}

/// Deletes the checkpoints of a session, and says how many there were.
pub(super) async fn delete_of(
    transaction: &mut Transaction<'_>,
    session: &SessionId,
) -> Result<u64, DatabaseError> {
    transaction.lock(Lock::Removing).await?;
    let statement =
        Statement::new("DELETE FROM victor_checkpoints WHERE session = $1 RETURNING head");
    let rows = transaction.rows(statement.bind(session.as_str())).await?;
    remove_unused(transaction, &rows).await?;
    Ok(rows.len() as u64)
}

/// Removes the links and messages that only checkpoints with these heads have named.
async fn remove_unused(
    transaction: &mut Transaction<'_>,
    rows: &[Row],
) -> Result<(), DatabaseError> {
    let mut heads = Vec::new();
    for row in rows {
        heads.extend(column(transaction, row.optional_bytes(0))?.map(<[u8]>::to_vec));
    }
    heads.sort_unstable();
    heads.dedup();
    let mut contents = Vec::new();
    for head in heads {
        // From the head back to the first link that somebody else names.
        let statement = Statement::new(
            "WITH RECURSIVE unused (hash, parent) AS (
                 SELECT hash, parent FROM victor_links link WHERE hash = $1
                 AND NOT EXISTS (SELECT 1 FROM victor_links WHERE parent = link.hash)
                 AND NOT EXISTS (SELECT 1 FROM victor_checkpoints WHERE head = link.hash)
                 UNION ALL
                 SELECT link.hash, link.parent FROM unused
                 JOIN victor_links link ON link.hash = unused.parent
                 WHERE NOT EXISTS
                     (SELECT 1 FROM victor_links WHERE parent = link.hash AND hash <> unused.hash)
                 AND NOT EXISTS (SELECT 1 FROM victor_checkpoints WHERE head = link.hash)
             )
             DELETE FROM victor_links WHERE hash IN (SELECT hash FROM unused) RETURNING content",
        );
        for row in transaction.rows(statement.bind(head)).await? {
            contents.push(column(transaction, row.bytes(0))?.to_vec());
        }
    }
    for some in contents.chunks(ROWS) {
        let statement = Statement::new("DELETE FROM victor_messages WHERE hash IN (")
            .push_values(some.iter().map(Vec::as_slice))
            .push(") AND NOT EXISTS (SELECT 1 FROM victor_links WHERE content = victor_messages.hash)");
        transaction.execute(statement).await?;
    }
    Ok(())
}

fn column<T>(
    transaction: &Transaction<'_>,
    column: Result<T, sqlx::Error>,
) -> Result<T, DatabaseError> {
    column.map_err(|error| DatabaseError::new(transaction.place(), error))
}

fn checkpoint_of(id: CheckpointId) -> Statement<'static> {
    Statement::new("SELECT checkpoint FROM victor_checkpoints WHERE id = $1").bind(id.to_string())
}

fn bytes(hash: &ContentHash) -> &[u8] {
    hash.as_bytes()
}

fn hash(bytes: &[u8]) -> Result<ContentHash, CheckpointError> {
    let bytes = bytes.try_into();
    bytes
        .map(ContentHash::from_bytes)
        .map_err(|_| damaged("a hash does not have 32 bytes"))
}

fn damaged(message: impl Into<String>) -> CheckpointError {
    CheckpointError::Damaged {
        message: message.into(),
    }
}
