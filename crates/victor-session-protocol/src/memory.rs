//! A store that lives as long as the process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use victor_core::{Lock, SessionId, Timestamp};

use crate::{
    LeaseChange, LeaseClaim, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionLease,
    SessionPatch, SessionQuery, SessionStanding, SessionStore, TranscriptEntry, TurnChange,
};

/// Keeps sessions as long as the process lives. Leases run out by the process's monotonic clock.
#[derive(Debug, Default)]
pub struct InMemorySessionStore(Lock<HashMap<SessionId, Box<Stored>>>);

#[derive(Debug)]
struct Stored {
    info: SessionInfo,
    transcript: Vec<TranscriptEntry>,
    open: Option<OpenTurn>,
    fence: u64,
    /// The lease, and when it runs out.
    lease: Option<Box<(SessionLease, Instant)>>,
}

impl Stored {
    fn new(info: SessionInfo) -> Box<Self> {
        Box::new(Self {
            info,
            transcript: Vec::new(),
            open: None,
            fence: 0,
            lease: None,
        })
    }

    /// The lease as it is now.
    fn lease(&self) -> Option<SessionLease> {
        let (lease, until) = &**self.lease.as_ref()?;
        let mut lease = lease.clone();
        lease.left = until.saturating_duration_since(Instant::now());
        Some(lease)
    }

    fn check(&self, change: &LeaseChange) -> Result<(), SessionError> {
        let lease = self.lease();
        change.check(&self.info.id, self.fence, lease.as_ref())
    }

    /// Does what was found to be admitted.
    fn change_lease(&mut self, change: &LeaseChange) {
        match change {
            LeaseChange::None => {}
            LeaseChange::Hold(claim) => {
                let until = Instant::now() + claim.time.min(LONGEST);
                match &mut self.lease {
                    Some(lease) if claim.is(&lease.0) => {
                        lease.1 = until;
                        lease.0.renewal = lease.0.renewal.map(|number| number + 1);
                        lease.0.time = Some(claim.time);
                    }
                    lease => *lease = Some(Box::new((taken(claim), until))),
                }
                self.fence = claim.fence;
            }
            LeaseChange::Release(claim) => {
                self.lease = None;
                self.fence = claim.fence;
            }
        }
    }
}

/// The longest lease: a clock has an end.
const LONGEST: Duration = Duration::from_secs(1 << 32);

fn taken(claim: &LeaseClaim) -> SessionLease {
    SessionLease::new(claim.owner.clone(), claim.turn, claim.fence, claim.time)
        .with_renewal(Some(claim.time), Some(0))
}

impl InMemorySessionStore {
    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Box<Stored>>> {
        // Nothing that is done under the lock can panic half way.
        self.0.lock()
    }
}

#[async_trait]
impl SessionStore for InMemorySessionStore {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        let mut sessions = self.sessions();
        if sessions.contains_key(&session.id) {
            return Err(SessionError::AlreadyExists(session.id.clone()));
        }
        let mut info = session.clone();
        info.entries = entries.len() as u64;
        let mut stored = Stored::new(info);
        stored.transcript.extend_from_slice(entries);
        sessions.insert(session.id.clone(), stored);
        Ok(())
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let mut sessions = self.sessions();
        let stored = match sessions.entry(session.clone()) {
            Entry::Occupied(stored) => stored.into_mut(),
            Entry::Vacant(_) if expected != 0 => {
                return Err(SessionError::NotFound(session.clone()));
            }
            Entry::Vacant(vacant) => {
                commit.lease.check(session, 0, None)?;
                vacant.insert(Stored::new(SessionInfo::new(session.clone())))
            }
        };
        stored.check(&commit.lease)?;
        let Stored {
            info,
            transcript,
            open,
            ..
        } = &mut **stored;
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
        match &commit.turn {
            TurnChange::Keep => {}
            TurnChange::Open(turn) => *open = Some(turn.clone()),
            TurnChange::Close => *open = None,
        }
        if !commit.metadata.is_empty() {
            let mut patch = SessionPatch::default();
            patch.metadata.clone_from(&commit.metadata);
            patch.apply(info);
        }
        if !commit.entries.is_empty() {
            transcript.extend_from_slice(&commit.entries);
            info.entries += commit.entries.len() as u64;
            info.updated_at = Timestamp::now();
        }
        stored.change_lease(&commit.lease);
        Ok(stored.info.entries)
    }

    fn leases(&self) -> bool {
        true
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        let sessions = self.sessions();
        Ok(sessions.get(session).map(|stored| {
            SessionStanding::new(&stored.info, stored.open.is_some())
                .with_lease(stored.fence, stored.lease())
        }))
    }

    async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        let mut sessions = self.sessions();
        let stored = sessions
            .get_mut(session)
            .ok_or_else(|| SessionError::NotFound(session.clone()))?;
        stored.check(change)?;
        stored.change_lease(change);
        Ok(())
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        let sessions = self.sessions();
        Ok(sessions.get(session).and_then(|stored| stored.open.clone()))
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        let sessions = self.sessions();
        let mut turns: Vec<_> = sessions
            .values()
            .filter_map(|stored| stored.open.clone())
            .collect();
        turns.sort_by_key(|turn| (turn.at, turn.turn));
        Ok(turns)
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        let sessions = self.sessions();
        let stored = sessions
            .get(session)
            .ok_or_else(|| SessionError::NotFound(session.clone()))?;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(stored.transcript.get(from..).unwrap_or_default().to_vec())
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        Ok(self
            .sessions()
            .get(session)
            .map(|stored| stored.info.clone()))
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        let mut sessions = self.sessions();
        let stored = sessions
            .get_mut(session)
            .ok_or_else(|| SessionError::NotFound(session.clone()))?;
        patch.apply(&mut stored.info);
        Ok(stored.info.clone())
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        let sessions = self.sessions();
        let infos = sessions.values().map(|stored| &stored.info);
        let mut found: Vec<_> = infos
            .filter(|info| query.matches(info) && query.is_after(info))
            .collect();
        found.sort_by(|one, other| {
            (other.updated_at.cmp(&one.updated_at)).then_with(|| one.id.cmp(&other.id))
        });
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        Ok(found.into_iter().take(limit).cloned().collect())
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        let mut sessions = self.sessions();
        let stored = sessions
            .get_mut(session)
            .ok_or_else(|| SessionError::NotFound(session.clone()))?;
        if !stored.info.status.is_open() {
            return Err(SessionError::Closed(session.clone()));
        }
        stored.transcript.clear();
        stored.open = None;
        stored.info.entries = 0;
        patch.apply(&mut stored.info);
        Ok(stored.info.clone())
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        Ok(self.sessions().remove(session).is_some())
    }
}
