//! Coordinators of the program's own.

use std::sync::Arc;

use victor_core::{Coordinator, NamedCoordinator};

use crate::{AgentOrchestrator, AgentOrchestratorBuilder, BuildError, RoleName};

/// The name under which an orchestrator reports its own health.
const ORCHESTRATOR: &str = "orchestrator";

impl AgentOrchestratorBuilder {
    /// Adds a coordinator of the program's own, which plays none of the roles, under a name of its own.
    ///
    /// It shares the life of the orchestrator: it is started after the roles, in the order in which such coordinators
    /// were added, and stopped before them in the opposite order; it is asked for its health, which is reported under
    /// `name`, and resets what it knows of a session that is reset or deleted. The name must be new, and none of a
    /// role's.
    pub fn custom_coordinator(
        mut self,
        name: impl Into<String>,
        coordinator: Arc<dyn Coordinator>,
    ) -> Self {
        let custom = NamedCoordinator::new(name, coordinator);
        self.injected.custom.push(Arc::new(custom));
        self
    }
}

impl AgentOrchestrator {
    /// Returns the [custom coordinator](AgentOrchestratorBuilder::custom_coordinator) of this name.
    #[must_use]
    pub fn custom_coordinator(&self, name: &str) -> Option<&Arc<dyn Coordinator>> {
        let mut all = self.roles().custom.iter();
        all.find(|custom| custom.name() == name)
            .map(|custom| custom.inner())
    }
}

/// Checks that each name is one of its own.
pub(crate) fn check_names(custom: &[Arc<NamedCoordinator>]) -> Result<(), BuildError> {
    let is_role = |name: &str| RoleName::ALL.iter().any(|role| role.name() == name);
    for (index, name) in custom.iter().map(|one| one.name()).enumerate() {
        let reason = if name.is_empty() {
            "it is empty"
        } else if name == ORCHESTRATOR || is_role(name) {
            "it is the name of a role"
        } else if custom[..index].iter().any(|other| other.name() == name) {
            "there is one of that name already"
        } else {
            continue;
        };
        let name = name.to_owned();
        return Err(BuildError::CoordinatorName { name, reason });
    }
    Ok(())
}
