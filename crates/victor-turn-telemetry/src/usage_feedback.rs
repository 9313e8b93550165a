//! The usage of model calls, told to the context.

use victor_chat_protocol::{TurnEvent, TurnEventKind};
use victor_context_protocol::ContextManager;
use victor_core::contain_sync;

/// Reports the usage of model calls to the context, which corrects its token counts by it.
#[derive(Debug, Default)]
pub(crate) struct UsageFeedback {
    /// Whether the current call had a failed attempt. Its usage includes that attempt, so it is not the size of a
    /// request.
    retried: bool,
}

impl UsageFeedback {
    pub(crate) fn observe(&mut self, event: &TurnEvent, context: &dyn ContextManager) {
        match &event.kind {
            TurnEventKind::ModelCallStarted(_) => self.retried = false,
            TurnEventKind::ModelCallRetried(_) => self.retried = true,
            TurnEventKind::ModelCallFinished(finished) if !self.retried => {
                // A sum over rounds on the provider's side is not the size of a request.
                let reported = finished
                    .context_tokens
                    .unwrap_or_else(|| finished.usage.input_tokens());
                // A failure of the context coordinator does not affect the turn.
                let _ = contain_sync(|| {
                    context.observe_usage(&event.session, &finished.model, reported);
                });
            }
            _ => {}
        }
    }
}
