//! A store in memory with something wrong about it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_core::{JsonMap, SessionId, Timestamp, TurnId};
use victor_session_protocol::{
    InMemorySessionStore, LeaseChange, LeaseClaim, OpenTurn, SessionCommit, SessionError,
    SessionInfo, SessionPatch, SessionQuery, SessionStanding, SessionStatus, SessionStore,
    TranscriptEntry, TurnChange,
};

#[derive(Debug)]
pub(super) struct Store {
    pub(super) inner: Arc<InMemorySessionStore>,
    pub(super) bug: &'static str,
    deleted: Mutex<Vec<SessionId>>,
    is_reopened: bool,
}

impl Store {
    pub(super) fn new(bug: &'static str) -> Self {
        Self::open(bug, Arc::default(), false)
    }

    /// A store over what another one has left.
    pub(super) fn open(
        bug: &'static str,
        inner: Arc<InMemorySessionStore>,
        is_reopened: bool,
    ) -> Self {
        Self {
            inner,
            bug,
            deleted: Mutex::default(),
            is_reopened,
        }
    }

    pub(super) fn is(&self, bug: &str) -> bool {
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

    /// Changes the journal, and nothing else.
    async fn journal(
        &self,
        session: &SessionId,
        version: u64,
        change: &TurnChange,
    ) -> Result<(), SessionError> {
        let commit = SessionCommit::new(Vec::new(), change.clone());
        self.inner.commit(session, version, &commit).await.map(drop)
    }

    /// Changes the status, and returns what it was.
    async fn set_status(
        &self,
        session: &SessionId,
        status: SessionStatus,
    ) -> Result<SessionStatus, SessionError> {
        let info = self.inner.info(session).await?;
        let before = info.map(|info| info.status).unwrap_or_default();
        let mut patch = SessionPatch::default();
        patch.status = Some(status);
        self.inner.update(session, &patch).await?;
        Ok(before)
    }

    /// A lease, as a store that has it wrong takes it.
    fn lease(&self, lease: &LeaseChange) -> LeaseChange {
        match (self.bug, lease) {
            ("lets everybody write", LeaseChange::Hold(claim)) => {
                LeaseChange::Hold(claim.clone().over(Some(claim.fence - 1)))
            }
            ("takes no leases", _) => LeaseChange::None,
            ("never releases", LeaseChange::Release(claim)) => LeaseChange::Hold(claim.clone()),
            ("lasts for a moment", LeaseChange::Hold(claim)) => {
                let (owner, time) = (claim.owner.clone(), Duration::from_millis(1));
                let claim = LeaseClaim::new(owner, claim.turn, claim.fence, time);
                LeaseChange::Hold(claim)
            }
            ("believes nobody", LeaseChange::Hold(claim)) => {
                LeaseChange::Hold(claim.clone().over(None))
            }
            ("renews under a new number", LeaseChange::Hold(claim)) => {
                let mut claim = claim.clone();
                claim.fence += 1;
                LeaseChange::Hold(claim)
            }
            _ => lease.clone(),
        }
    }

    pub(super) fn spoil(&self, info: &mut SessionInfo) {
        match self.bug {
            "trusts the caller's count" if info.entries == 0 => info.entries = 7,
            "forgets metadata" => info.metadata = JsonMap::new(),
            "trims names" => info.id = info.id.as_str().trim().into(),
            "forgets titles" => info.title = None,
            "trims tags" => info.tags = info.tags.iter().map(|tag| tag.trim().into()).collect(),
            "knows two statuses" if !info.status.is_open() => info.status = SessionStatus::Closed,
            "forgets extra" => info.extra = Default::default(),
            "forgets expiry" => info.expires_at = None,
            "forgets patches when reopened" if self.is_reopened => info.title = None,
            "never touches" => info.updated_at = info.created_at,
            "is always young" => info.created_at = info.updated_at,
            _ => {}
        }
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        if self.is("creates twice") {
            self.inner.delete(&session.id).await?;
        }
        if self.is("creates twice in a race") && self.inner.info(&session.id).await?.is_none() {
            yield_now().await;
            self.inner.delete(&session.id).await?;
        }
        if self.is("creates now") {
            let mut info = session.clone();
            info.updated_at = Timestamp::now();
            return self.inner.create_with(&info, entries).await;
        }
        if self.is("imports step by step") && entries.len() > 100 {
            let mut info = session.clone();
            info.status = SessionStatus::Open;
            self.inner.create(&info).await?;
            yield_now().await;
            self.inner.append(&info.id, 0, entries).await?;
            self.set_status(&info.id, session.status.clone()).await?;
            return Ok(());
        }
        if self.is("opens what it imports") && !entries.is_empty() {
            let mut info = session.clone();
            info.status = SessionStatus::Open;
            return self.inner.create_with(&info, entries).await;
        }
        if self.is("imports over") && !entries.is_empty() {
            self.inner.delete(&session.id).await?;
        }
        self.inner.create_with(session, entries).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let lease = self.lease(&commit.lease);
        let commit = &commit.clone().with_lease(lease);
        let entries = &commit.entries[..];
        assert!(!self.is("panics"), "bug");
        let session = &self.id(session);
        let found = self.inner.info(session).await?.map(|info| info.entries);
        match self.bug {
            "takes leases in refused writes" => {
                let result = self.inner.commit(session, expected, commit).await;
                if matches!(&result, Err(SessionError::Conflict { .. })) {
                    let _ = self.inner.change_lease(session, &commit.lease).await;
                }
                result
            }
            "looks at lengths first" if found.is_some_and(|found| found != expected) => {
                let found = found.unwrap();
                Err(SessionError::Conflict {
                    session: session.clone(),
                    expected,
                    found,
                })
            }
            "makes on any write" if found.is_none() => self.inner.append(session, 0, entries).await,
            "ignores versions when reopened" if self.is_reopened => {
                self.inner
                    .append(session, found.unwrap_or_default(), entries)
                    .await
            }
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
            "writes the journal second" if commit.turn != TurnChange::Keep => {
                let mut first = commit.clone();
                first.turn = TurnChange::Keep;
                let version = self.inner.commit(session, expected, &first).await?;
                yield_now().await;
                self.journal(session, version, &commit.turn).await?;
                Ok(version)
            }
            "sets facts second" if !commit.metadata.is_empty() => {
                let mut first = commit.clone();
                let mut patch = SessionPatch::default();
                patch.metadata = std::mem::take(&mut first.metadata);
                let version = self.inner.commit(session, expected, &first).await?;
                yield_now().await;
                self.inner.update(session, &patch).await?;
                Ok(version)
            }
            "ignores facts" => {
                let mut commit = commit.clone();
                commit.metadata.clear();
                self.inner.commit(session, expected, &commit).await
            }
            "keeps a loser's facts" if found.is_some_and(|found| found != expected) => {
                let mut patch = SessionPatch::default();
                patch.metadata.clone_from(&commit.metadata);
                self.inner.update(session, &patch).await?;
                self.inner.commit(session, expected, commit).await
            }
            "keeps a loser's journal" if found.is_some_and(|found| found != expected) => {
                self.journal(session, found.unwrap(), &commit.turn).await?;
                self.inner.commit(session, expected, commit).await
            }
            "waves empty commits through" if entries.is_empty() && found.is_some() => {
                self.journal(session, found.unwrap(), &commit.turn).await?;
                Ok(found.unwrap())
            }
            "closes every journal" if commit.turn == TurnChange::Keep => {
                let closing = SessionCommit::new(entries.to_vec(), TurnChange::Close);
                self.inner.commit(session, expected, &closing).await
            }
            "keeps the first journal"
                if matches!(commit.turn, TurnChange::Open(_))
                    && self.inner.open_turn(session).await?.is_some() =>
            {
                self.inner.append(session, expected, entries).await
            }
            "closes no journal" if commit.turn == TurnChange::Close => {
                self.inner.append(session, expected, entries).await
            }
            "makes nothing of nothing"
                if found.is_none() && entries.is_empty() && commit.turn != TurnChange::Keep =>
            {
                Ok(0)
            }
            "never refuses" => match self.inner.commit(session, expected, commit).await {
                Err(SessionError::Closed(_)) => {
                    let status = self.set_status(session, SessionStatus::Open).await?;
                    let version = self.inner.commit(session, expected, commit).await;
                    self.set_status(session, status).await?;
                    version
                }
                result => result,
            },
            "refuses entries only" if entries.is_empty() && found == Some(expected) => {
                let status = self.set_status(session, SessionStatus::Open).await?;
                let version = self.inner.commit(session, expected, commit).await;
                self.set_status(session, status).await?;
                version
            }
            "touches at every commit" if entries.is_empty() && found == Some(expected) => {
                let info = self.inner.info(session).await?.unwrap();
                let written = self.inner.load(session, 0).await?;
                self.inner.delete(session).await?;
                let mut info = info;
                info.updated_at = Timestamp::now();
                self.inner.create(&info).await?;
                self.inner.append(session, 0, &written).await?;
                self.journal(session, expected, &commit.turn).await?;
                Ok(expected)
            }
            _ => self.inner.commit(session, expected, commit).await,
        }
    }

    fn persists_turns(&self) -> bool {
        !self.is("is modest")
    }

    fn leases(&self) -> bool {
        !self.is("has no leases")
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        let mut standing = self.inner.standing(session).await?;
        let Some(found) = &mut standing else {
            let everybody = self.is("stands everywhere");
            return Ok(everybody.then(SessionStanding::default));
        };
        match self.bug {
            "never touches" | "trusts the caller's count" => {}
            "stands still" => found.entries = 0,
            "forgets that a turn is open" => found.has_open_turn = false,
            "stands open" => found.status = SessionStatus::Open,
            "forgets numbers" if found.lease.is_none() => found.fence = 0,
            "forgets whose lease it is" => {
                if let Some(lease) = &mut found.lease {
                    lease.owner.process = None;
                }
            }
            "keeps leases to itself" if self.is_reopened => found.lease = None,
            _ => {}
        }
        Ok(standing)
    }

    async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        if self.is("races for leases") {
            let standing = self.inner.standing(session).await?;
            yield_now().await;
            if let (LeaseChange::Hold(claim), Some(standing)) = (change, standing)
                && change
                    .check(session, standing.fence, standing.lease.as_ref())
                    .is_ok()
                && self.inner.change_lease(session, change).await.is_err()
            {
                let release = LeaseChange::Release(claim.clone());
                let _ = self.inner.change_lease(session, &release).await;
                return Ok(());
            }
        }
        if self.is("touches at every renewal") {
            let open = OpenTurn::new(session.clone(), TurnId::generate(), "{}");
            let version = self.inner.info(session).await?.map(|info| info.entries);
            let commit =
                SessionCommit::new(Vec::new(), TurnChange::Open(open)).with_lease(change.clone());
            let version = version.unwrap_or_default();
            return self.inner.commit(session, version, &commit).await.map(drop);
        }
        self.inner.change_lease(session, &self.lease(change)).await
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        let open = self.inner.open_turn(session).await?;
        if self.is("has a turn for everybody") && open.is_none() {
            return Ok(Some(OpenTurn::new(
                session.clone(),
                TurnId::generate(),
                "{}",
            )));
        }
        Ok(open.map(|mut open| {
            if self.is("compacts journals") {
                open.state = open.state.replace("  ", " ");
            }
            open
        }))
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        let mut turns = self.inner.open_turns().await?;
        match self.bug {
            "lists turns newest first" => turns.reverse(),
            "lists turns of the deleted" => {
                let deleted = self.deleted.lock().unwrap();
                turns.extend(
                    deleted
                        .iter()
                        .map(|session| OpenTurn::new(session.clone(), TurnId::generate(), "{}")),
                );
            }
            "forgets journals when reopened" if self.is_reopened => turns.clear(),
            _ => {}
        }
        Ok(turns)
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.wrong_update(session, patch.clone()).await
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
            "pages when reopened" if self.is_reopened => entries.truncate(1),
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
        self.wrong_find(query.clone()).await
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        match self.bug {
            "clears by deleting" => {
                let mut info = self
                    .inner
                    .info(session)
                    .await?
                    .ok_or_else(|| SessionError::NotFound(session.clone()))?;
                if !info.status.is_open() {
                    return Err(SessionError::Closed(session.clone()));
                }
                self.inner.delete(session).await?;
                yield_now().await;
                patch.apply(&mut info);
                self.inner.create(&info).await?;
                Ok(self.inner.info(session).await?.unwrap())
            }
            "clears what is closed" => {
                let status = self.set_status(session, SessionStatus::Open).await?;
                let cleared = self.inner.clear(session, patch).await;
                self.set_status(session, status).await?;
                cleared
            }
            "clears entries only" => {
                let open = self.inner.open_turn(session).await?;
                let info = self.inner.clear(session, patch).await?;
                if let Some(open) = open {
                    self.journal(session, 0, &TurnChange::Open(open)).await?;
                }
                Ok(info)
            }
            _ => self.inner.clear(session, patch).await,
        }
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
