//! Checkpoints of a session, and going back.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_chat_protocol::SuspendedTurn;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDraft, CheckpointManager, CheckpointSnapshot,
};
use victor_core::{CheckpointId, Context, JsonMap, SessionId, TurnId, contain};
use victor_mode_guard::MODE;
use victor_provider_protocol::ProviderRouter;
use victor_session_loader::{SessionLoader, SessionOpError, SessionRecord};
use victor_session_protocol::{
    SessionError, SessionInfo, SessionManagerExt as _, SessionPatch, TranscriptEntry,
};

/// The state that a session went back to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Restored {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The turn that was running then, if one was. It can be resumed.
    pub turn: Option<Box<SuspendedTurn>>,
}

/// A turn that the model no longer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undone {
    /// The turn, where the transcript names one.
    pub turn: Option<TurnId>,
    /// Number of its messages that were left out.
    pub messages: usize,
}

/// The checkpoints of sessions.
#[derive(Debug)]
pub struct SessionCheckpoints {
    pub(crate) sessions: Arc<SessionLoader>,
    provider: Arc<dyn ProviderRouter>,
}

impl SessionCheckpoints {
    /// Makes checkpoints of the sessions of a loader. Their state names the provider that the router has for a session.
    #[must_use]
    pub fn new(sessions: Arc<SessionLoader>, provider: Arc<dyn ProviderRouter>) -> Self {
        Self { sessions, provider }
    }

    /// Returns the coordinator of checkpoints.
    pub(crate) fn manager(&self) -> Result<&dyn CheckpointManager, SessionOpError> {
        self.sessions
            .checkpoints()
            .ok_or(SessionOpError::NotConfigured {
                what: "checkpoints",
                hint: "give the builder a `checkpoint_store`",
            })
    }

    /// Returns the state of a session beside its context, for a checkpoint.
    pub(crate) fn state(&self, session: &SessionId, open: Option<&SuspendedTurn>) -> JsonMap {
        let route = self.provider.session_route(session);
        let tool_calls = self
            .sessions
            .registry
            .read(session, SessionRecord::tool_calls);
        let mut state = JsonMap::new();
        state.insert("provider".into(), json!(route.provider));
        state.insert("model".into(), json!(route.model));
        if let Some(mode) = self.sessions.modes.current(session) {
            state.insert("mode".into(), json!(mode));
        }
        state.insert("budget".into(), json!({ "tool_calls": tool_calls }));
        // The turn holds the results of calls that have run and whose answer is not in the conversation yet.
        if let Some(open) = open {
            let open = serde_json::to_value(open).unwrap_or_default();
            state.insert("turn".into(), open);
        }
        state
    }

    /// Waits for the running turn, and makes a checkpoint by hand.
    ///
    /// # Errors
    ///
    /// There is no checkpoint coordinator, or a store failed.
    pub async fn checkpoint(
        &self,
        session: &SessionId,
        label: Option<&str>,
    ) -> Result<Checkpoint, SessionOpError> {
        let manager = self.manager()?;
        let _held = self.sessions.hold(session).await?;
        self.create_if_absent(session).await?;
        let context = self.sessions.context().context(session);
        let mut draft = CheckpointDraft::new(session.clone(), context, CheckpointCause::Manual);
        draft.label = label.map(str::to_owned);
        draft.state = self.state(session, None);
        Ok(contain(manager.create_checkpoint(draft)).await??)
    }

    /// Makes the session if it is not there yet, so that no checkpoint is of a session that is not there.
    async fn create_if_absent(&self, session: &SessionId) -> Result<(), SessionOpError> {
        let (manager, modes) = (self.sessions.manager(), &self.sessions.modes);
        if manager.session_info(session).await?.is_some() {
            return Ok(());
        }
        let mut info = SessionInfo::new(session.clone());
        info.metadata = modes.unsaved_facts(session);
        match manager.create_session(&info).await {
            // Somebody else was faster.
            Err(SessionError::AlreadyExists(_)) => Ok(()),
            created => {
                created?;
                modes.saved(session, &info.metadata);
                Ok(())
            }
        }
    }

    /// Waits for the running turn, and goes back to a checkpoint of the session, in one write.
    ///
    /// # Errors
    ///
    /// There is no such checkpoint, it is of another session, or a store failed. The session is unchanged.
    pub async fn restore(
        &self,
        session: &SessionId,
        id: CheckpointId,
    ) -> Result<Restored, SessionOpError> {
        let manager = self.manager()?;
        let _held = self.sessions.hold(session).await?;
        let snapshot = contain(manager.load_checkpoint(id)).await??;
        let owner = &snapshot.checkpoint.session;
        if owner != session {
            return Err(SessionOpError::WrongSession {
                checkpoint: id,
                session: session.clone(),
                owner: owner.clone(),
            });
        }
        let mode = mode_of(&snapshot.checkpoint);
        if let Some(mode) = mode {
            self.sessions.modes.check(mode)?;
        }
        let transcript = self.sessions.manager().transcript(session).await?;
        // The next checkpoint follows on this one. If the session does not go back after all, that does no harm.
        contain(manager.restore_checkpoint(id)).await??;
        self.go_back(session, snapshot.context.clone(), mode, &transcript)
            .await?;
        Ok(restored(snapshot, &transcript))
    }

    /// Waits for the running turn, and leaves the last turn out of what the model sees, in one write; `None` if there
    /// was none.
    ///
    /// # Errors
    ///
    /// The store failed. Nothing was undone.
    pub async fn undo(&self, session: &SessionId) -> Result<Option<Undone>, SessionOpError> {
        let _held = self.sessions.hold(session).await?;
        let context = self.sessions.context().context(session);
        let messages = context.messages();
        let transcript = self.sessions.manager().transcript(session).await?;
        let first_of_turn = |(number, entry): (usize, &TranscriptEntry)| {
            let before = number.checked_sub(1).map(|before| &transcript[before]);
            let is_first = before.is_none_or(|before| before.turn != entry.turn);
            is_first.then(|| (entry.turn, entry.message.id()))
        };
        // Turns that were undone before are in the transcript, and not in the context.
        let mut turns = transcript
            .iter()
            .enumerate()
            .rev()
            .filter_map(first_of_turn);
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
        self.go_back(session, before, None, &transcript).await?;
        Ok(Some(Undone { turn, messages }))
    }

    /// Makes this context what the model sees, and this mode the session's, in one write.
    async fn go_back(
        &self,
        session: &SessionId,
        context: Context,
        mode: Option<&str>,
        transcript: &[TranscriptEntry],
    ) -> Result<(), SessionOpError> {
        let sessions = &self.sessions;
        let mut patch = SessionPatch::viewing(&context, transcript);
        if let Some(mode) = mode {
            patch.metadata.insert(MODE.into(), mode.into());
        }
        sessions.manager().update_session(session, &patch).await?;
        sessions.went_back(session, context);
        if let Some(mode) = mode {
            sessions.modes.saved(session, &patch.metadata);
            sessions.modes.return_to(session, mode)?;
        }
        Ok(())
    }
}

/// Returns the mode in the state of a checkpoint.
pub(crate) fn mode_of(checkpoint: &Checkpoint) -> Option<&str> {
    checkpoint.state.get("mode").and_then(Value::as_str)
}

/// Returns the state that a session went back to, with the turn that was running then, as a new turn.
fn restored(snapshot: CheckpointSnapshot, transcript: &[TranscriptEntry]) -> Restored {
    let turn: Option<SuspendedTurn> = snapshot
        .checkpoint
        .state
        .get("turn")
        .cloned()
        .and_then(|turn| serde_json::from_value(turn).ok());
    let turn = turn.map(|mut turn| {
        turn.committed = transcript
            .iter()
            .filter(|entry| entry.turn == Some(turn.turn))
            .map(|entry| entry.message.clone())
            .collect();
        turn.turn = TurnId::generate();
        Box::new(turn)
    });
    Restored {
        turn,
        checkpoint: snapshot.checkpoint,
    }
}
