//! The state of one session while somebody works on it, and for some time after.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use victor_core::{JsonMap, Lock, Message, SessionId, TurnId};
use victor_session_protocol::{
    LeaseChange, LeaseClaim, SessionCommit, SessionError, SessionPatch, SessionStanding,
    SessionStore as _, TurnChange, TurnInterrupt,
};

use crate::guarded::GuardedStore;
use crate::queue::TurnQueue;
use crate::transcript::{Transcript, is_lost};

/// One session.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Held for the length of a turn.
    queue: TurnQueue,
    transcript: tokio::sync::Mutex<Transcript>,
    /// Abandoned turns that are not written yet, oldest first.
    backlog: Lock<VecDeque<Abandoned>>,
    /// Whether the transcript must be looked at anew before the next turn.
    stale: AtomicBool,
}

/// Messages of a turn that was dropped.
#[derive(Debug, Clone)]
pub(crate) struct Abandoned {
    pub(crate) turn: TurnId,
    pub(crate) messages: Vec<Arc<Message>>,
    pub(crate) facts: JsonMap,
    /// The lease that the turn had.
    pub(crate) claim: Option<LeaseClaim>,
}

/// The right to work on a session, until it is dropped.
#[derive(Debug)]
pub(crate) struct TurnPermit(Arc<Slot>);

impl TurnPermit {
    /// Waits for the turns that asked before. A message may be taken by one of them meanwhile.
    pub(crate) async fn wait(
        slot: Arc<Slot>,
        interrupts: bool,
        message: Option<Arc<Message>>,
    ) -> Result<Self, TurnId> {
        slot.queue.hold(interrupts, message).await?;
        Ok(Self(slot))
    }

    /// None if somebody works on the session or waits for it.
    pub(crate) fn try_now(slot: Arc<Slot>) -> Option<Self> {
        // A turn that was made before it is known whether it holds the session would free it when it is dropped.
        slot.queue.try_hold().then(|| Self(slot))
    }

    /// From now on it can be interrupted. Returns the messages that it takes along.
    pub(crate) fn begin(
        &self,
        turn: TurnId,
        interrupt: Option<TurnInterrupt>,
        merges: bool,
    ) -> Vec<Arc<Message>> {
        self.0.queue.begin(turn, interrupt, merges)
    }
}

impl std::ops::Deref for TurnPermit {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        &self.0
    }
}

impl Drop for TurnPermit {
    fn drop(&mut self) {
        self.0.queue.release();
    }
}

impl Slot {
    pub(crate) fn backlog(&self) -> MutexGuard<'_, VecDeque<Abandoned>> {
        self.backlog.lock()
    }

    /// Whether somebody works on the session.
    pub(crate) fn is_held(&self) -> bool {
        self.queue.is_held()
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
            let lease = next.claim.map_or(LeaseChange::None, LeaseChange::Release);
            let commit = SessionCommit::new(Vec::new(), TurnChange::Close)
                .with_metadata(next.facts)
                .with_lease(lease);
            match transcript
                .write(session, store, next.turn, &next.messages, commit)
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

    /// Brings what is known of the transcript up to date with where the session stands, and returns the version.
    pub(crate) async fn refresh(
        &self,
        session: &SessionId,
        store: &GuardedStore,
        standing: &SessionStanding,
    ) -> Result<u64, SessionError> {
        if !standing.status.is_open() {
            return Err(SessionError::Closed(session.clone()));
        }
        let mut transcript = self.transcript.lock().await;
        if self.stale.swap(false, Ordering::AcqRel) {
            transcript.forget();
        }
        transcript.meet(session, store, standing.entries).await
    }

    /// Writes messages of the turn that holds the session, by a commit that has all but these.
    pub(crate) async fn write(
        &self,
        session: &SessionId,
        store: &GuardedStore,
        turn: TurnId,
        messages: &[Arc<Message>],
        commit: SessionCommit,
    ) -> Result<(), SessionError> {
        let result = self
            .transcript
            .lock()
            .await
            .write(session, store, turn, messages, commit)
            .await;
        if let Err(error) = &result
            && (is_lost(error) || matches!(error, SessionError::Closed(_)))
        {
            // This turn has lost; the version that it knows stays, so that it cannot write behind the winner.
            self.mark_stale();
        }
        result
    }

    /// Deletes the session, if there is one.
    pub(crate) async fn delete(
        &self,
        session: &SessionId,
        store: &GuardedStore,
    ) -> Result<bool, SessionError> {
        let mut transcript = self.transcript.lock().await;
        transcript.forget();
        let there = store.delete(session).await?;
        self.backlog().clear();
        Ok(there)
    }

    /// Empties the transcript, if there is one, and changes what is known of the session.
    pub(crate) async fn empty(
        &self,
        session: &SessionId,
        store: &GuardedStore,
        patch: &SessionPatch,
    ) -> Result<(), SessionError> {
        let mut transcript = self.transcript.lock().await;
        transcript.forget();
        match store.clear(session, patch).await {
            Ok(_) | Err(SessionError::NotFound(_)) => {
                self.backlog().clear();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
