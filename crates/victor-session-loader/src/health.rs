//! The health of an orchestrator and its coordinators.

use std::sync::Arc;

use serde::Serialize;
use victor_core::{Coordinator, Health, HealthStatus, contain_sync};

use crate::SessionLoader;

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
    fn new(coordinators: Vec<Health>) -> Self {
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

impl SessionLoader {
    /// Returns all coordinators, in the order in which they are started.
    #[must_use]
    pub fn coordinators(&self) -> &[Arc<dyn Coordinator>] {
        self.lifecycle.coordinators()
    }

    /// Returns the health of every coordinator, after that of the orchestrator: what is odd about how it was built, and
    /// the problems of single sessions.
    #[must_use]
    pub fn health(&self, remarks: &[String]) -> HealthReport {
        let mut orchestrator = Health::from_problems("orchestrator", remarks.to_vec());
        orchestrator.add(self.problems.health("orchestrator"));
        let coordinators = self.coordinators().iter().map(|coordinator| {
            contain_sync(|| coordinator.health()).unwrap_or_else(|panicked| {
                let problems = vec![panicked.to_string()];
                let mut health = Health::from_problems(coordinator.name(), problems);
                health.status = HealthStatus::Unhealthy;
                health
            })
        });
        HealthReport::new([orchestrator].into_iter().chain(coordinators).collect())
    }
}
