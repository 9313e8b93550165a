//! Analytics, metrics, logs, observers and the context's calibration, which the events of a turn go to.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use victor_analytics_protocol::{AnalyticsEvent, AnalyticsTracker, EventData};
use victor_chat_protocol::{RedactedEvent, TurnEvent, TurnEventKind};
use victor_config_protocol::ConfigLoader;
use victor_context_protocol::ContextManager;
use victor_core::contain_sync;
use victor_metrics_protocol::MetricsRecorder;

use crate::observers::Observed;
use crate::roles::Roles;
use crate::turn::TurnOrder;

/// The observer of one turn's events.
#[derive(Debug)]
pub(crate) struct Telemetry {
    metrics: Option<Arc<dyn MetricsRecorder>>,
    analytics: Arc<dyn AnalyticsTracker>,
    config: Arc<dyn ConfigLoader>,
    /// Whether analytics tracks the session, once that is known.
    is_tracked: Arc<OnceLock<bool>>,
    /// Names to which the turn is charged besides.
    tags: Arc<[Arc<str>]>,
    /// Events from before that.
    waiting: Vec<AnalyticsEvent>,
    feedback: UsageFeedback,
    observed: Observed,
}

impl Telemetry {
    pub(crate) fn new(roles: &Roles, order: &TurnOrder, observed: Observed) -> Self {
        Self {
            metrics: roles.metrics.clone(),
            analytics: roles.analytics.clone(),
            config: roles.config.clone(),
            is_tracked: order.is_tracked.clone(),
            tags: order.tags.clone(),
            waiting: Vec::new(),
            feedback: UsageFeedback {
                context: roles.context.clone(),
                retried: false,
            },
            observed,
        }
    }

    pub(crate) fn observe(&mut self, event: &TurnEvent) {
        trace(event);
        self.feedback.observe(event);
        self.observed.event(event);
        // Pieces of answers come by the hundred, and nobody counts them.
        if !event.kind.is_delta() {
            if let Some(metrics) = &self.metrics {
                // A failure of metrics does not affect the chat.
                let _ = contain_sync(|| metrics.record_turn_event(event));
            }
            self.track(event);
        }
    }

    fn track(&mut self, event: &TurnEvent) {
        let is_last = matches!(
            event.kind,
            TurnEventKind::TurnFinished(_) | TurnEventKind::TurnFailed(_)
        );
        let is_tracked = match self.is_tracked.get() {
            Some(is_tracked) => *is_tracked,
            // The turn has ended before the session's configuration was read.
            None if is_last => self.config.config().settings.enable_analytics,
            None => return self.waiting.push(analytics_event(event, &self.tags)),
        };
        let waiting = std::mem::take(&mut self.waiting);
        if !is_tracked {
            return;
        }
        let last = analytics_event(event, &self.tags);
        for analytics_event in waiting.into_iter().chain([last]) {
            // A failure of analytics does not affect the chat.
            let _ = contain_sync(|| self.analytics.track_event(&event.session, analytics_event));
        }
    }
}

/// Makes an event whose content is written when an exporter asks for it, and not within the turn.
fn analytics_event(event: &TurnEvent, tags: &Arc<[Arc<str>]>) -> AnalyticsEvent {
    let kind = event.kind.kind();
    let known = TurnEventKind::KINDS.iter().find(|known| **known == kind);
    let kind = known.map_or_else(|| kind.to_owned().into(), |known| Cow::Borrowed(*known));
    let mut analytics = AnalyticsEvent::new(kind);
    analytics.timestamp = event.at;
    analytics.tags = Arc::clone(tags);
    analytics.data = match event.to_redacted() {
        RedactedEvent::Brief(brief) => EventData::deferred(Arc::new(brief)),
        RedactedEvent::Full(full) => EventData::deferred(Arc::new(full)),
    };
    analytics
}

/// Reports the usage of model calls to the context, which corrects its token counts by it.
#[derive(Debug)]
struct UsageFeedback {
    context: Arc<dyn ContextManager>,
    /// Whether the current call had a failed attempt. Its usage includes that attempt, so it is not the size of a
    /// request.
    retried: bool,
}

impl UsageFeedback {
    fn observe(&mut self, event: &TurnEvent) {
        match &event.kind {
            TurnEventKind::ModelCallStarted(_) => self.retried = false,
            TurnEventKind::ModelCallRetried(_) => self.retried = true,
            TurnEventKind::ModelCallFinished(finished) if !self.retried => {
                // A sum over rounds on the provider's side is not the size of a request.
                let reported = finished
                    .context_tokens
                    .unwrap_or_else(|| finished.usage.input_tokens());
                let context = &self.context;
                // A failure of the context coordinator does not affect the turn.
                let _ = contain_sync(|| {
                    context.observe_usage(&event.session, &finished.model, reported);
                });
            }
            _ => {}
        }
    }
}

fn trace(event: &TurnEvent) {
    let TurnEvent {
        session,
        turn,
        kind,
        ..
    } = event;
    let event = kind.kind();
    if kind.is_delta() {
        tracing::trace!(target: "victor::turn", %session, %turn, event);
    } else {
        tracing::debug!(target: "victor::turn", %session, %turn, event);
    }
}
