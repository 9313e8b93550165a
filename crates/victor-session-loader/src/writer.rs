//! The writes of a turn.

use std::sync::Arc;

use victor_chat_protocol::SuspendedTurn;
use victor_core::{BoxError, JsonMap, Lock, Message, SessionId, TurnId};
use victor_session_protocol::{OpenTurn, SessionManagerExt as _, TurnChange, TurnLease};

use crate::SessionLoader;

/// Number of times that a first write is tried again behind writers that were faster. Each time one of them has got on.
const MAX_RACES: u32 = 100;

/// The writes of a turn to the transcript and the journal of its session.
#[derive(Debug)]
pub struct TurnWriter {
    sessions: Arc<SessionLoader>,
    turn: TurnId,
    /// The right to write; gone once the turn was abandoned.
    lease: Lock<Option<Arc<TurnLease>>>,
    /// The facts of the request, until the first write.
    unwritten: Lock<Option<JsonMap>>,
}

impl TurnWriter {
    /// Writes a turn that has this lease. The facts of its request come with the first write.
    #[must_use]
    pub fn new(
        sessions: Arc<SessionLoader>,
        lease: Arc<TurnLease>,
        turn: TurnId,
        facts: Option<JsonMap>,
    ) -> Self {
        Self {
            sessions,
            turn,
            lease: Lock::new(Some(lease)),
            unwritten: Lock::new(facts),
        }
    }

    /// Writes messages and the turn's place in the journal, in one step, and adds the messages to the context.
    ///
    /// # Errors
    ///
    /// The store failed, or somebody else has the session.
    pub async fn write(
        &self,
        messages: &[Arc<Message>],
        open: Option<&SuspendedTurn>,
    ) -> Result<(), BoxError> {
        let lease = self
            .lease
            .lock()
            .clone()
            .ok_or("the turn no longer holds its session")?;
        let (sessions, session) = (&self.sessions, lease.session());
        let journal = self.journal_change(session, open)?;
        if messages.is_empty() && journal == TurnChange::Keep {
            return Ok(());
        }
        let first = self.unwritten.lock().take();
        let committed = self.commit(&lease, messages, journal, first);
        if let Err(error) = committed.await {
            sessions.registry.distrust(session);
            return Err(error);
        }
        sessions.registry.committed(session, messages);
        sessions.context().append(session, messages);
        Ok(())
    }

    /// Has messages written when the turn has been dropped.
    pub fn abandon(&self, messages: Vec<Arc<Message>>) {
        let lease = self.lease.lock().take();
        // Nobody else holds the lease: a commit that did was dropped with the turn.
        let Some(lease) = lease.and_then(Arc::into_inner) else {
            return;
        };
        let sessions = &self.sessions;
        let mut facts = sessions.modes.unsaved_facts(lease.session());
        sessions
            .registry
            .add_unsaved_prompts(lease.session(), &mut facts);
        // A dropped commit may have written some of them, so the next turn loads the session again.
        sessions.registry.distrust(lease.session());
        sessions.context().append(lease.session(), &messages);
        sessions
            .manager()
            .record_abandoned(lease, self.turn, messages, facts);
    }

    fn journal_change(
        &self,
        session: &SessionId,
        open: Option<&SuspendedTurn>,
    ) -> Result<TurnChange, serde_json::Error> {
        if !self.sessions.manager().persists_turns() {
            return Ok(TurnChange::Keep);
        }
        let Some(open) = open else {
            return Ok(TurnChange::Close);
        };
        let state = serde_json::to_string(open)?;
        let waits = !open.approvals.is_empty();
        let journaled = OpenTurn::new(session.clone(), self.turn, state);
        Ok(TurnChange::Open(journaled.with_waits(waits)))
    }

    /// Commits messages together with the facts of the session that are not saved yet. If another writer was faster
    /// than the first write of the turn, the session is loaded again and the turn begins behind that writer, since no
    /// model was asked.
    async fn commit(
        &self,
        lease: &TurnLease,
        messages: &[Arc<Message>],
        journal: TurnChange,
        first: Option<JsonMap>,
    ) -> Result<(), BoxError> {
        let (sessions, session) = (&self.sessions, lease.session());
        let manager = sessions.manager();
        let mut races = 0;
        loop {
            let mut facts = sessions.modes.unsaved_facts(session);
            sessions.registry.add_unsaved_prompts(session, &mut facts);
            let committed = manager.commit(lease, self.turn, messages, journal.clone(), &facts);
            match (committed.await, &first) {
                (Ok(()), _) => {
                    sessions.modes.saved(session, &facts);
                    sessions.registry.saved(session, &facts);
                    return Ok(());
                }
                (Err(error), Some(facts)) if error.is_conflict() && races < MAX_RACES => {
                    races += 1;
                    let version = manager.catch_up(lease).await?;
                    sessions.load(session, Some(version)).await?;
                    note_facts(sessions, lease, facts);
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
    }
}

/// Puts the facts of the request into the context, for compaction strategies.
pub fn note_facts(sessions: &SessionLoader, lease: &TurnLease, facts: &JsonMap) {
    if facts.is_empty() {
        return;
    }
    let (manager, session) = (sessions.context(), lease.session());
    let mut context = manager.context(session);
    for (key, value) in facts {
        context.set_metadata(key, value.clone());
    }
    manager.set_context(session, context);
}
