//! Sessions brought into this process, and taken out of it.

use std::sync::Arc;

use victor_core::{Context, Problems, SessionId, contain, contain_sync};
use victor_session_protocol::SessionManagerExt as _;
use victor_session_protocol::{SessionInfo, TranscriptEntry, TurnLease};

use super::metadata::{CHECKPOINT_VIEW, VIEW};
use super::view::{ContextView, view_patch, whole_view_patch};
use super::{
    ActiveSession, Lifecycle, MemoryLimits, SessionModes, SessionOpError, SessionRegistry,
};
use crate::roles::Roles;

/// Brings sessions into this process: their context, their mode and what is remembered of them.
#[derive(Debug)]
pub(crate) struct SessionLoader {
    pub(crate) roles: Roles,
    pub(crate) registry: Arc<SessionRegistry>,
    pub(crate) modes: SessionModes,
    pub(crate) lifecycle: Lifecycle,
    /// Problems of single sessions.
    pub(crate) problems: Problems,
    limits: MemoryLimits,
}

/// A session that no turn works on while this is alive. Its context is in memory.
#[derive(Debug)]
pub(crate) struct HeldSession<'a> {
    pub(crate) loader: &'a SessionLoader,
    pub(crate) session: &'a SessionId,
    _lease: TurnLease,
    _active: ActiveSession,
}

impl SessionLoader {
    pub(crate) fn new(roles: Roles, limits: MemoryLimits) -> Self {
        let registry = Arc::<SessionRegistry>::default();
        let modes = SessionModes {
            modes: roles.mode.clone(),
            sessions: roles.session.clone(),
            registry: registry.clone(),
        };
        Self {
            roles,
            registry,
            modes,
            lifecycle: Lifecycle::default(),
            problems: Problems::default(),
            limits,
        }
    }

    /// Waits until no turn works on a session, and loads it.
    pub(crate) async fn hold<'a>(
        &'a self,
        session: &'a SessionId,
    ) -> Result<HeldSession<'a>, SessionOpError> {
        self.lifecycle.ensure_started(&self.roles).await?;
        let active = self.registry.activate(session);
        let lease = self.roles.session.begin_turn(session).await?;
        self.load(session, lease.version()).await?;
        Ok(HeldSession {
            loader: self,
            session,
            _lease: lease,
            _active: active,
        })
    }

    /// Loads a session of this version if this process has not, or if another one has written to it since. Returns a
    /// warning if the model sees messages again that were undone.
    pub(crate) async fn load(
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
        let Some(info) = info else {
            return Ok(whole(transcript));
        };
        if let Some(view) = info.metadata.get(VIEW) {
            let view: ContextView =
                serde_json::from_value(view.clone()).map_err(|error| error.to_string())?;
            return view
                .context(transcript)
                .ok_or("it is of another transcript".into());
        }
        let Some(view) = info.metadata.get(CHECKPOINT_VIEW) else {
            return Ok(whole(transcript));
        };
        let context = self.checkpoint_view(&info.id, view, transcript).await?;
        // From now on it depends on no checkpoint. If that fails, the next load tries again.
        let patch = view_patch(&context, transcript);
        drop(self.roles.session.update_session(&info.id, &patch).await);
        Ok(context)
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

    /// Empties a session, in one write. Its mode stays.
    pub(crate) async fn reset(&self, session: &SessionId) -> Result<(), SessionOpError> {
        let mut patch = whole_view_patch();
        // A mode that this orchestrator does not have stays where it is stored.
        let mode = self.modes.load(session).await.ok().flatten();
        if let Some(mode) = &mode {
            patch
                .metadata
                .insert(super::metadata::MODE.into(), mode.as_str().into());
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
    pub(crate) fn forget(&self, session: &SessionId) {
        for coordinator in self.roles.all() {
            if let Err(panicked) = contain_sync(|| coordinator.reset(session)) {
                tracing::warn!(coordinator = coordinator.name(), %panicked, "reset");
            }
        }
        self.registry.forget(session);
        self.problems.clear(&component(session));
    }

    /// Takes sessions out of memory that nobody works on, if there are too many. Only a durable store can bring them
    /// back.
    pub(crate) fn evict(&self) {
        if !self.roles.session.persists_turns() {
            return;
        }
        self.registry.evict(&self.limits, |session| {
            for coordinator in self.roles.all() {
                let _ = contain_sync(|| coordinator.evict(session));
            }
        });
    }
}

fn whole(transcript: &[TranscriptEntry]) -> Context {
    Context::from_iter(transcript.iter().map(|entry| entry.message.clone()))
}

/// Returns the session's name among the problems of the orchestrator's health.
pub(crate) fn component(session: &SessionId) -> String {
    format!("session `{session}`")
}
