//! Coordinators under other names.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Coordinator, CoordinatorError, Health, SessionId};

/// A coordinator under another name, in logs, in its health and in the error of its start: to add one of somebody else,
/// or two of one kind.
#[derive(Debug, Clone)]
pub struct NamedCoordinator {
    name: String,
    coordinator: Arc<dyn Coordinator>,
}

impl NamedCoordinator {
    /// Gives a coordinator another name.
    pub fn new(name: impl Into<String>, coordinator: Arc<dyn Coordinator>) -> Self {
        Self {
            name: name.into(),
            coordinator,
        }
    }

    /// Returns the coordinator itself.
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn Coordinator> {
        &self.coordinator
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Coordinator for NamedCoordinator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        let started = self.coordinator.initialize().await;
        started.map_err(|mut error| {
            error.coordinator.clone_from(&self.name);
            error
        })
    }

    fn health(&self) -> Health {
        let mut health = self.coordinator.health();
        health.coordinator.clone_from(&self.name);
        health
    }

    fn reset(&self, session: &SessionId) {
        self.coordinator.reset(session);
    }

    fn evict(&self, session: &SessionId) {
        self.coordinator.evict(session);
    }

    async fn shutdown(&self) {
        self.coordinator.shutdown().await;
    }
}
