//! The health of an orchestrator.

use serde::Serialize;
use victor_core::{Health, HealthStatus};

/// The health of an orchestrator and its coordinators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// The worst status of all.
    pub status: HealthStatus,
    /// The health of the orchestrator itself, and then of each coordinator in the order of starting.
    pub coordinators: Vec<Health>,
}

impl HealthReport {
    pub(crate) fn new(coordinators: Vec<Health>) -> Self {
        let status = coordinators.iter().map(|health| health.status).max();
        Self {
            status: status.unwrap_or(HealthStatus::Healthy),
            coordinators,
        }
    }

    /// Returns the health of the coordinator of this name.
    #[must_use]
    pub fn get(&self, coordinator: &str) -> Option<&Health> {
        self.coordinators
            .iter()
            .find(|health| health.coordinator == coordinator)
    }
}
