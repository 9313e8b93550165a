//! How an orchestrator fares.

use serde::Serialize;
use victor_core::{Health, HealthStatus};

/// How an orchestrator and its coordinators fare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// The worst of all.
    pub status: HealthStatus,
    /// How each coordinator fares.
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

    /// How the coordinator of this name fares.
    #[must_use]
    pub fn get(&self, coordinator: &str) -> Option<&Health> {
        self.coordinators
            .iter()
            .find(|health| health.coordinator == coordinator)
    }
}
