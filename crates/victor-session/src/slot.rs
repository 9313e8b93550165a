//! What is kept of one session while somebody works on it, and for some time after.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use victor_core::{Message, MessageId, SessionId, TurnId};
use victor_session_protocol::{SessionCommit, SessionError, TranscriptEntry, TurnChange};

use crate::guarded::GuardedStore;

/// How many of the last identifiers are remembered, so that a repeated write is recognized.
const REMEMBERED: usize = 32;

/// One session.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Held for the length of a turn. It is fair: turns come in the order in which they asked.
    turn: Arc<tokio::sync::Mutex<()>>,
    transcript: tokio::sync::Mutex<Transcript>,
    /// What was abandoned and is not written yet, oldest first.
    backlog: Mutex<VecDeque<Abandoned>>,
    /// Whether the transcript must be looked at anew before the next turn.
    stale: AtomicBool,
}

/// Messages of a turn that was dropped.
#[derive(Debug, Clone)]
pub(crate) struct Abandoned {
    pub(crate) turn: TurnId,
    pub(crate) messages: Vec<Arc<Message>>,
}

impl Slot {
    /// Waits for the turns that asked before.
    pub(crate) async fn lock_turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    pub(crate) fn backlog(&self) -> MutexGuard<'_, VecDeque<Abandoned>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mark_stale(&self) {
        self.stale.store(true, Ordering::Release);
    }

    /// Writes what was abandoned, behind what was known to whoever abandoned it.
    ///
    /// # Errors
    ///
    /// A conflict, if somebody else has written there: what was abandoned has lost, and is given up. At any other
    /// error it is kept.
    pub(crate) async fn write_backlog(
        &self,
        session: &SessionId,
        store: &GuardedStore,
    ) -> Result<(), SessionError> {
        let mut transcript = self.transcript.lock().await;
        let mut lost = None;
        loop {
            let Some(next) = self.backlog().front().cloned() else {
                return lost.map_or(Ok(()), Err);
            };
            let close = TurnChange::Close;
            match transcript
                .write(session, store, next.turn, &next.messages, close)
                .await
            {
                Ok(()) => {}
                Err(error) if is_lost(&error) => {
                    self.mark_stale();
                    lost = Some(error);
                }
                Err(error) => return Err(error),
            }
            self.backlog().pop_front();
        }
    }

    /// Brings what is known of the transcript up to date, and returns the version.
    pub(crate) async fn refresh(
        &self,
        session: &SessionId,
        store: &GuardedStore,
    ) -> Result<u64, SessionError> {
        let mut transcript = self.transcript.lock().await;
        if self.stale.swap(false, Ordering::AcqRel) {
            transcript.forget();
        }
        match transcript.sync(session, store).await {
            // Somebody else has written since the last turn, whose last write was dropped; the next begins behind that.
            Err(SessionError::Conflict { .. }) => {
                transcript.forget();
                transcript.sync(session, store).await
            }
            version => version,
        }
    }

    /// Writes messages of the turn that holds the session.
    pub(crate) async fn write(
        &self,
        session: &SessionId,
        store: &GuardedStore,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
    ) -> Result<(), SessionError> {
        let result = self
            .transcript
            .lock()
            .await
            .write(session, store, turn, messages, journal)
            .await;
        if matches!(
            result,
            Err(SessionError::Conflict { .. } | SessionError::NotFound(_))
        ) {
            // This turn has lost; the version that it knows stays, so that it cannot write behind the winner.
            self.mark_stale();
        }
        result
    }

    /// Empties the transcript, if there is one.
    pub(crate) async fn empty(
        &self,
        session: &SessionId,
        store: &GuardedStore,
    ) -> Result<(), SessionError> {
        let mut transcript = self.transcript.lock().await;
        transcript.forget();
        self.backlog().clear();
        let Some(mut info) = store.info(session).await? else {
            return Ok(());
        };
        store.delete(session).await?;
        info.entries = 0;
        match store.create(&info).await {
            // Somebody else was faster.
            Err(SessionError::AlreadyExists(_)) => Ok(()),
            result => result,
        }
    }
}

/// What is known of a transcript.
#[derive(Debug, Default)]
struct Transcript {
    /// How many entries it has; unknown before it was looked at.
    version: Option<u64>,
    /// The last messages that were written.
    recent: VecDeque<MessageId>,
    /// The messages of a write of which it is unknown whether it happened: it was dropped, or the answer was lost.
    attempted: Vec<MessageId>,
}

impl Transcript {
    fn forget(&mut self) {
        *self = Self::default();
    }

    /// Finds out what is unknown, and returns the version.
    async fn sync(
        &mut self,
        session: &SessionId,
        store: &GuardedStore,
    ) -> Result<u64, SessionError> {
        let Some(version) = self.version else {
            let entries = store.info(session).await?.map_or(0, |info| info.entries);
            let from = entries.saturating_sub(REMEMBERED as u64);
            let tail = if entries == 0 {
                None
            } else {
                store.load(session, from).await?
            };
            let version = tail.as_ref().map_or(0, |tail| from + tail.len() as u64);
            self.remember(
                tail.iter()
                    .flatten()
                    .map(|entry| entry.message.id())
                    .collect(),
            );
            self.version = Some(version);
            return Ok(version);
        };
        if self.attempted.is_empty() {
            return Ok(version);
        }
        let conflict = |found| SessionError::Conflict {
            session: session.clone(),
            expected: version,
            found,
        };
        let new = match store.load(session, version).await? {
            None if version > 0 => return Err(conflict(0)),
            new => new.unwrap_or_default(),
        };
        let new: Vec<MessageId> = new.iter().map(|entry| entry.message.id()).collect();
        let found = version + new.len() as u64;
        if !new.iter().all(|id| self.attempted.contains(id)) {
            return Err(conflict(found));
        }
        self.attempted.clear();
        self.remember(new);
        self.version = Some(found);
        Ok(found)
    }

    async fn write(
        &mut self,
        session: &SessionId,
        store: &GuardedStore,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
    ) -> Result<(), SessionError> {
        let is_retry = !self.attempted.is_empty();
        let version = self.sync(session, store).await?;
        let new: Vec<_> = messages
            .iter()
            .filter(|message| !self.recent.contains(&message.id()))
            .collect();
        if new.is_empty() && journal == TurnChange::Keep {
            return Ok(());
        }
        let ids: Vec<MessageId> = new.iter().map(|message| message.id()).collect();
        let entries: Vec<_> = new
            .into_iter()
            .map(|message| TranscriptEntry::new(Some(turn), message.clone()))
            .collect();
        self.attempted.clone_from(&ids);
        match store
            .commit(session, version, &SessionCommit::new(entries, journal))
            .await
        {
            Ok(version) => {
                self.attempted.clear();
                self.remember(ids);
                self.version = Some(version);
                Ok(())
            }
            // The first try may have arrived between the look and the second.
            Err(SessionError::Conflict { .. }) if is_retry => {
                self.sync(session, store).await.map(drop)
            }
            Err(error) if is_lost(&error) => {
                self.attempted.clear();
                Err(error)
            }
            // Whether it was written shows when the transcript is next looked at.
            Err(error) => Err(error),
        }
    }

    fn remember(&mut self, ids: Vec<MessageId>) {
        let keep = ids.len().max(REMEMBERED);
        self.recent.extend(ids);
        self.recent.drain(..self.recent.len().saturating_sub(keep));
    }
}

/// Whether somebody else has changed the transcript, so that the writer has lost.
pub(crate) fn is_lost(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Conflict { .. } | SessionError::NotFound(_)
    )
}
