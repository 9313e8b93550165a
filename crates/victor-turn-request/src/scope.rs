//! The values that all pieces of a turn share.

use std::sync::Arc;

use victor_chat_protocol::{ContextCompacted, EventSink, TurnEventKind};
use victor_config_protocol::EffectiveConfig;
use victor_context_protocol::CompactionReport;
use victor_core::{SessionId, TraceContext, TurnId};

/// The values that all pieces of one turn share.
#[derive(Debug)]
pub struct TurnScope {
    /// The configuration of the turn's session.
    pub config: Arc<EffectiveConfig>,
    /// The sink of the turn's events.
    pub events: EventSink,
    /// Names to which model calls are charged besides.
    pub tags: Arc<[Arc<str>]>,
    /// The place of the turn in a distributed trace.
    pub trace: Option<TraceContext>,
}

impl TurnScope {
    /// Returns the session of the turn.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        self.events.session()
    }

    /// Returns the turn.
    #[must_use]
    pub fn turn(&self) -> TurnId {
        self.events.turn()
    }

    /// Reports a problem that does not stop the turn.
    pub async fn notice(&self, component: &str, problem: impl Into<String>) {
        let notice = TurnEventKind::notice(component, problem);
        self.events.emit(notice).await;
    }

    /// Reports a compaction of the context, and why it had to fall back if it had.
    pub async fn compacted(&self, report: CompactionReport) {
        if let Some(reason) = &report.fallback {
            self.notice("context", reason).await;
        }
        let compacted = ContextCompacted::new(
            report.strategy,
            report.messages_before,
            report.messages_after,
            report.tokens_before,
            report.tokens_after,
        );
        self.events.emit(compacted).await;
    }
}
