//! The store of sessions.
//!
//! A session is a row with its length, which every write compares and changes: of several writers one finds it as it
//! expected. What is known of a session is kept as JSON, but for the length and the time, which every write changes.

mod find;

use async_trait::async_trait;
use victor_core::{SessionId, Timestamp};
use victor_session_protocol::{
    OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery, SessionStore,
    TranscriptEntry, TurnChange,
};

use super::{json, micros, searched};
use crate::database::Database;
use crate::driver::Row;
use crate::error::DatabaseError;
use crate::statement::{Statement, Value};
use crate::transaction::Transaction;

/// Keeps sessions in a database.
#[derive(Debug, Clone)]
pub struct SqlSessionStore(pub(crate) Database);

#[async_trait]
impl SessionStore for SqlSessionStore {
    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        let mut transaction = self.0.begin().await?;
        let outcome = match insert(&mut transaction, session, 0).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(SessionError::AlreadyExists(session.id.clone())),
            Err(error) => Err(error.into()),
        };
        transaction.end(outcome).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let mut transaction = self.0.begin().await?;
        let outcome = commit_in(&mut transaction, session, expected, commit).await;
        transaction.end(outcome).await
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        let statement = Statement::new(
            "SELECT turn FROM victor_open_turns JOIN victor_sessions ON key = session WHERE id = $1",
        );
        let rows = self.0.rows(statement.bind(session.as_str())).await?;
        let turn = rows.first().map(|row| self.read(row, 0, "open turn"));
        Ok(turn.transpose()?)
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        let statement = Statement::new("SELECT turn FROM victor_open_turns");
        let rows = self.0.rows(statement).await?;
        let turns = rows.iter().map(|row| self.read(row, 0, "open turn"));
        let mut turns: Vec<OpenTurn> = turns.collect::<Result<_, _>>()?;
        turns.sort_by_key(|turn| (turn.at, turn.turn));
        Ok(turns)
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        // A session without such entries has one row, and it is empty.
        let statement = Statement::new(
            "SELECT entry FROM victor_sessions
             LEFT JOIN victor_entries ON session = key AND number >= $1
             WHERE id = $2 ORDER BY number",
        );
        let statement = statement.bind(int(from)).bind(session.as_str());
        let rows = self.0.rows(statement).await?;
        if rows.is_empty() {
            return Err(SessionError::NotFound(session.clone()));
        }
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let json = row.optional_text(0).map_err(|error| self.0.error(error))?;
            if let Some(json) = json {
                entries.push(self.0.parse(json, "transcript entry")?);
            }
        }
        Ok(entries)
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        let statement =
            Statement::new("SELECT info, entries, updated_at FROM victor_sessions WHERE id = $1");
        let rows = self.0.rows(statement.bind(session.as_str())).await?;
        Ok(rows.first().map(|row| self.read_info(row)).transpose()?)
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        let mut transaction = self.0.begin().await?;
        let outcome = self.update_in(&mut transaction, session, patch).await;
        transaction.end(outcome).await
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        let rows = self.0.rows(find::statement(query)).await?;
        let infos = rows.iter().map(|row| self.read_info(row));
        Ok(infos.collect::<Result<_, _>>()?)
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        let statement = Statement::new("DELETE FROM victor_sessions WHERE id = $1");
        Ok(self.0.execute(statement.bind(session.as_str())).await? > 0)
    }
}

impl SqlSessionStore {
    async fn update_in(
        &self,
        transaction: &mut Transaction<'_>,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        // Changes nothing, and holds the row until the end.
        let statement = Statement::new(
            "UPDATE victor_sessions SET entries = entries WHERE id = $1
             RETURNING info, entries, updated_at, key",
        );
        let rows = transaction.rows(statement.bind(session.as_str())).await?;
        let Some(row) = rows.first() else {
            return Err(SessionError::NotFound(session.clone()));
        };
        let mut info = self.read_info(row)?;
        let key = row.int(3).map_err(|error| self.0.error(error))?;
        let tags = info.tags.clone();
        patch.apply(&mut info);
        let statement = Statement::new(
            "UPDATE victor_sessions SET status = $1, title = $2, expires_at = $3, info = $4 WHERE key = $5",
        )
        .bind(info.status.as_str())
        .bind(info.title.as_deref().map(searched))
        .bind(info.expires_at.map(micros))
        .bind(json(&info)?)
        .bind(key);
        transaction.execute(statement).await?;
        if tags != info.tags {
            let statement = Statement::new("DELETE FROM victor_session_tags WHERE session = $1");
            transaction.execute(statement.bind(key)).await?;
            insert_tags(transaction, &info, key).await?;
        }
        Ok(info)
    }

    fn read_info(&self, row: &Row) -> Result<SessionInfo, DatabaseError> {
        let mut info: SessionInfo = self.read(row, 0, "session")?;
        let int = |column| row.int(column).map_err(|error| self.0.error(error));
        info.entries = int(1)?.unsigned_abs();
        // A time that is no time is not there, since no other than ours is written.
        info.updated_at = Timestamp::from_microsecond(int(2)?).unwrap_or_default();
        Ok(info)
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        row: &Row,
        column: usize,
        what: &'static str,
    ) -> Result<T, DatabaseError> {
        let json = row.text(column).map_err(|error| self.0.error(error))?;
        self.0.parse(json, what)
    }
}

async fn commit_in(
    transaction: &mut Transaction<'_>,
    session: &SessionId,
    expected: u64,
    commit: &SessionCommit,
) -> Result<u64, SessionError> {
    let count = commit.entries.len() as u64;
    let key = match grow(transaction, session, expected, count).await? {
        Some(key) => key,
        // It is made by the first write, and of several first writes by one.
        None if expected == 0 => {
            let info = SessionInfo::new(session.clone());
            match insert(transaction, &info, count).await? {
                Some(key) => key,
                None => return Err(refusal(transaction, session, expected).await?),
            }
        }
        None => return Err(refusal(transaction, session, expected).await?),
    };
    let mut rows = Vec::with_capacity(commit.entries.len());
    for (number, entry) in commit.entries.iter().enumerate() {
        let number = int(expected + number as u64);
        rows.push([key.into(), number.into(), json(entry)?.into()]);
    }
    let head = "INSERT INTO victor_entries (session, number, entry) VALUES ";
    transaction.insert(head, rows, "").await?;
    match &commit.turn {
        TurnChange::Open(turn) => {
            let statement = Statement::new(
                "INSERT INTO victor_open_turns (session, turn) VALUES ($1, $2)
                 ON CONFLICT (session) DO UPDATE SET turn = excluded.turn",
            );
            let statement = statement.bind(key).bind(json(turn)?);
            transaction.execute(statement).await?;
        }
        TurnChange::Close => {
            let statement = Statement::new("DELETE FROM victor_open_turns WHERE session = $1");
            transaction.execute(statement.bind(key)).await?;
        }
        _ => {}
    }
    Ok(expected + count)
}

/// Makes room for entries in an open session of the expected length, and returns its key.
async fn grow(
    transaction: &mut Transaction<'_>,
    session: &SessionId,
    expected: u64,
    count: u64,
) -> Result<Option<i64>, DatabaseError> {
    let statement = Statement::new(
        "UPDATE victor_sessions SET entries = entries + $1, \
         updated_at = CASE WHEN $1 = 0 THEN updated_at ELSE $2 END \
         WHERE id = $3 AND entries = $4 AND status = 'open' RETURNING key",
    )
    .bind(int(count))
    .bind(micros(Timestamp::now()))
    .bind(session.as_str())
    .bind(int(expected));
    let rows = transaction.rows(statement).await?;
    key(transaction, &rows)
}

/// Inserts a session with a transcript of so many entries, and returns its key; none if it is there already.
async fn insert(
    transaction: &mut Transaction<'_>,
    info: &SessionInfo,
    entries: u64,
) -> Result<Option<i64>, DatabaseError> {
    let statement = Statement::new(
        "INSERT INTO victor_sessions (id, entries, updated_at, status, title, expires_at, info) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING key",
    )
    .bind(info.id.as_str())
    .bind(int(entries))
    .bind(micros(info.updated_at))
    .bind(info.status.as_str())
    .bind(info.title.as_deref().map(searched))
    .bind(info.expires_at.map(micros))
    .bind(json(info)?);
    let rows = transaction.rows(statement).await?;
    let key = key(transaction, &rows)?;
    if let Some(key) = key {
        insert_tags(transaction, info, key).await?;
    }
    Ok(key)
}

async fn insert_tags(
    transaction: &mut Transaction<'_>,
    info: &SessionInfo,
    key: i64,
) -> Result<(), DatabaseError> {
    let mut rows: Vec<[Value<'_>; 2]> = Vec::with_capacity(info.tags.len());
    rows.extend(
        info.tags
            .iter()
            .map(|tag| [key.into(), searched(tag).into()]),
    );
    let head = "INSERT INTO victor_session_tags (session, tag) VALUES ";
    transaction
        .insert(head, rows, " ON CONFLICT DO NOTHING")
        .await
}

/// Why a session cannot be written to.
async fn refusal(
    transaction: &mut Transaction<'_>,
    session: &SessionId,
    expected: u64,
) -> Result<SessionError, DatabaseError> {
    let statement = Statement::new("SELECT entries FROM victor_sessions WHERE id = $1");
    let rows = transaction.rows(statement.bind(session.as_str())).await?;
    let session = session.clone();
    Ok(match key(transaction, &rows)?.map(i64::unsigned_abs) {
        None => SessionError::NotFound(session),
        Some(found) if found == expected => SessionError::Closed(session),
        Some(found) => SessionError::Conflict {
            session,
            expected,
            found,
        },
    })
}

/// The number of a row, if there is a row.
fn key(transaction: &Transaction<'_>, rows: &[Row]) -> Result<Option<i64>, DatabaseError> {
    let number = rows.first().map(|row| row.int(0)).transpose();
    number.map_err(|error| DatabaseError::new(transaction.place(), error))
}

/// A number as databases have it. None of theirs is greater.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
