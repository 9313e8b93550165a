//! Sessions made from checkpoints, and deleted with them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointManager, CheckpointSnapshot,
};
use victor_core::{CheckpointId, Message, MessageId, SessionId, contain};
use victor_mode_guard::{MODE, NESTED_IN};
use victor_session_loader::SessionOpError;
use victor_session_protocol::{
    SessionError, SessionExport, SessionInfo, SessionManagerExt as _, SessionPatch, TranscriptEntry,
};

use crate::SessionCheckpoints;
use crate::checkpoints::mode_of;

/// The checkpoint that the session was forked from, among its metadata.
const FORK_OF: &str = "victor_fork_of";

impl SessionCheckpoints {
    /// Makes a new session with the state of a checkpoint of any session.
    ///
    /// # Errors
    ///
    /// The session exists already, there is no such checkpoint, or a store failed.
    pub async fn fork(
        &self,
        id: CheckpointId,
        session: &SessionId,
    ) -> Result<Checkpoint, SessionOpError> {
        let manager = self.manager()?;
        self.sessions.ensure_started().await?;
        let snapshot = contain(manager.load_checkpoint(id)).await??;
        if self.needs_session(manager, &snapshot, session).await? {
            let fork = self.fork_of(&snapshot, session).await?;
            match self.sessions.manager().import_session(&fork, None).await {
                Err(SessionError::AlreadyExists(session)) => {
                    return Err(CheckpointError::SessionExists(session).into());
                }
                imported => drop(imported?),
            }
        }
        // Held, so that no turn makes another first checkpoint.
        let _held = self.sessions.hold(session).await?;
        let forked = contain(manager.fork_checkpoint(id, session)).await??;
        Ok(forked.checkpoint)
    }

    /// Whether a fork must make its session. Otherwise an interrupted fork has made it, and its first checkpoint is
    /// missing.
    async fn needs_session(
        &self,
        manager: &dyn CheckpointManager,
        snapshot: &CheckpointSnapshot,
        session: &SessionId,
    ) -> Result<bool, SessionOpError> {
        let id = snapshot.checkpoint.id;
        // In this order: a session has checkpoints only after it was made.
        let checkpoints = contain(manager.checkpoints(session)).await??;
        let info = self.sessions.manager().session_info(session).await?;
        match (info, &checkpoints[..]) {
            (None, []) => Ok(true),
            // An earlier version made the checkpoint first, and was interrupted. Others belong to somebody, and stay.
            (None, [left]) if left.cause == CheckpointCause::Fork && left.id != id => {
                delete(manager, session, &checkpoints).await?;
                Ok(true)
            }
            (Some(info), [])
                if info.metadata.get(FORK_OF) == Some(&json!(id))
                    && info.entries == snapshot.context.messages().len() as u64 =>
            {
                Ok(false)
            }
            _ => Err(CheckpointError::SessionExists(session.clone()).into()),
        }
    }

    /// Returns a session that begins with a state: with the entries of its messages, its mode, and its parent.
    async fn fork_of(
        &self,
        snapshot: &CheckpointSnapshot,
        session: &SessionId,
    ) -> Result<SessionExport, SessionOpError> {
        let (manager, origin) = (self.sessions.manager(), &snapshot.checkpoint.session);
        let transcript = manager.transcript(origin).await?;
        let known: HashMap<MessageId, TranscriptEntry> = transcript
            .into_iter()
            .map(|entry| (entry.message.id(), entry))
            .collect();
        let entry = |message: &Arc<Message>| match known.get(&message.id()) {
            Some(entry) if entry.message == *message => entry.clone(),
            _ => TranscriptEntry::new(None, message.clone()),
        };
        let entries: Vec<_> = snapshot.context.messages().iter().map(entry).collect();
        let mut info = SessionInfo::new(session.clone());
        info.metadata = self.sessions.modes.unsaved_facts(session);
        if let Some(mode) = mode_of(&snapshot.checkpoint) {
            self.sessions.modes.check(mode)?;
            info.metadata.insert(MODE.into(), mode.into());
        }
        let origin = manager.session_info(origin).await?;
        if let Some(parent) = origin
            .as_ref()
            .and_then(|info| info.metadata.get(NESTED_IN))
        {
            info.metadata.insert(NESTED_IN.into(), parent.clone());
        }
        info.metadata
            .insert(FORK_OF.into(), json!(snapshot.checkpoint.id));
        SessionPatch::viewing(&snapshot.context, &entries).apply(&mut info);
        Ok(SessionExport::new(info, entries))
    }

    /// Deletes a session and its checkpoints. Returns whether there was anything.
    ///
    /// # Errors
    ///
    /// A store failed. Another call deletes what is left.
    pub async fn delete(&self, session: &SessionId) -> Result<bool, SessionOpError> {
        let had_checkpoints = self.delete_checkpoints(session).await?;
        // The session goes last of what a person can name, so that another call finds what is left.
        let had_session = self.sessions.manager().delete_session(session).await?;
        // The turn that was waited for may have made more.
        self.delete_checkpoints(session).await?;
        self.sessions.forget(session);
        Ok(had_checkpoints || had_session)
    }

    async fn delete_checkpoints(&self, session: &SessionId) -> Result<bool, SessionOpError> {
        let Some(manager) = self.sessions.checkpoints() else {
            return Ok(false);
        };
        let checkpoints = contain(manager.checkpoints(session)).await??;
        delete(manager, session, &checkpoints).await
    }
}

async fn delete(
    manager: &dyn CheckpointManager,
    session: &SessionId,
    checkpoints: &[Checkpoint],
) -> Result<bool, SessionOpError> {
    if checkpoints.is_empty() {
        return Ok(false);
    }
    let ids: Vec<_> = checkpoints.iter().map(|checkpoint| checkpoint.id).collect();
    let deleted = contain(manager.delete_checkpoints(session, &ids)).await??;
    Ok(deleted > 0)
}
