//! The values that all pieces of a turn share.

use std::sync::Arc;

use victor_chat_protocol::{EventSink, TurnEventKind};
use victor_config_protocol::EffectiveConfig;
use victor_core::{SessionId, TraceContext, TurnId};
use victor_rewind::SessionCheckpoints;
use victor_session_loader::SessionLoader;

use crate::roles::Roles;

/// The parts that all turns share.
#[derive(Debug, Clone)]
pub(crate) struct TurnParts {
    pub(crate) roles: Arc<Roles>,
    pub(crate) sessions: Arc<SessionLoader>,
    pub(crate) checkpoints: Arc<SessionCheckpoints>,
}

/// The values that all pieces of one turn share.
#[derive(Debug)]
pub(super) struct TurnScope {
    pub(super) parts: TurnParts,
    pub(super) config: Arc<EffectiveConfig>,
    pub(super) events: EventSink,
    /// Names to which model calls are charged besides.
    pub(super) tags: Arc<[Arc<str>]>,
    /// The place of the turn in a distributed trace.
    pub(super) trace: Option<TraceContext>,
}

impl TurnScope {
    pub(super) fn roles(&self) -> &Roles {
        &self.parts.roles
    }

    pub(super) fn sessions(&self) -> &SessionLoader {
        &self.parts.sessions
    }

    pub(super) fn session(&self) -> &SessionId {
        self.events.session()
    }

    pub(super) fn turn(&self) -> TurnId {
        self.events.turn()
    }

    /// Reports a problem that does not stop the turn.
    pub(super) async fn notice(&self, component: &str, problem: impl Into<String>) {
        let notice = TurnEventKind::notice(component, problem);
        self.events.emit(notice).await;
    }
}
