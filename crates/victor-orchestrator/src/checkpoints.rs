//! Checkpoints: what is in them, when they are made, and how a session goes back to one.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use victor_chat_protocol::{ChatError, SuspendedTurn};
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDraft, CheckpointError, CheckpointManager,
    CheckpointSnapshot,
};
use victor_core::{CheckpointId, Context, JsonMap, Message, MessageId, SessionId, TurnId, contain};
use victor_session_protocol::{SessionError, SessionExport, SessionInfo, TranscriptEntry};

use crate::base::sees;
use crate::modes::{MODE, NESTED, unkept};
use crate::opening::session_error;
use crate::orchestrator::{Inner, setup};
use crate::restore::part;
use crate::roles::Roles;
use crate::seen::Seen;
use crate::tools::with_mode;

/// Where the metadata of a session say of which checkpoint it is a fork.
const FORK: &str = "victor_fork_of";

/// What a session has gone back to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Restored {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The turn that was being worked then, if one was: it can be taken up again with
    /// [`AgentOrchestrator::resume`](crate::AgentOrchestrator::resume).
    pub turn: Option<Box<SuspendedTurn>>,
}

/// A turn that was left out of what the model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undone {
    /// The turn, where the transcript names one.
    pub turn: Option<TurnId>,
    /// How many messages of it were left out.
    pub messages: usize,
}

/// What belongs to the state of a session beside its context.
pub(crate) fn state(
    roles: &Roles,
    seen: &Seen,
    session: &SessionId,
    open: Option<&SuspendedTurn>,
) -> JsonMap {
    let mut state = JsonMap::new();
    let route = roles.provider.route();
    state.insert("provider".into(), json!(route.provider));
    state.insert("model".into(), json!(route.model));
    if let Some(mode) = with_mode(roles.mode.as_ref(), session, |mode| mode.name.clone()) {
        state.insert("mode".into(), json!(mode));
    }
    state.insert(
        "budget".into(),
        json!({ "tool_calls": seen.calls(session) }),
    );
    // The turn holds the results of the calls that have run and whose answer is not in the conversation yet.
    if let Some(open) = open {
        state.insert(
            "turn".into(),
            serde_json::to_value(open).unwrap_or_default(),
        );
    }
    state
}

/// Makes a checkpoint, and says why there is none if there is none.
pub(crate) async fn make(
    manager: &dyn CheckpointManager,
    draft: CheckpointDraft,
) -> Result<Checkpoint, String> {
    match contain(manager.create_checkpoint(draft)).await {
        Ok(Ok(checkpoint)) => Ok(checkpoint),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panicked) => Err(panicked.to_string()),
    }
}

impl Inner {
    fn checkpoints(&self) -> Result<&dyn CheckpointManager, ChatError> {
        let none = "there is none: give the builder a `checkpoint_store`";
        self.roles
            .checkpoint
            .as_deref()
            .ok_or_else(|| setup("checkpoint", none))
    }

    /// Makes a checkpoint of a session by hand, between two turns.
    pub(crate) async fn checkpoint(
        &self,
        session: &SessionId,
        label: Option<&str>,
    ) -> Result<Checkpoint, ChatError> {
        let manager = self.checkpoints()?;
        let (lease, _working) = self.hold(session).await?;
        let context = self.roles.context.context(lease.session());
        self.make_session(session).await?;
        let mut draft = CheckpointDraft::new(session.clone(), context, CheckpointCause::Manual);
        draft.label = label.map(str::to_owned);
        draft.state = state(&self.roles, &self.seen, session, None);
        contain(manager.create_checkpoint(draft))
            .await?
            .map_err(checkpoint_error)
    }

    /// Makes a session that is not there yet: no checkpoint is of a session that is not.
    async fn make_session(&self, session: &SessionId) -> Result<(), ChatError> {
        let sessions = &self.roles.session;
        let info = sessions
            .session_info(session)
            .await
            .map_err(session_error)?;
        if info.is_some() {
            return Ok(());
        }
        let mut info = SessionInfo::new(session.clone());
        info.metadata = unkept(&self.roles, &self.seen, session);
        match sessions.create_session(&info).await {
            // Somebody else was faster.
            Err(SessionError::AlreadyExists(_)) => Ok(()),
            created => {
                created.map_err(session_error)?;
                self.seen.keeps(session, &info.metadata);
                Ok(())
            }
        }
    }

    /// Takes a session back to one of its checkpoints.
    pub(crate) async fn restore_checkpoint(
        &self,
        session: &SessionId,
        id: CheckpointId,
    ) -> Result<Restored, ChatError> {
        let manager = self.checkpoints()?;
        let _held = self.hold(session).await?;
        let loaded = load(manager, id).await?;
        let owner = &loaded.checkpoint.session;
        if owner != session {
            let message =
                format!("checkpoint `{id}` is of session `{owner}`: fork it into a new session");
            return Err(setup("checkpoint", message));
        }
        let mode = mode_of(&loaded.checkpoint);
        mode.map_or(Ok(()), |mode| self.check_mode(mode))?;
        let transcript = self.roles.session.transcript(session).await;
        let transcript = transcript.map_err(session_error)?;
        // The next checkpoint follows on this one. If the session does not go back after all, that is no matter.
        let restored = contain(manager.restore_checkpoint(id)).await?;
        restored.map_err(checkpoint_error)?;
        self.put(session, loaded.context.clone(), mode, &transcript)
            .await?;
        Ok(restored_of(loaded, &transcript))
    }

    /// Leaves out the last turn of what the model sees of a session.
    pub(crate) async fn undo(&self, session: &SessionId) -> Result<Option<Undone>, ChatError> {
        let _held = self.hold(session).await?;
        let context = self.roles.context.context(session);
        let messages = context.messages();
        let transcript = self.roles.session.transcript(session).await;
        let transcript = transcript.map_err(session_error)?;
        let begins = |(number, entry): (usize, &TranscriptEntry)| {
            let before = number.checked_sub(1).map(|before| &transcript[before]);
            let is_first = before.is_none_or(|before| before.turn != entry.turn);
            is_first.then(|| (entry.turn, entry.message.id()))
        };
        // Turns that were undone before are in the transcript, and not in the context.
        let mut turns = transcript.iter().enumerate().rev().filter_map(begins);
        let last = turns.find_map(|(turn, first)| {
            let at = messages.iter().position(|message| message.id() == first)?;
            Some((turn, at))
        });
        let Some((turn, at)) = last else {
            return Ok(None);
        };
        let mut before = Context::from_iter(messages.iter().take(at).cloned());
        for (key, value) in context.metadata() {
            before.set_metadata(key, value.clone());
        }
        let messages = messages.len() - at;
        self.put(session, before, None, &transcript).await?;
        Ok(Some(Undone { turn, messages }))
    }

    /// Makes a context what the model sees of a session from now on, and this its mode, also after the process has ended.
    async fn put(
        &self,
        session: &SessionId,
        context: Context,
        mode: Option<&str>,
        transcript: &[TranscriptEntry],
    ) -> Result<(), ChatError> {
        let mut patch = sees(&context, transcript);
        if let Some(mode) = mode {
            patch.metadata.insert(MODE.into(), mode.into());
        }
        let updated = self.roles.session.update_session(session, &patch).await;
        updated.map_err(session_error)?;
        self.problems.clear(&part(session));
        self.roles.context.set_context(session, context);
        if let Some(mode) = mode {
            self.seen.keeps(session, &patch.metadata);
            self.go_to(session, mode)?;
        }
        Ok(())
    }

    /// Begins a new session with the state of a checkpoint.
    pub(crate) async fn fork(
        &self,
        id: CheckpointId,
        session: &SessionId,
    ) -> Result<Checkpoint, ChatError> {
        let manager = self.checkpoints()?;
        self.check_started().await?;
        let snapshot = load(manager, id).await?;
        if self.may_begin(manager, &snapshot, session).await? {
            let fork = self.fork_of(&snapshot, session).await?;
            let made = self.roles.session.import_session(&fork, None).await;
            made.map_err(|error| match error {
                SessionError::AlreadyExists(session) => {
                    checkpoint_error(CheckpointError::SessionExists(session))
                }
                error => session_error(error),
            })?;
        }
        // Held, so that no turn makes another first checkpoint.
        let _held = self.hold(session).await?;
        let forked = contain(manager.fork_checkpoint(id, session)).await?;
        Ok(forked.map_err(checkpoint_error)?.checkpoint)
    }

    /// Whether a fork is to make its session, and not only the first checkpoint of one that an interrupted fork has made.
    async fn may_begin(
        &self,
        manager: &dyn CheckpointManager,
        snapshot: &CheckpointSnapshot,
        session: &SessionId,
    ) -> Result<bool, ChatError> {
        let id = snapshot.checkpoint.id;
        // In this order: a session has checkpoints only after it was made.
        let made = checkpoints_of(manager, session).await?;
        let info = self.roles.session.session_info(session).await;
        let info = info.map_err(session_error)?;
        match (info, &made[..]) {
            (None, []) => Ok(true),
            // An earlier version made the checkpoint first, and was interrupted. Others are somebody's, and stay.
            (None, [left]) if left.cause == CheckpointCause::Fork && left.id != id => {
                delete(manager, session, &made).await?;
                Ok(true)
            }
            (Some(info), [])
                if info.metadata.get(FORK) == Some(&json!(id))
                    && info.entries == snapshot.context.messages().len() as u64 =>
            {
                Ok(false)
            }
            _ => {
                let error = CheckpointError::SessionExists(session.clone());
                Err(checkpoint_error(error))
            }
        }
    }

    /// A session that begins with a state: with the entries that its messages were, its mode, and what binds it.
    async fn fork_of(
        &self,
        snapshot: &CheckpointSnapshot,
        session: &SessionId,
    ) -> Result<SessionExport, ChatError> {
        let (sessions, origin) = (&self.roles.session, &snapshot.checkpoint.session);
        let entries = sessions.transcript(origin).await.map_err(session_error)?;
        let entries: HashMap<MessageId, TranscriptEntry> = entries
            .into_iter()
            .map(|entry| (entry.message.id(), entry))
            .collect();
        let entry = |message: &Arc<Message>| match entries.get(&message.id()) {
            Some(entry) if entry.message == *message => entry.clone(),
            _ => TranscriptEntry::new(None, message.clone()),
        };
        let entries: Vec<_> = snapshot.context.messages().iter().map(entry).collect();
        let mut info = SessionInfo::new(session.clone());
        sees(&snapshot.context, &entries).apply(&mut info);
        info.metadata = {
            let mut facts = unkept(&self.roles, &self.seen, session);
            if let Some(mode) = mode_of(&snapshot.checkpoint) {
                self.check_mode(mode)?;
                facts.insert(MODE.into(), mode.into());
            }
            let origin = sessions.session_info(origin).await.map_err(session_error)?;
            if let Some(nested) = origin.as_ref().and_then(|info| info.metadata.get(NESTED)) {
                facts.insert(NESTED.into(), nested.clone());
            }
            facts.insert(FORK.into(), json!(snapshot.checkpoint.id));
            facts.extend(info.metadata);
            facts
        };
        Ok(SessionExport::new(info, entries))
    }

    /// Deletes a session and its checkpoints.
    pub(crate) async fn delete(&self, session: &SessionId) -> Result<bool, ChatError> {
        let mut there = false;
        if let Some(manager) = self.roles.checkpoint.as_deref() {
            let made = checkpoints_of(manager, session).await?;
            there |= delete(manager, session, &made).await? > 0;
        }
        // It goes last of what a person can name, so that another call finds what is left.
        let deleted = self.roles.session.delete_session(session).await;
        there |= deleted.map_err(session_error)?;
        // The turn that was waited for may have made some more.
        if let Some(manager) = self.roles.checkpoint.as_deref() {
            let made = checkpoints_of(manager, session).await?;
            delete(manager, session, &made).await?;
        }
        Ok(there)
    }
}

/// The mode that belongs to the state of a checkpoint.
fn mode_of(checkpoint: &Checkpoint) -> Option<&str> {
    checkpoint.state.get("mode").and_then(Value::as_str)
}

async fn load(
    manager: &dyn CheckpointManager,
    id: CheckpointId,
) -> Result<CheckpointSnapshot, ChatError> {
    let loaded = contain(manager.load_checkpoint(id)).await?;
    loaded.map_err(checkpoint_error)
}

async fn checkpoints_of(
    manager: &dyn CheckpointManager,
    session: &SessionId,
) -> Result<Vec<Checkpoint>, ChatError> {
    let made = contain(manager.checkpoints(session)).await?;
    made.map_err(checkpoint_error)
}

async fn delete(
    manager: &dyn CheckpointManager,
    session: &SessionId,
    made: &[Checkpoint],
) -> Result<usize, ChatError> {
    if made.is_empty() {
        return Ok(0);
    }
    let ids: Vec<_> = made.iter().map(|made| made.id).collect();
    let deleted = contain(manager.delete_checkpoints(session, &ids)).await?;
    deleted.map_err(checkpoint_error)
}

/// What was gone back to, with the turn that was being worked then if it may go on.
fn restored_of(snapshot: CheckpointSnapshot, transcript: &[TranscriptEntry]) -> Restored {
    let turn = snapshot.checkpoint.state.get("turn").cloned();
    let turn: Option<SuspendedTurn> = turn.and_then(|turn| serde_json::from_value(turn).ok());
    let turn = turn.map(|mut turn| {
        let own = transcript
            .iter()
            .filter(|entry| entry.turn == Some(turn.turn));
        turn.committed = own.map(|entry| entry.message.clone()).collect();
        turn.turn = TurnId::generate();
        Box::new(turn)
    });
    Restored {
        turn,
        checkpoint: snapshot.checkpoint,
    }
}

fn checkpoint_error(error: CheckpointError) -> ChatError {
    setup("checkpoint", error)
}
