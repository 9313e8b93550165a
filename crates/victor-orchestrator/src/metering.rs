//! Metrics: their sources, and what they tell of an orchestrator and of a session.

use std::sync::Arc;

use victor_core::{Coordinator, contain_sync};
use victor_metrics_protocol::MetricsSnapshot;

use crate::roles::Roles;
use crate::{AgentOrchestrator, Session};

/// Has the metrics coordinator read the ledger and the health of all other coordinators.
pub(crate) fn watch(roles: &Roles) {
    let Some(metrics) = &roles.metrics else {
        return;
    };
    let own: Arc<dyn Coordinator> = metrics.clone();
    // A failure of metrics keeps no orchestrator from being built.
    let watched = contain_sync(|| {
        roles
            .provider
            .ledger()
            .into_iter()
            .for_each(|ledger| metrics.watch_ledger(ledger));
        for coordinator in roles.all() {
            if !std::ptr::addr_eq(Arc::as_ptr(&coordinator), Arc::as_ptr(&own)) {
                metrics.watch_coordinator(&coordinator);
            }
        }
    });
    if let Err(panicked) = watched {
        tracing::warn!(%panicked, "metrics have no ledger and no health");
    }
}

/// Measurements.
impl AgentOrchestrator {
    /// Returns what was counted in all sessions of this process: turns, model calls, tool calls, tokens, cost, how long
    /// each took, and every failure that a coordinator has contained. `None` if there is no metrics coordinator: the
    /// setting `enable_metrics` is false.
    #[must_use]
    pub fn metrics(&self) -> Option<MetricsSnapshot> {
        let metrics = self.metrics_coordinator()?;
        contain_sync(|| metrics.snapshot()).ok()
    }
}

/// Measurements.
impl Session {
    /// Returns what was counted in this session by this process; `None` if nothing is held of it, or if there is no
    /// metrics coordinator.
    #[must_use]
    pub fn metrics(&self) -> Option<MetricsSnapshot> {
        let metrics = self.orchestrator().metrics_coordinator()?;
        contain_sync(|| metrics.session_snapshot(self.id())).ok()?
    }
}
