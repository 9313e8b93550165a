//! Checkpoints: what is in them, when they are made, and how a session goes back to one.

use serde_json::{Value, json};
use victor_chat_protocol::{ChatError, SuspendedTurn};
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDraft, CheckpointError, CheckpointManager,
    CheckpointSnapshot,
};
use victor_core::{CheckpointId, Context, JsonMap, SessionId, TurnId, contain};
use victor_mode_protocol::SwitchedBy;
use victor_session_protocol::{SessionInfo, SessionPatch, TranscriptEntry};

use crate::guard::in_mode;
use crate::orchestrator::{Inner, setup};
use crate::roles::Roles;
use crate::seen::Seen;

/// Where the metadata of a session say that its context does not follow from its transcript alone.
const BASE: &str = "victor_context_base";

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
    if let Some(mode) = in_mode(roles.mode.as_ref(), session, |mode| mode.name.clone()) {
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
        self.snapshot(manager, session, context, label).await
    }

    async fn snapshot(
        &self,
        manager: &dyn CheckpointManager,
        session: &SessionId,
        context: Context,
        label: Option<&str>,
    ) -> Result<Checkpoint, ChatError> {
        let mut draft = CheckpointDraft::new(session.clone(), context, CheckpointCause::Manual);
        draft.label = label.map(str::to_owned);
        draft.state = state(&self.roles, &self.seen, session, None);
        contain(manager.create_checkpoint(draft))
            .await?
            .map_err(checkpoint_error)
    }

    /// Takes a session back to one of its checkpoints.
    pub(crate) async fn restore_checkpoint(
        &self,
        session: &SessionId,
        id: CheckpointId,
    ) -> Result<Restored, ChatError> {
        let manager = self.checkpoints()?;
        let _held = self.hold(session).await?;
        let snapshot = contain(manager.restore_checkpoint(id))
            .await?
            .map_err(checkpoint_error)?;
        let owner = &snapshot.checkpoint.session;
        if owner != session {
            let message =
                format!("checkpoint `{id}` is of session `{owner}`: fork it into a new session");
            return Err(setup("checkpoint", message));
        }
        let transcript = self.roles.session.transcript(session).await;
        let transcript = transcript.map_err(|error| setup("session", error))?;
        self.put(session, &snapshot).await?;
        Ok(restored(snapshot, &transcript))
    }

    /// Leaves out the last turn of what the model sees of a session.
    pub(crate) async fn undo(&self, session: &SessionId) -> Result<Option<Undone>, ChatError> {
        let manager = self.checkpoints()?;
        let _held = self.hold(session).await?;
        let context = self.roles.context.context(session);
        let messages = context.messages();
        let transcript = self.roles.session.transcript(session).await;
        let transcript = transcript.map_err(|error| setup("session", error))?;
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
        let checkpoint = self
            .snapshot(manager, session, before.clone(), None)
            .await?;
        self.put(session, &CheckpointSnapshot::new(checkpoint, before))
            .await?;
        Ok(Some(Undone { turn, messages }))
    }

    /// Begins a new session with the state of a checkpoint.
    pub(crate) async fn fork(
        &self,
        id: CheckpointId,
        session: &SessionId,
    ) -> Result<Checkpoint, ChatError> {
        let manager = self.checkpoints()?;
        let (lease, _working) = self.hold(session).await?;
        if !self.roles.context.context(session).messages().is_empty() {
            return Err(setup(
                "checkpoint",
                CheckpointError::SessionExists(session.clone()),
            ));
        }
        let snapshot = contain(manager.fork_checkpoint(id, session))
            .await?
            .map_err(checkpoint_error)?;
        let messages: Vec<_> = snapshot.context.messages().iter().cloned().collect();
        let turn = TurnId::generate();
        let recorded = self.roles.session.record(&lease, turn, &messages).await;
        recorded.map_err(|error| setup("session", error))?;
        self.seen
            .read(session, messages.iter().map(|message| &**message));
        self.enter(session, &snapshot);
        // A turn that was being worked belongs to the session in which it began.
        Ok(snapshot.checkpoint)
    }

    /// Makes a snapshot what the model sees from now on, also after the process has ended.
    async fn put(
        &self,
        session: &SessionId,
        snapshot: &CheckpointSnapshot,
    ) -> Result<(), ChatError> {
        let info = self.roles.session.session_info(session).await;
        let info = info.map_err(|error| setup("session", error))?;
        let entries = info.map_or(0, |info| info.entries);
        let patch = base_of(&snapshot.checkpoint, entries);
        let updated = self.roles.session.update_session(session, &patch).await;
        updated.map_err(|error| setup("session", error))?;
        self.seen.based(session);
        self.enter(session, snapshot);
        Ok(())
    }

    fn enter(&self, session: &SessionId, snapshot: &CheckpointSnapshot) {
        let context = snapshot.context.clone();
        self.roles.context.set_context(session, context);
        if let Some(mode) = snapshot
            .checkpoint
            .state
            .get("mode")
            .and_then(Value::as_str)
        {
            self.enter_mode(session, mode);
        }
    }

    /// Takes a session back to the mode that it was in.
    pub(crate) fn enter_mode(&self, session: &SessionId, mode: &str) {
        if let Some(modes) = &self.roles.mode
            && let Err(error) = modes.switch_mode(session, mode, SwitchedBy::Program)
        {
            tracing::warn!(%session, %error, "the mode of a session is not there any more");
        }
    }

    /// What the model sees of a session by its transcript, and by the checkpoint that it has gone back to if it has.
    pub(crate) async fn context_of(
        &self,
        info: Option<SessionInfo>,
        transcript: Vec<TranscriptEntry>,
    ) -> Context {
        let messages = transcript.iter().map(|entry| entry.message.clone());
        match self.base(info).await {
            Some((mut context, from)) => {
                messages
                    .skip(from)
                    .for_each(|message| context.push(message));
                context
            }
            None => Context::from_iter(messages),
        }
    }

    /// The context that a session has gone back to, and from which entry on the transcript follows it.
    async fn base(&self, info: Option<SessionInfo>) -> Option<(Context, usize)> {
        let manager = self.roles.checkpoint.as_deref()?;
        let info = info?;
        let session = &info.id;
        let base = info.metadata.get(BASE)?;
        let id = serde_json::from_value(base["checkpoint"].clone()).ok()?;
        let from = usize::try_from(base["entries"].as_u64()?).ok()?;
        match contain(manager.restore_checkpoint(id)).await {
            Ok(Ok(snapshot)) => {
                self.seen.based(session);
                Some((snapshot.context, from))
            }
            // The transcript has everything; the model sees more again than it would.
            Ok(Err(error)) => {
                tracing::warn!(%session, %error, "the checkpoint that the session went back to");
                None
            }
            Err(panicked) => {
                tracing::warn!(%session, %panicked, "the checkpoint that the session went back to");
                None
            }
        }
    }
}

/// What the metadata of a session say whose context is that of a checkpoint and the transcript from an entry on.
pub(crate) fn base_of(checkpoint: &Checkpoint, entries: u64) -> SessionPatch {
    let mut patch = SessionPatch::default();
    let base = json!({ "checkpoint": checkpoint.id, "entries": entries });
    patch.metadata.insert(BASE.into(), base);
    patch
}

/// What was gone back to, with the turn that was being worked then if it may go on.
fn restored(snapshot: CheckpointSnapshot, transcript: &[TranscriptEntry]) -> Restored {
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
