//! How a session comes back: what the model sees of it, by what the store has.

use serde_json::Value;
use victor_chat_protocol::ChatError;
use victor_core::{Context, SessionId, contain};
use victor_session_protocol::{SessionInfo, TranscriptEntry, TurnLease};

use crate::base::{BASE, Base, CHECKPOINT_BASE, sees};
use crate::opening::session_error;
use crate::orchestrator::{Inner, setup};
use crate::runtime;
use crate::seen::Working;

impl Inner {
    /// Waits until no turn works on a session, and brings it into the context.
    pub(crate) async fn hold(
        &self,
        session: &SessionId,
    ) -> Result<(TurnLease, Working), ChatError> {
        self.check_started().await?;
        let working = self.seen.working(session);
        let lease = self.roles.session.begin_turn(session).await;
        let lease = lease.map_err(session_error)?;
        self.restore(session, lease.version()).await?;
        Ok((lease, working))
    }

    /// Brings a session of so many entries into the context that this process has not seen, or that somebody else has
    /// written to, and takes it to the mode in which it was left. Returns what is lost of it, if something is.
    pub(crate) async fn restore(
        &self,
        session: &SessionId,
        version: Option<u64>,
    ) -> Result<Option<String>, ChatError> {
        let fresh = match version {
            Some(entries) => self.seen.get(session) == Some(entries),
            None => !self.roles.context.context(session).messages().is_empty(),
        };
        if fresh {
            return Ok(None);
        }
        let sessions = &self.roles.session;
        let info = sessions
            .session_info(session)
            .await
            .map_err(session_error)?;
        let transcript = sessions.transcript(session).await.map_err(session_error)?;
        self.bind(session, info.as_ref()).await?;
        let messages = transcript.iter().map(|entry| &*entry.message);
        self.seen.read(session, messages);
        if transcript.is_empty() {
            return Ok(None);
        }
        let (context, lost) = self.context_of(info.as_ref(), &transcript).await;
        self.roles.context.set_context(session, context);
        if let Some(lost) = &lost {
            tracing::warn!(%session, lost, "what the model sees of a session");
            self.problems.report(part(session), lost);
        }
        Ok(lost)
    }

    /// What the model sees of a session, and what is lost of it, if something is: it sees the whole transcript then.
    async fn context_of(
        &self,
        info: Option<&SessionInfo>,
        transcript: &[TranscriptEntry],
    ) -> (Context, Option<String>) {
        let based = match info {
            Some(info) => self.based_context(info, transcript).await,
            None => Ok(None),
        };
        let whole = || Context::from_iter(transcript.iter().map(|entry| entry.message.clone()));
        match based {
            Ok(context) => (context.unwrap_or_else(whole), None),
            Err(why) => {
                let lost = format!(
                    "what was undone or gone back from is not known any more, and the model sees it again ({why}): undo \
                     it once more"
                );
                (whole(), Some(lost))
            }
        }
    }

    /// What the model sees of a session that has gone back; none if it never has.
    async fn based_context(
        &self,
        info: &SessionInfo,
        transcript: &[TranscriptEntry],
    ) -> Result<Option<Context>, String> {
        if let Some(base) = info.metadata.get(BASE) {
            let base: Base =
                serde_json::from_value(base.clone()).map_err(|error| error.to_string())?;
            let context = base.context(transcript);
            return context
                .map(Some)
                .ok_or("it is of another transcript".into());
        }
        let Some(base) = info.metadata.get(CHECKPOINT_BASE) else {
            return Ok(None);
        };
        let context = self.checkpoint_base(&info.id, base, transcript).await?;
        // From now on it depends on no checkpoint. If that fails, the next one tries again.
        let patch = sees(&context, transcript);
        drop(self.roles.session.update_session(&info.id, &patch).await);
        Ok(Some(context))
    }

    /// What earlier versions have left: the context of a checkpoint, and the transcript from an entry on.
    async fn checkpoint_base(
        &self,
        session: &SessionId,
        base: &Value,
        transcript: &[TranscriptEntry],
    ) -> Result<Context, String> {
        let id = serde_json::from_value(base["checkpoint"].clone());
        let id = id.map_err(|error| error.to_string())?;
        let from = base["entries"].as_u64();
        let from = from.and_then(|from| usize::try_from(from).ok());
        let later = from.and_then(|from| transcript.get(from..));
        let later = later.ok_or("it is of another transcript")?;
        let manager = self.roles.checkpoint.as_deref();
        let manager = manager.ok_or("there are no checkpoints")?;
        let loaded = contain(manager.load_checkpoint(id)).await;
        let loaded = loaded.map_err(|panicked| panicked.to_string())?;
        let loaded = loaded.map_err(|error| error.to_string())?;
        let owner = &loaded.checkpoint.session;
        if owner != session {
            return Err(format!("checkpoint `{id}` is of session `{owner}`"));
        }
        let mut context = loaded.context;
        later
            .iter()
            .for_each(|entry| context.push(entry.message.clone()));
        Ok(context)
    }

    /// Refuses to begin work after the end, and has the coordinators start before the first.
    pub(crate) async fn check_started(&self) -> Result<(), ChatError> {
        use std::sync::atomic::Ordering;
        if self.ended.load(Ordering::Acquire) {
            return Err(ChatError::ShutDown);
        }
        runtime::check()?;
        self.started.get_or_try_init(|| self.initialize()).await?;
        Ok(())
    }

    async fn initialize(&self) -> Result<(), ChatError> {
        runtime::check_timers()?;
        for coordinator in self.roles.all() {
            let started = contain(coordinator.initialize()).await?;
            started.map_err(|error| setup("start", error))?;
        }
        Ok(())
    }
}

/// The session's name among the problems.
pub(crate) fn part(session: &SessionId) -> String {
    format!("session `{session}`")
}
