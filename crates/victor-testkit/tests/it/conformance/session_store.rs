use std::sync::Mutex;

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_core::{JsonMap, SessionId};
use victor_session_protocol::{
    InMemorySessionStore, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch,
    SessionQuery, SessionStore, TranscriptEntry,
};
use victor_testkit::conformance;

use super::breaks;

/// A store in memory with something wrong about it.
#[derive(Debug)]
struct Store {
    inner: InMemorySessionStore,
    bug: &'static str,
    deleted: Mutex<Vec<SessionId>>,
}

impl Store {
    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }

    /// The session as the store finds it.
    fn id(&self, session: &SessionId) -> SessionId {
        if self.is("folds case") {
            session.as_str().to_lowercase().into()
        } else {
            session.clone()
        }
    }

    fn spoil(&self, info: &mut SessionInfo) {
        match self.bug {
            "trusts the caller's count" if info.entries == 0 => info.entries = 7,
            "forgets metadata" => info.metadata = JsonMap::new(),
            "trims names" => info.id = info.id.as_str().trim().into(),
            "never touches" => info.updated_at = info.created_at,
            "is always young" => info.created_at = info.updated_at,
            _ => {}
        }
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        if self.is("creates twice") {
            self.inner.delete(&session.id).await?;
        }
        if self.is("creates twice in a race") && self.inner.info(&session.id).await?.is_none() {
            yield_now().await;
            self.inner.delete(&session.id).await?;
        }
        self.inner.create(session).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let entries = &commit.entries[..];
        assert!(!self.is("panics"), "bug");
        let session = &self.id(session);
        let found = self.inner.info(session).await?.map(|info| info.entries);
        match self.bug {
            "makes on any write" if found.is_none() => self.inner.append(session, 0, entries).await,
            "ignores versions" if found.is_some() => {
                self.inner.append(session, found.unwrap(), entries).await
            }
            "keeps something" if found.is_some_and(|found| found != expected) => {
                let result = self.inner.append(session, expected, entries).await;
                self.inner
                    .append(session, found.unwrap(), &entries[..1])
                    .await?;
                result
            }
            "counts the batch only" => {
                self.inner.append(session, expected, entries).await?;
                Ok(entries.len() as u64)
            }
            "writes one by one" if !entries.is_empty() => {
                let mut version = expected;
                for entry in entries {
                    version = self
                        .inner
                        .append(session, version, std::slice::from_ref(entry))
                        .await?;
                    if entries.len() == 3 {
                        yield_now().await;
                    }
                }
                Ok(version)
            }
            "races" if found == Some(expected) => {
                yield_now().await;
                let found = self
                    .inner
                    .info(session)
                    .await?
                    .map_or(0, |info| info.entries);
                self.inner.append(session, found, entries).await
            }
            "is sorry" if entries.len() == 1 => {
                let result = self.inner.append(session, expected, entries).await;
                result.map_err(|error| match error {
                    SessionError::Conflict { .. } => SessionError::store("busy"),
                    error => error,
                })
            }
            _ => self.inner.commit(session, expected, commit).await,
        }
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        self.inner.open_turn(session).await
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.inner.open_turns().await
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.inner.update(session, patch).await
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        let session = match self.bug {
            "mixes sessions up" => session.as_str().trim().into(),
            _ => self.id(session),
        };
        if self.is("loads what is not there") && self.inner.info(&session).await?.is_none() {
            return Ok(Vec::new());
        }
        let from = if self.is("loads from the start") {
            0
        } else {
            from
        };
        let mut entries = self.inner.load(&session, from).await?;
        match self.bug {
            "loads backwards" => entries.reverse(),
            "loads a page" => entries.truncate(1000),
            "loses turns" => entries.iter_mut().for_each(|entry| entry.turn = None),
            "loses extra" => entries
                .iter_mut()
                .for_each(|entry| entry.extra = Default::default()),
            "remembers deleted" if self.deleted.lock().unwrap().contains(&session) => {
                entries.insert(0, entries[0].clone());
            }
            _ => {}
        }
        Ok(entries)
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        let session = self.id(session);
        let mut info = self.inner.info(&session).await?;
        if info.is_none() && self.is("knows everybody") {
            info = Some(SessionInfo::new(session));
        }
        info.iter_mut().for_each(|info| self.spoil(info));
        Ok(info.filter(|_| !self.is("knows nobody")))
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        let mut list = self.inner.find(query).await?;
        match self.bug {
            "lists backwards" => list.reverse(),
            "lists twice" => list.extend(list.clone()),
            "lists stale counts" => list.iter_mut().for_each(|info| info.entries = 0),
            _ => {}
        }
        list.iter_mut().for_each(|info| self.spoil(info));
        Ok(list)
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        match self.bug {
            "deletes all" => {
                let there = self.inner.info(session).await?.is_some();
                for info in self.inner.list().await? {
                    self.inner.delete(&info.id).await?;
                }
                Ok(there)
            }
            "deletes nothing" => {
                let mut deleted = self.deleted.lock().unwrap();
                let there = !deleted.contains(session);
                deleted.push(session.clone());
                Ok(there)
            }
            "always deletes" => self.inner.delete(session).await.map(|_| true),
            "never deletes" => self.inner.delete(session).await.map(|_| false),
            _ => {
                self.deleted.lock().unwrap().push(session.clone());
                self.inner.delete(session).await
            }
        }
    }
}

async fn suite(bug: &'static str) {
    let make = async || Store {
        inner: InMemorySessionStore::default(),
        bug,
        deleted: Mutex::default(),
    };
    conformance::session_store(make).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_store_passes() {
    conformance::session_store(async || InMemorySessionStore::default()).await;
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("knows nobody", "a session that is there is known"),
        ("panics", "no call panics"),
        (
            "knows everybody",
            "of a session that is not there, nothing is known",
        ),
        ("forgets metadata", "metadata is kept"),
        (
            "trusts the caller's count",
            "a new session has an empty transcript",
        ),
        ("creates twice", "a session is created once"),
        ("creates twice in a race", "a session is created once"),
        (
            "makes on any write",
            "a session that is not there is made by a first write only",
        ),
        (
            "ignores versions",
            "an append at another version is a conflict",
        ),
        ("keeps something", "a write that fails keeps nothing"),
        ("counts the batch only", "an append returns the new version"),
        (
            "loads backwards",
            "a transcript is what was appended, in order",
        ),
        (
            "loads what is not there",
            "a session that is not there cannot be loaded",
        ),
        (
            "loads from the start",
            "a load from an entry on brings that entry and all later ones",
        ),
        ("loses turns", "every field of an entry is kept"),
        ("loses extra", "every field of an entry is kept"),
        ("folds case", "a valid call succeeds"),
        ("mixes sessions up", "sessions do not touch each other"),
        ("trims names", "a session keeps its name"),
        ("lists twice", "every session is listed once"),
        (
            "lists backwards",
            "sessions are listed most recently written first",
        ),
        ("lists stale counts", "a session is listed as it is known"),
        ("never touches", "a write moves the time of the last write"),
        ("is always young", "the time of creation stays"),
        ("deletes all", "what is deleted is gone"),
        ("deletes nothing", "what is deleted is gone"),
        ("remembers deleted", "what is deleted is gone"),
        (
            "always deletes",
            "a deletion says whether there was something",
        ),
        (
            "never deletes",
            "a deletion says whether there was something",
        ),
        ("loads a page", "large transcripts and messages are kept"),
        ("writes one by one", "a dropped write is whole or not there"),
        ("races", "exactly one of several racing writes wins"),
        ("is sorry", "who loses a race gets a conflict"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
