//! Sessions brought into this process, and taken out of it.

use std::sync::Arc;

use victor_checkpoint_protocol::CheckpointManager;
use victor_context_protocol::ContextManager;
use victor_core::{Context, Coordinator, MessageId, Problems, SessionId, contain, contain_sync};
use victor_mode_guard::{MODE, SessionModes};
use victor_mode_protocol::ModeManager;
use victor_session_protocol::{
    ContextView, SessionInfo, SessionManager, SessionManagerExt as _, SessionPatch, StoredView,
    TranscriptEntry, TurnLease,
};

use crate::lifecycle::Lifecycle;
use crate::{ActiveSession, MemoryLimits, SessionOpError, SessionRegistry};

/// The roles that are joined where a session is loaded.
#[derive(Debug, Clone)]
pub struct SessionRoles {
    /// The coordinator of sessions.
    pub session: Arc<dyn SessionManager>,
    /// The coordinator of contexts.
    pub context: Arc<dyn ContextManager>,
    /// The coordinator of modes, if there are modes.
    pub mode: Option<Arc<dyn ModeManager>>,
    /// The coordinator of checkpoints, if any are made.
    pub checkpoint: Option<Arc<dyn CheckpointManager>>,
}

/// Brings sessions into this process: their context, their mode and what is remembered of them.
#[derive(Debug)]
pub struct SessionLoader {
    roles: SessionRoles,
    /// The memory that this process has of its sessions.
    pub registry: Arc<SessionRegistry>,
    /// The modes of sessions.
    pub modes: SessionModes,
    /// Problems of single sessions.
    pub problems: Problems,
    pub(crate) lifecycle: Lifecycle,
    limits: MemoryLimits,
}

/// A session that no turn works on while this is alive. Its context is in memory.
#[derive(Debug)]
#[must_use = "the session is free again when this is dropped"]
pub struct HeldSession {
    _lease: TurnLease,
    _active: ActiveSession,
}

impl SessionLoader {
    /// Loads sessions by these roles. All coordinators, in the order in which they are started, are told of what
    /// happens to a session.
    #[must_use]
    pub fn new(
        roles: SessionRoles,
        coordinators: Vec<Arc<dyn Coordinator>>,
        limits: MemoryLimits,
    ) -> Self {
        Self {
            modes: SessionModes::new(roles.mode.clone(), roles.session.clone()),
            roles,
            registry: Arc::default(),
            problems: Problems::default(),
            lifecycle: Lifecycle::new(coordinators),
            limits,
        }
    }

    /// Returns the coordinator of sessions.
    #[must_use]
    pub fn manager(&self) -> &Arc<dyn SessionManager> {
        &self.roles.session
    }

    /// Returns the coordinator of contexts.
    #[must_use]
    pub fn context(&self) -> &Arc<dyn ContextManager> {
        &self.roles.context
    }

    /// Returns the coordinator of checkpoints, if any are made.
    #[must_use]
    pub fn checkpoints(&self) -> Option<&dyn CheckpointManager> {
        self.roles.checkpoint.as_deref()
    }

    /// Refuses work after the end, and starts the coordinators before the first.
    ///
    /// # Errors
    ///
    /// A coordinator could not start, or all of them were ended.
    pub async fn ensure_started(&self) -> Result<(), SessionOpError> {
        self.lifecycle.ensure_started().await
    }

    /// Refuses further work, and ends the coordinators in the opposite order.
    pub async fn shut_down(&self) {
        self.lifecycle.shut_down().await;
    }

    /// Waits until no turn works on a session, and loads it.
    ///
    /// # Errors
    ///
    /// A coordinator could not start, the session is in a mode that is not known, or the store failed.
    pub async fn hold(&self, session: &SessionId) -> Result<HeldSession, SessionOpError> {
        self.ensure_started().await?;
        let active = self.registry.activate(session);
        let lease = self.roles.session.begin_turn(session).await?;
        self.load(session, lease.version()).await?;
        Ok(HeldSession {
            _lease: lease,
            _active: active,
        })
    }

    /// Loads a session of this version if this process has not, or if another one has written to it since. Returns a
    /// warning if the model sees messages again that were undone.
    ///
    /// # Errors
    ///
    /// The session is in a mode that is not known, or the store failed.
    pub async fn load(
        &self,
        session: &SessionId,
        version: Option<u64>,
    ) -> Result<Option<String>, SessionOpError> {
        let is_loaded = match version {
            Some(entries) => self.registry.entries(session) == Some(entries),
            None => !self.roles.context.context(session).messages().is_empty(),
        };
        if is_loaded {
            return Ok(None);
        }
        let info = self.roles.session.session_info(session).await?;
        let transcript = self.roles.session.transcript(session).await?;
        self.modes.bind(session, info.as_ref()).await?;
        let messages = transcript.iter().map(|entry| &*entry.message);
        self.registry.loaded(session, messages);
        self.registry.adopt_prompts(session, info.as_ref());
        if transcript.is_empty() {
            return Ok(None);
        }
        let (context, warning) = match self.viewed_context(info.as_ref(), &transcript).await {
            Ok(context) => (context, None),
            Err(reason) => {
                let warning = format!(
                    "what was undone or gone back from is not known any more, and the model sees it again ({reason}): \
                     undo it once more"
                );
                tracing::warn!(%session, warning, "the view of a session");
                self.problems.report(component(session), &warning);
                (whole(&transcript), Some(warning))
            }
        };
        self.roles.context.set_context(session, context);
        Ok(warning)
    }

    /// Returns the context of a session, by the view that its metadata hold.
    async fn viewed_context(
        &self,
        info: Option<&SessionInfo>,
        transcript: &[TranscriptEntry],
    ) -> Result<Context, String> {
        let Some((info, view)) = info.and_then(|info| Some((info, StoredView::of(info)?))) else {
            return Ok(whole(transcript));
        };
        match view {
            StoredView::View(view) => {
                let view: ContextView =
                    serde_json::from_value(view.clone()).map_err(|error| error.to_string())?;
                view.context(transcript)
                    .ok_or("it is of another transcript".into())
            }
            StoredView::Checkpoint(view) => {
                let context = self.checkpoint_view(&info.id, view, transcript).await?;
                // From now on it depends on no checkpoint. If that fails, the next load tries again.
                let patch = SessionPatch::viewing(&context, transcript);
                drop(self.roles.session.update_session(&info.id, &patch).await);
                Ok(context)
            }
        }
    }

    /// Reads a view that an earlier version has stored: the context of a checkpoint, and the transcript from an entry
    /// on.
    async fn checkpoint_view(
        &self,
        session: &SessionId,
        view: &serde_json::Value,
        transcript: &[TranscriptEntry],
    ) -> Result<Context, String> {
        let id = serde_json::from_value(view["checkpoint"].clone())
            .map_err(|error| error.to_string())?;
        let later = view["entries"]
            .as_u64()
            .and_then(|from| usize::try_from(from).ok())
            .and_then(|from| transcript.get(from..))
            .ok_or("it is of another transcript")?;
        let manager = self
            .roles
            .checkpoint
            .as_deref()
            .ok_or("there are no checkpoints")?;
        let loaded = contain(manager.load_checkpoint(id))
            .await
            .map_err(|panicked| panicked.to_string())?
            .map_err(|error| error.to_string())?;
        let owner = &loaded.checkpoint.session;
        if owner != session {
            return Err(format!("checkpoint `{id}` is of session `{owner}`"));
        }
        let mut context = loaded.context;
        for entry in later {
            context.push(entry.message.clone());
        }
        Ok(context)
    }

    /// Returns whether this is the last message that the model sees of a session: the conversation has not gone on.
    #[must_use]
    pub fn ends_with(&self, session: &SessionId, last: Option<MessageId>) -> bool {
        let context = self.roles.context.context(session);
        context.messages().last().map(|message| message.id()) == last
    }

    /// Notes that the model sees this context of a session from now on, as the store does.
    pub fn went_back(&self, session: &SessionId, context: Context) {
        self.problems.clear(&component(session));
        self.roles.context.set_context(session, context);
    }

    /// Empties a session, in one write. Its mode stays.
    ///
    /// # Errors
    ///
    /// The store failed, and nothing was forgotten.
    pub async fn reset(&self, session: &SessionId) -> Result<(), SessionOpError> {
        let mut patch = SessionPatch::viewing_all();
        // A mode that this orchestrator does not have stays where it is stored.
        let mode = self.modes.load(session).await.ok().flatten();
        if let Some(mode) = &mode {
            patch.metadata.insert(MODE.into(), mode.as_str().into());
        }
        self.roles.session.reset_session(session, &patch).await?;
        self.forget(session);
        if let Some(mode) = mode
            && let Err(error) = self.modes.return_to(session, &mode)
        {
            tracing::warn!(%session, %error, "the mode of a session that was reset");
        }
        Ok(())
    }

    /// Takes all that is remembered of a session out of memory.
    pub fn forget(&self, session: &SessionId) {
        for coordinator in self.coordinators() {
            if let Err(panicked) = contain_sync(|| coordinator.reset(session)) {
                tracing::warn!(coordinator = coordinator.name(), %panicked, "reset");
            }
        }
        self.registry.forget(session);
        self.modes.forget(session);
        self.problems.clear(&component(session));
    }

    /// Takes sessions out of memory that nobody works on, if there are too many. Only a durable store can bring them
    /// back.
    pub fn evict(&self) {
        if !self.roles.session.persists_turns() {
            return;
        }
        self.registry.evict(&self.limits, |session| {
            if !self.modes.evict(session) {
                return false;
            }
            for coordinator in self.coordinators() {
                let _ = contain_sync(|| coordinator.evict(session));
            }
            true
        });
    }
}

fn whole(transcript: &[TranscriptEntry]) -> Context {
    Context::from_iter(transcript.iter().map(|entry| entry.message.clone()))
}

/// Returns the session's name among the problems of the orchestrator's health.
fn component(session: &SessionId) -> String {
    format!("session `{session}`")
}
