//! A store that lives as long as the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use victor_core::{SessionId, Timestamp};

use crate::{SessionError, SessionInfo, SessionStore, TranscriptEntry};

/// Keeps sessions as long as the process lives.
#[derive(Debug, Default)]
pub struct InMemorySessionStore(Mutex<HashMap<SessionId, Box<Stored>>>);

type Stored = (SessionInfo, Vec<TranscriptEntry>);

impl InMemorySessionStore {
    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Box<Stored>>> {
        // Nothing that is done under the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for InMemorySessionStore {
    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        let mut sessions = self.sessions();
        if sessions.contains_key(&session.id) {
            return Err(SessionError::AlreadyExists(session.id.clone()));
        }
        let mut info = session.clone();
        info.entries = 0;
        sessions.insert(session.id.clone(), Box::new((info, Vec::new())));
        Ok(())
    }

    async fn append(
        &self,
        session: &SessionId,
        expected: u64,
        entries: &[TranscriptEntry],
    ) -> Result<u64, SessionError> {
        let mut sessions = self.sessions();
        if !sessions.contains_key(session) {
            if expected != 0 {
                return Err(SessionError::NotFound(session.clone()));
            }
            sessions.insert(
                session.clone(),
                Box::new((SessionInfo::new(session.clone()), Vec::new())),
            );
        }
        let Some((info, transcript)) = sessions.get_mut(session).map(|stored| &mut **stored) else {
            return Err(SessionError::NotFound(session.clone()));
        };
        if info.entries != expected {
            return Err(SessionError::Conflict {
                session: session.clone(),
                expected,
                found: info.entries,
            });
        }
        transcript.extend_from_slice(entries);
        info.entries += entries.len() as u64;
        info.updated_at = Timestamp::now();
        Ok(info.entries)
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        let sessions = self.sessions();
        let (_, transcript) = sessions
            .get(session)
            .map(|stored| &**stored)
            .ok_or_else(|| SessionError::NotFound(session.clone()))?;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(transcript.get(from..).unwrap_or_default().to_vec())
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        Ok(self.sessions().get(session).map(|stored| stored.0.clone()))
    }

    async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        let mut list: Vec<_> = self
            .sessions()
            .values()
            .map(|stored| stored.0.clone())
            .collect();
        list.sort_by(|one, other| {
            other
                .updated_at
                .cmp(&one.updated_at)
                .then_with(|| one.id.cmp(&other.id))
        });
        Ok(list)
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        Ok(self.sessions().remove(session).is_some())
    }
}
