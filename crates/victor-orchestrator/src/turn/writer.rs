//! The writes of a turn.

use std::sync::Arc;

use victor_chat_protocol::SuspendedTurn;
use victor_core::{BoxError, JsonMap, Lock, Message};
use victor_session_protocol::SessionManagerExt as _;
use victor_session_protocol::{OpenTurn, TurnChange, TurnLease};

use super::scope::TurnScope;
use crate::sessions::SessionLoader;

/// Number of times that a first write is tried again behind writers that were faster. Each time one of them has got on.
const MAX_RACES: u32 = 100;

/// The writes of a turn to the transcript and the journal of its session.
#[derive(Debug)]
pub(super) struct TurnWriter {
    /// The right to write; gone once the turn was abandoned.
    lease: Lock<Option<Arc<TurnLease>>>,
    /// The facts of the request, until the first write.
    unwritten: Lock<Option<JsonMap>>,
}

impl TurnWriter {
    pub(super) fn new(lease: Arc<TurnLease>, facts: Option<JsonMap>) -> Self {
        Self {
            lease: Lock::new(Some(lease)),
            unwritten: Lock::new(facts),
        }
    }

    /// Writes messages and the turn's place in the journal, in one step, and adds the messages to the context.
    pub(super) async fn write(
        &self,
        scope: &TurnScope,
        messages: &[Arc<Message>],
        open: Option<&SuspendedTurn>,
    ) -> Result<(), BoxError> {
        let lease = self
            .lease
            .lock()
            .clone()
            .ok_or("the turn no longer holds its session")?;
        let journal = journal_change(scope, open)?;
        if messages.is_empty() && journal == TurnChange::Keep {
            return Ok(());
        }
        let first = self.unwritten.lock().take();
        let committed = commit(scope, &lease, messages, journal, first);
        if let Err(error) = committed.await {
            scope.sessions.registry.distrust(lease.session());
            return Err(error);
        }
        scope.sessions.registry.committed(lease.session(), messages);
        scope.roles().context.append(lease.session(), messages);
        Ok(())
    }

    /// Has messages written when the turn has been dropped.
    pub(super) fn abandon(&self, scope: &TurnScope, messages: Vec<Arc<Message>>) {
        let lease = self.lease.lock().take();
        // Nobody else holds the lease: a commit that did was dropped with the turn.
        let Some(lease) = lease.and_then(Arc::into_inner) else {
            return;
        };
        let (sessions, roles) = (&scope.sessions, scope.roles());
        // A dropped commit may have written some of them, so the next turn loads the session again.
        sessions.registry.distrust(lease.session());
        roles.context.append(lease.session(), &messages);
        let facts = sessions.modes.unsaved_facts(lease.session());
        roles
            .session
            .record_abandoned(lease, scope.turn(), messages, facts);
    }
}

fn journal_change(
    scope: &TurnScope,
    open: Option<&SuspendedTurn>,
) -> Result<TurnChange, serde_json::Error> {
    if !scope.roles().session.persists_turns() {
        return Ok(TurnChange::Keep);
    }
    let Some(open) = open else {
        return Ok(TurnChange::Close);
    };
    let state = serde_json::to_string(open)?;
    let waits = !open.approvals.is_empty();
    let journaled = OpenTurn::new(scope.session().clone(), scope.turn(), state);
    Ok(TurnChange::Open(journaled.with_waits(waits)))
}

/// Commits messages together with the facts of the session that are not saved yet. If another writer was faster than
/// the first write of the turn, the session is loaded again and the turn begins behind that writer, since no model was
/// asked.
async fn commit(
    scope: &TurnScope,
    lease: &TurnLease,
    messages: &[Arc<Message>],
    journal: TurnChange,
    first: Option<JsonMap>,
) -> Result<(), BoxError> {
    let (sessions, session) = (&scope.sessions, lease.session());
    let manager = &scope.roles().session;
    let mut races = 0;
    loop {
        let facts = sessions.modes.unsaved_facts(session);
        let committed = manager.commit(lease, scope.turn(), messages, journal.clone(), &facts);
        match (committed.await, &first) {
            (Ok(()), _) => {
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

/// Puts the facts of the request into the context, for compaction strategies.
pub(super) fn note_facts(sessions: &SessionLoader, lease: &TurnLease, facts: &JsonMap) {
    if facts.is_empty() {
        return;
    }
    let (manager, session) = (&sessions.roles.context, lease.session());
    let mut context = manager.context(session);
    for (key, value) in facts {
        context.set_metadata(key, value.clone());
    }
    manager.set_context(session, context);
}
