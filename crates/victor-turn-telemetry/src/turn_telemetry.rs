//! The events of one turn, handed on.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use victor_analytics_protocol::{AnalyticsEvent, EventData};
use victor_chat_protocol::{RedactedEvent, TurnEvent, TurnEventKind};
use victor_core::{TraceContext, contain_sync};

use crate::Telemetry;
use crate::observers::Observed;
use crate::usage_feedback::UsageFeedback;

/// Hands on the events of one turn. Made by [`Telemetry::begin`].
#[derive(Debug)]
pub struct TurnTelemetry {
    pub(crate) telemetry: Arc<Telemetry>,
    /// Whether analytics tracks the session, once that is known.
    pub(crate) is_tracked: Arc<OnceLock<bool>>,
    /// Names to which the turn is charged besides.
    pub(crate) tags: Arc<[Arc<str>]>,
    /// Events from before that.
    pub(crate) waiting: Vec<AnalyticsEvent>,
    pub(crate) feedback: UsageFeedback,
    pub(crate) observed: Observed,
}

impl TurnTelemetry {
    /// Returns the place of the turn in a distributed trace, if an observer knows one.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.observed.trace()
    }

    /// Hands on an event. No failure of those who hear of it gets out.
    pub fn observe(&mut self, event: &TurnEvent) {
        log(event);
        let roles = &self.telemetry.roles;
        self.feedback.observe(event, &*roles.context);
        self.observed.event(event);
        // Pieces of answers come by the hundred, and nobody counts them.
        if !event.kind.is_delta() {
            if let Some(metrics) = &roles.metrics {
                // A failure of metrics does not affect the chat.
                let _ = contain_sync(|| metrics.record_turn_event(event));
            }
            self.track(event);
        }
    }

    fn track(&mut self, event: &TurnEvent) {
        let roles = &self.telemetry.roles;
        let is_last = matches!(
            event.kind,
            TurnEventKind::TurnFinished(_) | TurnEventKind::TurnFailed(_)
        );
        let is_tracked = match self.is_tracked.get() {
            Some(is_tracked) => *is_tracked,
            // The turn has ended before the session's configuration was read.
            None if is_last => roles.config.config().settings.enable_analytics,
            None => return self.waiting.push(analytics_event(event, &self.tags)),
        };
        let waiting = std::mem::take(&mut self.waiting);
        if !is_tracked {
            return;
        }
        let last = analytics_event(event, &self.tags);
        for analytics_event in waiting.into_iter().chain([last]) {
            // A failure of analytics does not affect the chat.
            let _ = contain_sync(|| (roles.analytics).track_event(&event.session, analytics_event));
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

fn log(event: &TurnEvent) {
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
