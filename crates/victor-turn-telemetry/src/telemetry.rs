//! The destinations of the events of all turns.

use std::sync::{Arc, OnceLock};

use victor_analytics_protocol::AnalyticsTracker;
use victor_chat_protocol::TurnOpening;
use victor_config_protocol::ConfigLoader;
use victor_context_protocol::ContextManager;
use victor_core::{Coordinator, contain_sync};
use victor_metrics_protocol::MetricsRecorder;
use victor_provider_protocol::ProviderRouter;

use crate::usage_feedback::UsageFeedback;
use crate::{TurnObservers, TurnTelemetry};

/// The roles that hear of turns.
#[derive(Debug, Clone)]
pub struct TelemetryRoles {
    /// The coordinator of metrics, if there is one.
    pub metrics: Option<Arc<dyn MetricsRecorder>>,
    /// The coordinator of analytics.
    pub analytics: Arc<dyn AnalyticsTracker>,
    /// The coordinator of configuration, which knows whether analytics is enabled.
    pub config: Arc<dyn ConfigLoader>,
    /// The coordinator of contexts.
    pub context: Arc<dyn ContextManager>,
}

/// The destinations of the events of all turns.
#[derive(Debug)]
pub struct Telemetry {
    pub(crate) roles: TelemetryRoles,
    observers: TurnObservers,
}

impl Telemetry {
    /// Hands events on to these roles and observers.
    #[must_use]
    pub fn new(roles: TelemetryRoles, observers: TurnObservers) -> Self {
        Self { roles, observers }
    }

    /// Has the observers told of the attempts at model calls, and has metrics read the ledger and the health of the
    /// other coordinators. A failure is logged, and those who have failed hear of turns all the same.
    pub fn watch(&self, provider: &dyn ProviderRouter, coordinators: &[Arc<dyn Coordinator>]) {
        let ledger = contain_sync(|| provider.ledger()).unwrap_or_default();
        if let Some(ledger) = &ledger {
            self.observers.subscribe(&**ledger);
        }
        let Some(metrics) = &self.roles.metrics else {
            return;
        };
        let watched = contain_sync(|| {
            if let Some(ledger) = ledger {
                metrics.watch_ledger(ledger);
            }
            for coordinator in coordinators {
                if !std::ptr::addr_eq(Arc::as_ptr(coordinator), Arc::as_ptr(metrics)) {
                    metrics.watch_coordinator(coordinator);
                }
            }
        });
        if let Err(panicked) = watched {
            tracing::warn!(%panicked, "metrics have no ledger and no health");
        }
    }

    /// Tells the observers of a turn that has been asked for, and returns what hands on its events. Analytics is given
    /// none of them before `is_tracked` is set: they wait for the configuration of the session.
    #[must_use]
    pub fn begin<'a>(
        self: &'a Arc<Self>,
        opening: TurnOpening<'a>,
        tags: Arc<[Arc<str>]>,
        is_tracked: Arc<OnceLock<bool>>,
    ) -> TurnTelemetry {
        TurnTelemetry {
            observed: self.observers.begin(opening),
            telemetry: self.clone(),
            is_tracked,
            tags,
            waiting: Vec::new(),
            feedback: UsageFeedback::default(),
        }
    }
}
