//! The known end of a transcript.

use std::collections::VecDeque;
use std::sync::Arc;

use victor_core::{Message, MessageId, SessionId, TurnId};
use victor_session_protocol::{
    SessionCommit, SessionError, SessionStore as _, TranscriptEntry, TurnChange,
};

use crate::guarded::GuardedStore;

/// Number of last identifiers that are remembered, so that a repeated write is recognized.
const REMEMBERED: usize = 32;

/// The known end of a transcript.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// Number of entries; unknown before it was looked at.
    version: Option<u64>,
    /// The last messages that were written.
    recent: VecDeque<MessageId>,
    /// The messages of a write of which it is unknown whether it happened: it was dropped, or the answer was lost.
    attempted: Vec<MessageId>,
}

impl Transcript {
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Brings what is known up to a transcript of so many entries, and returns the version.
    pub(crate) async fn meet(
        &mut self,
        session: &SessionId,
        store: &GuardedStore,
        entries: u64,
    ) -> Result<u64, SessionError> {
        if !self.attempted.is_empty() {
            match self.sync(session, store).await {
                // Somebody else has written since the last turn, whose last write was dropped.
                Err(SessionError::Conflict { .. }) => self.forget(),
                version => drop(version?),
            }
        }
        if self.version == Some(entries) {
            return Ok(entries);
        }
        self.forget();
        self.look(session, store, entries).await
    }

    /// Finds out whether the last write has happened, and returns the version.
    async fn sync(
        &mut self,
        session: &SessionId,
        store: &GuardedStore,
    ) -> Result<u64, SessionError> {
        let Some(version) = self.version else {
            let info = store.info(session).await?;
            let entries = info.map_or(0, |info| info.entries);
            return self.look(session, store, entries).await;
        };
        if self.attempted.is_empty() {
            return Ok(version);
        }
        let conflict = |found| SessionError::Conflict {
            session: session.clone(),
            expected: version,
            found,
        };
        let new = match store.entries(session, version).await? {
            None if version > 0 => return Err(conflict(0)),
            new => new.unwrap_or_default(),
        };
        let new: Vec<MessageId> = new.iter().map(|entry| entry.message.id()).collect();
        if new.is_empty() {
            self.attempted.clear();
            return Ok(version);
        }
        if !new.starts_with(&self.attempted) {
            return Err(conflict(version + new.len() as u64));
        }
        // It has happened. If somebody else has written since, the next write meets that.
        let written = std::mem::take(&mut self.attempted);
        let version = version + written.len() as u64;
        self.remember(&written);
        self.version = Some(version);
        Ok(version)
    }

    /// Looks at the end of a transcript of so many entries.
    async fn look(
        &mut self,
        session: &SessionId,
        store: &GuardedStore,
        entries: u64,
    ) -> Result<u64, SessionError> {
        let from = entries.saturating_sub(REMEMBERED as u64);
        let tail = if entries == 0 {
            None
        } else {
            store.entries(session, from).await?
        };
        let version = tail.as_ref().map_or(0, |tail| from + tail.len() as u64);
        let ids = tail.iter().flatten().map(|entry| entry.message.id());
        self.remember(&ids.collect::<Vec<_>>());
        self.version = Some(version);
        Ok(version)
    }

    /// Writes messages by a commit that has all but these.
    pub(crate) async fn write(
        &mut self,
        session: &SessionId,
        store: &GuardedStore,
        turn: TurnId,
        messages: &[Arc<Message>],
        mut commit: SessionCommit,
    ) -> Result<(), SessionError> {
        let is_retry = !self.attempted.is_empty();
        let version = self.sync(session, store).await?;
        let new = self.unwritten(messages);
        let changes = commit.turn != TurnChange::Keep || !commit.metadata.is_empty();
        if new.is_empty() && !changes {
            return Ok(());
        }
        // They are there since an earlier try. Whoever has written since decides about the journal.
        if let (true, Some(last)) = (new.is_empty(), messages.last())
            && self.recent.back() != Some(&last.id())
        {
            return Ok(());
        }
        let ids: Vec<MessageId> = new.iter().map(|message| message.id()).collect();
        commit.entries = new
            .iter()
            .map(|message| TranscriptEntry::new(Some(turn), Arc::clone(message)))
            .collect();
        self.attempted.clone_from(&ids);
        match store.commit(session, version, &commit).await {
            Ok(version) => {
                self.attempted.clear();
                self.remember(&ids);
                self.version = Some(version);
                Ok(())
            }
            // The messages are there since an earlier try. Whoever has come since decides about the journal.
            Err(error) if error.is_conflict() && ids.is_empty() && !messages.is_empty() => Ok(()),
            // The first try may have arrived between the look and the second.
            Err(error) if error.is_conflict() && is_retry => {
                self.sync(session, store).await?;
                let written = ids.last().is_none_or(|last| self.recent.contains(last));
                written.then_some(()).ok_or(error)
            }
            Err(error) if is_lost(&error) => {
                self.attempted.clear();
                Err(error)
            }
            // Whether it was written shows when the transcript is next looked at.
            Err(error) => Err(error),
        }
    }

    /// The messages that are not written yet. Messages are written in order, so all are that come before one that is.
    fn unwritten<'a>(&self, messages: &'a [Arc<Message>]) -> &'a [Arc<Message>] {
        let is_written = |message: &Arc<Message>| self.recent.contains(&message.id());
        let written = messages.iter().rposition(is_written);
        &messages[written.map_or(0, |last| last + 1)..]
    }

    fn remember(&mut self, ids: &[MessageId]) {
        let last = &ids[ids.len().saturating_sub(REMEMBERED)..];
        let too_many = (self.recent.len() + last.len()).saturating_sub(REMEMBERED);
        self.recent.drain(..too_many);
        self.recent.extend(last);
    }
}

/// Whether somebody else has changed the transcript or has the session, so that the writer has lost.
pub(crate) fn is_lost(error: &SessionError) -> bool {
    error.is_conflict() || matches!(error, SessionError::NotFound(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_does_not_grow() {
        let ids =
            |range: std::ops::Range<u128>| range.map(MessageId::from_u128).collect::<Vec<_>>();
        let mut transcript = Transcript::default();
        for start in [0, 5, 1_000, 100_000] {
            transcript.remember(&ids(start..start * 2 + 5));
        }
        assert_eq!(transcript.recent, ids(200_005 - 32..200_005));
        assert!(transcript.recent.capacity() <= 2 * REMEMBERED);
        transcript.remember(&ids(0..1));
        assert_eq!(transcript.recent.len(), REMEMBERED);
    }
}
