//! The store of sessions.
//!
//! A session is a row with its length, which every write compares and changes: of several writers one finds it as it
//! expected. What is known of a session is kept as JSON, but for the length and the time, which every write changes.

mod deletion;
mod find;
mod lease;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use victor_core::{SessionId, Timestamp};
use victor_session_protocol::{
    LeaseChange, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery,
    SessionStanding, SessionStore, TranscriptEntry, TurnChange,
};

use super::{json, micros, searched};
use crate::clock::Reading;
use crate::database::Database;
use crate::driver::Row;
use crate::error::DatabaseError;
use crate::signals;
use crate::statement::{Statement, Value};
use crate::transaction::Transaction;

/// Keeps sessions in a database. Leases run out by the clock of the machine in SQLite, and by that of the server in
/// PostgreSQL.
#[derive(Debug, Clone)]
pub struct SqlSessionStore(Database);

impl Database {
    /// Returns the store of sessions.
    #[must_use]
    pub fn session_store(&self) -> Arc<SqlSessionStore> {
        Arc::new(SqlSessionStore(self.clone()))
    }
}

#[async_trait]
impl SessionStore for SqlSessionStore {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        let mut transaction = self.0.begin().await?;
        let outcome = async {
            let key = insert(&mut transaction, session, entries.len() as u64)
                .await?
                .ok_or_else(|| SessionError::AlreadyExists(session.id.clone()))?;
            Ok::<_, SessionError>(insert_entries(&mut transaction, key, 0, entries).await?)
        }
        .await;
        transaction.end(outcome).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let mut patience = self.0.patience();
        let mut may_be_written = false;
        loop {
            let error = match self.commit_once(session, expected, commit).await {
                Ok(entries) => return Ok(entries),
                Err(error) => error,
            };
            // An attempt whose answer was lost with the connection may have happened, which its entries show. Without
            // entries, a commit changes nothing when it is repeated.
            if may_be_written
                && let Some(entries) = self.written(session, expected, commit, &error).await?
            {
                return Ok(entries);
            }
            may_be_written |= matches!(error, SessionError::Unavailable { .. });
            if !patience.allows_again(&error).await {
                return Err(error);
            }
        }
    }

    fn persists_turns(&self) -> bool {
        true
    }

    fn leases(&self) -> bool {
        true
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        if self.0.is_read_only() {
            // Nobody works on what cannot be written to, and it may be of a version without leases.
            let info = self.info(session).await?;
            let open = self.open_turn(session).await?;
            return Ok(info.map(|info| SessionStanding::new(&info, open.is_some())));
        }
        let began = Instant::now();
        let rows = self.0.rows(lease::read(session, self.0.pools())).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        if let Some(micros) = lease::time(row) {
            let between = (began, Instant::now());
            self.0.clock().note(Reading { micros, between });
        }
        Ok(Some(lease::standing(row, &self.0)?))
    }

    async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        let statement = lease::change(session, change, self.0.pools().now())?;
        if self.0.repeat(statement).await? > 0 {
            return Ok(());
        }
        match self.standing(session).await? {
            None => Err(SessionError::NotFound(session.clone())),
            // It may have been released since, and somebody else was faster all the same.
            Some(standing) => Err(lease::refusal(session, change, &standing)),
        }
    }

    async fn wait_in_line(
        &self,
        session: &SessionId,
        waiter: &str,
        time: Duration,
    ) -> Result<bool, SessionError> {
        if !self.0.notifies() {
            return Ok(false);
        }
        let topic = format!("session {session}");
        signals::wait_alone(&self.0, &topic, waiter, time).await?;
        Ok(true)
    }

    async fn leave_line(&self, _session: &SessionId, waiter: &str) -> Result<(), SessionError> {
        if self.0.notifies() {
            signals::leave(&self.0, waiter).await?;
        }
        Ok(())
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
        let mut turns: Vec<OpenTurn> = rows
            .iter()
            .map(|row| self.read(row, 0, "open turn"))
            .collect::<Result<_, _>>()?;
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

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        let mut transaction = self.0.begin().await?;
        let outcome = self.clear_in(&mut transaction, session, patch).await;
        let cleared = transaction.end(outcome).await?;
        self.0.empty_log().await?;
        Ok(cleared)
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        Ok(deletion::delete(&self.0, session).await?)
    }
}

impl SqlSessionStore {
    async fn commit_once(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let mut transaction = self.0.begin().await?;
        let outcome = self
            .commit_in(&mut transaction, session, expected, commit)
            .await;
        transaction.end(outcome).await
    }

    /// Returns the length of the transcript if a refused commit is in it already.
    async fn written(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
        refusal: &SessionError,
    ) -> Result<Option<u64>, SessionError> {
        let end = expected + commit.entries.len() as u64;
        if commit.entries.is_empty() || !refusal.is_conflict() {
            return Ok(None);
        }
        let found = match self.load(session, expected).await {
            Err(SessionError::NotFound(_)) => return Ok(None),
            found => found?,
        };
        let ids = |entries: &[TranscriptEntry]| -> Vec<_> {
            entries.iter().map(|entry| entry.message.id()).collect()
        };
        let is_written = found.len() == commit.entries.len() && ids(&found) == ids(&commit.entries);
        Ok(is_written.then_some(end))
    }

    async fn commit_in(
        &self,
        transaction: &mut Transaction<'_>,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let count = commit.entries.len() as u64;
        let mut facts = SessionPatch::default();
        facts.metadata.clone_from(&commit.metadata);
        let lease = &commit.lease;
        let key = match grow(transaction, session, expected, count, lease).await? {
            Some(key) => {
                if !facts.metadata.is_empty() {
                    self.set(transaction, key, &facts).await?;
                }
                key
            }
            // It is made by the first write, and of several first writes by one.
            None if expected == 0 => {
                let mut info = SessionInfo::new(session.clone());
                facts.apply(&mut info);
                match insert(transaction, &info, count).await? {
                    Some(key) => {
                        take(transaction, session, lease).await?;
                        key
                    }
                    None => {
                        return Err(self.refusal(transaction, session, expected, lease).await?);
                    }
                }
            }
            None => return Err(self.refusal(transaction, session, expected, lease).await?),
        };
        insert_entries(transaction, key, expected, &commit.entries).await?;
        journal(transaction, key, &commit.turn).await?;
        Ok(expected + count)
    }

    /// Why a session cannot be written to.
    async fn refusal(
        &self,
        transaction: &mut Transaction<'_>,
        session: &SessionId,
        expected: u64,
        lease: &LeaseChange,
    ) -> Result<SessionError, DatabaseError> {
        let statement = lease::read(session, self.0.pools());
        let rows = transaction.rows(statement).await?;
        let Some(row) = rows.first() else {
            return Ok(SessionError::NotFound(session.clone()));
        };
        let standing = lease::standing(row, &self.0)?;
        let is_admitted = lease.check(session, standing.fence, standing.lease.as_ref());
        let found = standing.entries;
        let session = session.clone();
        Ok(match is_admitted {
            Err(error) => error,
            Ok(()) if found != expected => SessionError::Conflict {
                session,
                expected,
                found,
            },
            Ok(()) if !standing.status.is_open() => SessionError::Closed(session),
            // Its lease ran out between the two statements.
            Ok(()) => lease::run_out(&session, &standing),
        })
    }

    /// Changes what is known of a session, whose row is held.
    async fn set(
        &self,
        transaction: &mut Transaction<'_>,
        key: i64,
        patch: &SessionPatch,
    ) -> Result<(), DatabaseError> {
        let statement =
            Statement::new("SELECT info, entries, updated_at FROM victor_sessions WHERE key = $1");
        let rows = transaction.rows(statement.bind(key)).await?;
        if let Some(row) = rows.first() {
            let info = self.read_info(row)?;
            change(transaction, info, key, patch).await?;
        }
        Ok(())
    }

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
        let info = self.read_info(row)?;
        let key = row.int(3).map_err(|error| self.0.error(error))?;
        Ok(change(transaction, info, key, patch).await?)
    }

    async fn clear_in(
        &self,
        transaction: &mut Transaction<'_>,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        // Holds the row, so that nobody writes between this and the end.
        let statement = Statement::new(
            "UPDATE victor_sessions SET entries = 0 WHERE id = $1 AND status = 'open'
             RETURNING info, entries, updated_at, key",
        );
        let rows = transaction.rows(statement.bind(session.as_str())).await?;
        let Some(row) = rows.first() else {
            let statement = Statement::new("SELECT key FROM victor_sessions WHERE id = $1");
            let rows = transaction.rows(statement.bind(session.as_str())).await?;
            return Err(match rows.is_empty() {
                true => SessionError::NotFound(session.clone()),
                false => SessionError::Closed(session.clone()),
            });
        };
        let info = self.read_info(row)?;
        let key = row.int(3).map_err(|error| self.0.error(error))?;
        for delete in [
            "DELETE FROM victor_entries WHERE session = $1",
            "DELETE FROM victor_open_turns WHERE session = $1",
        ] {
            transaction
                .execute(Statement::new(delete).bind(key))
                .await?;
        }
        Ok(change(transaction, info, key, patch).await?)
    }

    fn read_info(&self, row: &Row) -> Result<SessionInfo, DatabaseError> {
        let mut info: SessionInfo = self.read(row, 0, "session")?;
        let int = |column| row.int(column).map_err(|error| self.0.error(error));
        info.entries = int(1)?.unsigned_abs();
        // A time that is no time is not there, since no other than ours is written.
        info.updated_at = Timestamp::from_unix_micros(int(2)?).unwrap_or_default();
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

/// Changes what is known of a session, whose row is held.
async fn change(
    transaction: &mut Transaction<'_>,
    mut info: SessionInfo,
    key: i64,
    patch: &SessionPatch,
) -> Result<SessionInfo, DatabaseError> {
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

async fn insert_entries(
    transaction: &mut Transaction<'_>,
    key: i64,
    from: u64,
    entries: &[TranscriptEntry],
) -> Result<(), DatabaseError> {
    let mut rows = Vec::with_capacity(entries.len());
    for (number, entry) in (from..).zip(entries) {
        rows.push([key.into(), int(number).into(), json(entry)?.into()]);
    }
    let head = "INSERT INTO victor_entries (session, number, entry) VALUES ";
    transaction.insert(head, rows, "").await
}

async fn journal(
    transaction: &mut Transaction<'_>,
    key: i64,
    change: &TurnChange,
) -> Result<(), DatabaseError> {
    let statement = match change {
        TurnChange::Open(turn) => Statement::new(
            "INSERT INTO victor_open_turns (session, turn) VALUES ($1, $2)
             ON CONFLICT (session) DO UPDATE SET turn = excluded.turn",
        )
        .bind(key)
        .bind(json(turn)?),
        TurnChange::Close => {
            Statement::new("DELETE FROM victor_open_turns WHERE session = $1").bind(key)
        }
        _ => return Ok(()),
    };
    transaction.execute(statement).await.map(drop)
}

/// Makes room for entries in an open session of the expected length that the lease admits to, and returns its key.
async fn grow(
    transaction: &mut Transaction<'_>,
    session: &SessionId,
    expected: u64,
    count: u64,
    lease: &LeaseChange,
) -> Result<Option<i64>, DatabaseError> {
    let now = transaction.now();
    let statement = Statement::new(
        "UPDATE victor_sessions SET entries = entries + $1, \
         updated_at = CASE WHEN $1 = 0 THEN updated_at ELSE $2 END",
    )
    .bind(int(count))
    .bind(micros(Timestamp::now()));
    let statement = lease::set(statement, lease, now)?
        .push(" WHERE id = ")
        .push_value(session.as_str())
        .push(" AND entries = ")
        .push_value(int(expected))
        .push(" AND status = 'open'");
    let statement = lease::admitted(statement, lease, now)?.push(" RETURNING key");
    let rows = transaction.rows(statement).await?;
    key(transaction, &rows)
}

/// Takes the lease on a session that was just made.
async fn take(
    transaction: &mut Transaction<'_>,
    session: &SessionId,
    lease: &LeaseChange,
) -> Result<(), DatabaseError> {
    if *lease == LeaseChange::None {
        return Ok(());
    }
    let statement = lease::change(session, lease, transaction.now())?;
    transaction.execute(statement).await.map(drop)
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

/// The number of a row, if there is a row.
fn key(transaction: &Transaction<'_>, rows: &[Row]) -> Result<Option<i64>, DatabaseError> {
    let number = rows.first().map(|row| row.int(0)).transpose();
    number.map_err(|error| DatabaseError::new(transaction.place(), error))
}

/// A number as databases have it. None of theirs is greater.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
