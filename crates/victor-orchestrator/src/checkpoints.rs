//! Checkpoints of a session, and going back.

use serde_json::{Value, json};
use victor_chat_protocol::SuspendedTurn;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDraft, CheckpointManager, CheckpointSnapshot,
};
use victor_core::{CheckpointId, Context, JsonMap, SessionId, TurnId, contain};
use victor_session_protocol::SessionManagerExt as _;
use victor_session_protocol::{SessionError, SessionInfo, TranscriptEntry};

use crate::sessions::{
    HeldSession, MODE, SessionLoader, SessionOpError, SessionRecord, component, view_patch,
};

/// The state that a session went back to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Restored {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The turn that was running then, if one was: it can go on with
    /// [`AgentOrchestrator::resume`](crate::AgentOrchestrator::resume).
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

impl SessionLoader {
    /// Returns the coordinator of checkpoints.
    pub(crate) fn checkpoints(&self) -> Result<&dyn CheckpointManager, SessionOpError> {
        let manager = self.roles.checkpoint.as_deref();
        manager.ok_or(SessionOpError::NotConfigured {
            what: "checkpoints",
            hint: "give the builder a `checkpoint_store`",
        })
    }

    /// Returns the state of a session beside its context, for a checkpoint.
    pub(crate) fn checkpoint_state(
        &self,
        session: &SessionId,
        open: Option<&SuspendedTurn>,
    ) -> JsonMap {
        let route = self.roles.provider.session_route(session);
        let tool_calls = self.registry.read(session, SessionRecord::tool_calls);
        let mut state = JsonMap::new();
        state.insert("provider".into(), json!(route.provider));
        state.insert("model".into(), json!(route.model));
        if let Some(mode) = self.modes.current(session) {
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
}

impl HeldSession<'_> {
    /// Makes a checkpoint by hand.
    pub(crate) async fn checkpoint(
        &self,
        label: Option<&str>,
    ) -> Result<Checkpoint, SessionOpError> {
        let manager = self.loader.checkpoints()?;
        self.create_if_absent().await?;
        let context = self.loader.roles.context.context(self.session);
        let mut draft =
            CheckpointDraft::new(self.session.clone(), context, CheckpointCause::Manual);
        draft.label = label.map(str::to_owned);
        draft.state = self.loader.checkpoint_state(self.session, None);
        Ok(contain(manager.create_checkpoint(draft)).await??)
    }

    /// Makes the session if it is not there yet, so that no checkpoint is of a session that is not there.
    async fn create_if_absent(&self) -> Result<(), SessionOpError> {
        let manager = &self.loader.roles.session;
        if manager.session_info(self.session).await?.is_some() {
            return Ok(());
        }
        let mut info = SessionInfo::new(self.session.clone());
        info.metadata = self.loader.modes.unsaved_facts(self.session);
        match manager.create_session(&info).await {
            // Somebody else was faster.
            Err(SessionError::AlreadyExists(_)) => Ok(()),
            created => {
                created?;
                self.loader.registry.saved(self.session, &info.metadata);
                Ok(())
            }
        }
    }

    /// Goes back to a checkpoint.
    pub(crate) async fn restore(&self, id: CheckpointId) -> Result<Restored, SessionOpError> {
        let manager = self.loader.checkpoints()?;
        let snapshot = contain(manager.load_checkpoint(id)).await??;
        let owner = &snapshot.checkpoint.session;
        if owner != self.session {
            return Err(SessionOpError::WrongSession {
                checkpoint: id,
                session: self.session.clone(),
                owner: owner.clone(),
            });
        }
        let mode = mode_of(&snapshot.checkpoint);
        if let Some(mode) = mode {
            self.loader.modes.check(mode)?;
        }
        let transcript = self.loader.roles.session.transcript(self.session).await?;
        // The next checkpoint follows on this one. If the session does not go back after all, that does no harm.
        contain(manager.restore_checkpoint(id)).await??;
        self.go_back(snapshot.context.clone(), mode, &transcript)
            .await?;
        Ok(restored(snapshot, &transcript))
    }

    /// Leaves the last turn out of what the model sees.
    pub(crate) async fn undo(&self) -> Result<Option<Undone>, SessionOpError> {
        let context = self.loader.roles.context.context(self.session);
        let messages = context.messages();
        let transcript = self.loader.roles.session.transcript(self.session).await?;
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
        self.go_back(before, None, &transcript).await?;
        Ok(Some(Undone { turn, messages }))
    }

    /// Makes this context what the model sees, and this mode the session's, in one write.
    async fn go_back(
        &self,
        context: Context,
        mode: Option<&str>,
        transcript: &[TranscriptEntry],
    ) -> Result<(), SessionOpError> {
        let (loader, session) = (self.loader, self.session);
        let mut patch = view_patch(&context, transcript);
        if let Some(mode) = mode {
            patch.metadata.insert(MODE.into(), mode.into());
        }
        loader.roles.session.update_session(session, &patch).await?;
        loader.problems.clear(&component(session));
        loader.roles.context.set_context(session, context);
        if let Some(mode) = mode {
            loader.registry.saved(session, &patch.metadata);
            loader.modes.return_to(session, mode)?;
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
