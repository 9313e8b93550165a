//! The store.

use std::cmp::Reverse;

use async_trait::async_trait;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError, Script, ScriptInvocation};
use serde_json::Error as JsonError;
use victor_core::{SessionId, Timestamp};
use victor_session_protocol::{
    OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery, SessionStore,
    TranscriptEntry, TurnChange,
};

use crate::scripts::{DELETE, WRITE};

/// Keeps sessions in Redis.
#[derive(Clone)]
pub struct RedisSessionStore {
    connection: ConnectionManager,
    prefix: String,
}

impl std::fmt::Debug for RedisSessionStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSessionStore")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// A session as it was read.
struct Stored {
    /// The version; empty if there is no such session.
    version: String,
    info: SessionInfo,
}

/// A write to a session.
#[derive(Default)]
struct Write<'a> {
    entries: &'a [TranscriptEntry],
    turn: TurnChange,
    clears: bool,
}

impl RedisSessionStore {
    /// Connects to a server, such as `redis://127.0.0.1/`. All keys begin with `prefix`.
    ///
    /// # Errors
    ///
    /// The address is none, or the server does not answer.
    pub async fn connect(url: &str, prefix: impl Into<String>) -> Result<Self, SessionError> {
        let client = redis::Client::open(url).map_err(failed)?;
        let connection = client.get_connection_manager().await.map_err(failed)?;
        Ok(Self {
            connection,
            prefix: prefix.into(),
        })
    }

    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{name}", self.prefix)
    }

    fn invocation<'a>(&self, script: &'a Script, session: &SessionId) -> ScriptInvocation<'a> {
        let mut invocation = script.prepare_invoke();
        let name = session.as_str();
        for key in [
            self.key("session", name),
            self.key("entries", name),
            self.key("all", "sessions"),
            self.key("all", "turns"),
            self.key("all", "version"),
        ] {
            invocation.key(key);
        }
        invocation.arg(name);
        invocation
    }

    async fn read(&self, session: &SessionId) -> Result<Option<Stored>, SessionError> {
        let key = self.key("session", session.as_str());
        let mut connection = self.connection.clone();
        let fields: (Option<String>, Option<String>) = connection
            .hmget(key, &["version", "info"])
            .await
            .map_err(failed)?;
        let (Some(version), Some(info)) = fields else {
            return Ok(None);
        };
        let info = serde_json::from_str(&info).map_err(unreadable)?;
        Ok(Some(Stored { version, info }))
    }

    async fn existing(&self, session: &SessionId) -> Result<Stored, SessionError> {
        self.read(session)
            .await?
            .ok_or_else(|| SessionError::NotFound(session.clone()))
    }

    /// Writes, and says whether the session was still at the version at which it was read.
    async fn write(&self, stored: &Stored, write: &Write<'_>) -> Result<bool, SessionError> {
        let script = Script::new(WRITE);
        let mut invocation = self.invocation(&script, &stored.info.id);
        invocation
            .arg(&stored.version)
            .arg(serde_json::to_string(&stored.info).map_err(unreadable)?);
        match &write.turn {
            TurnChange::Open(turn) => {
                invocation.arg(serde_json::to_string(turn).map_err(unreadable)?)
            }
            TurnChange::Close => invocation.arg("close"),
            _ => invocation.arg("keep"),
        };
        invocation.arg(u8::from(write.clears));
        for entry in write.entries {
            invocation.arg(serde_json::to_string(entry).map_err(unreadable)?);
        }
        invocation
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(failed)
    }
}

#[async_trait]
impl SessionStore for RedisSessionStore {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        let mut info = session.clone();
        info.entries = entries.len() as u64;
        let stored = Stored {
            version: String::new(),
            info,
        };
        let write = Write {
            entries,
            ..Write::default()
        };
        match self.write(&stored, &write).await? {
            true => Ok(()),
            false => Err(SessionError::AlreadyExists(session.id.clone())),
        }
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        loop {
            let mut stored = match self.read(session).await? {
                Some(stored) => stored,
                None if expected == 0 => Stored {
                    version: String::new(),
                    info: SessionInfo::new(session.clone()),
                },
                None => return Err(SessionError::NotFound(session.clone())),
            };
            let info = &mut stored.info;
            if info.entries != expected {
                return Err(SessionError::Conflict {
                    session: session.clone(),
                    expected,
                    found: info.entries,
                });
            }
            if !info.status.is_open() {
                return Err(SessionError::Closed(session.clone()));
            }
            let mut patch = SessionPatch::default();
            patch.metadata.clone_from(&commit.metadata);
            patch.apply(info);
            if !commit.entries.is_empty() {
                info.entries += commit.entries.len() as u64;
                info.updated_at = Timestamp::now();
            }
            let write = Write {
                entries: &commit.entries,
                turn: commit.turn.clone(),
                clears: false,
            };
            if self.write(&stored, &write).await? {
                return Ok(stored.info.entries);
            }
        }
    }

    fn persists_turns(&self) -> bool {
        true
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        let turns = self.key("all", "turns");
        let turn: Option<String> = self
            .connection
            .clone()
            .hget(turns, session.as_str())
            .await
            .map_err(failed)?;
        turn.map(|turn| serde_json::from_str(&turn).map_err(unreadable))
            .transpose()
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        let turns: Vec<String> = self
            .connection
            .clone()
            .hvals(self.key("all", "turns"))
            .await
            .map_err(failed)?;
        let turns: Result<Vec<OpenTurn>, _> = turns
            .iter()
            .map(|turn| serde_json::from_str(turn))
            .collect();
        let mut turns = turns.map_err(unreadable)?;
        turns.sort_by_key(|turn| (turn.at, turn.turn));
        Ok(turns)
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        let name = session.as_str();
        let mut both = redis::pipe();
        both.atomic().exists(self.key("session", name));
        let from = isize::try_from(from).unwrap_or(isize::MAX);
        both.lrange(self.key("entries", name), from, -1);
        let (exists, entries): (bool, Vec<String>) = both
            .query_async(&mut self.connection.clone())
            .await
            .map_err(failed)?;
        if !exists {
            return Err(SessionError::NotFound(session.clone()));
        }
        entries
            .iter()
            .map(|entry| serde_json::from_str(entry).map_err(unreadable))
            .collect()
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        Ok(self.read(session).await?.map(|stored| stored.info))
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        loop {
            let mut stored = self.existing(session).await?;
            patch.apply(&mut stored.info);
            if self.write(&stored, &Write::default()).await? {
                return Ok(stored.info);
            }
        }
    }

    /// Reads the facts of all sessions, and returns those that are looked for.
    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        let mut connection = self.connection.clone();
        let names: Vec<String> = connection
            .smembers(self.key("all", "sessions"))
            .await
            .map_err(failed)?;
        let mut all = redis::pipe();
        for name in &names {
            all.hget(self.key("session", name), "info");
        }
        let infos: Vec<Option<String>> = match names.is_empty() {
            true => Vec::new(),
            false => all.query_async(&mut connection).await.map_err(failed)?,
        };
        let mut found = Vec::new();
        for info in infos.iter().flatten() {
            let info: SessionInfo = serde_json::from_str(info).map_err(unreadable)?;
            if query.matches(&info) && query.is_after(&info) {
                found.push(info);
            }
        }
        found.sort_by(|one, other| {
            (Reverse(one.updated_at), &one.id).cmp(&(Reverse(other.updated_at), &other.id))
        });
        found.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
        Ok(found)
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        loop {
            let mut stored = self.existing(session).await?;
            if !stored.info.status.is_open() {
                return Err(SessionError::Closed(session.clone()));
            }
            stored.info.entries = 0;
            patch.apply(&mut stored.info);
            let write = Write {
                turn: TurnChange::Close,
                clears: true,
                ..Write::default()
            };
            if self.write(&stored, &write).await? {
                return Ok(stored.info);
            }
        }
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        let script = Script::new(DELETE);
        let invocation = self.invocation(&script, session);
        invocation
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(failed)
    }
}

fn failed(error: RedisError) -> SessionError {
    SessionError::store("Redis refused or did not answer").with_source(error)
}

fn unreadable(error: JsonError) -> SessionError {
    SessionError::store("what Redis has is no session of this version").with_source(error)
}
