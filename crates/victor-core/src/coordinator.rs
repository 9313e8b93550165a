//! The life cycle that every coordinator has.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{BoxError, Lock, SessionId};

/// The life cycle that every coordinator has, beside the role that it plays.
///
/// Implemented by coordinators, called by the orchestrator: `initialize` once before the first turn, `shutdown` once
/// after the last, `health`, `reset` and `evict` at any time and from any task. The default methods suit a coordinator
/// without state of its own.
#[async_trait]
pub trait Coordinator: fmt::Debug + Send + Sync + 'static {
    /// The coordinator's name, as logs and [`Health`] show it: the crate's name without `victor-`.
    fn name(&self) -> &str;

    /// Prepares for work: opens files, starts background tasks. Called again, it does nothing.
    ///
    /// # Errors
    ///
    /// A fault keeps the coordinator from working at all. A fault that it can work around belongs into [`Health`].
    async fn initialize(&self) -> Result<(), CoordinatorError> {
        Ok(())
    }

    /// Returns the health of the coordinator. Takes no lock for long and does no I/O, so that it can be asked often.
    fn health(&self) -> Health {
        Health::healthy(self.name())
    }

    /// Forgets what it knows of a session. Of a session that it does not know, it forgets nothing.
    fn reset(&self, _session: &SessionId) {}

    /// Releases the memory of an idle session that a durable store has: what is made again when the session is loaded.
    /// What cannot be made again stays. Defaults to nothing.
    fn evict(&self, _session: &SessionId) {}

    /// Ends background work and writes out what waits. Called again, it does nothing; calls of other methods
    /// afterwards do not panic.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may leave work behind; it can be called again.
    async fn shutdown(&self) {}
}

/// Why a coordinator could not start.
#[derive(Debug, thiserror::Error)]
#[error("coordinator `{coordinator}` could not start")]
pub struct CoordinatorError {
    /// The name of the coordinator.
    pub coordinator: String,
    /// The reason.
    #[source]
    pub source: BoxError,
}

/// Health of a coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// Whose health it is.
    pub coordinator: String,
    /// The short answer.
    pub status: HealthStatus,
    /// Present problems, most recent last; empty while healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Status of a coordinator, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works, with something missing: a source that does not answer, events that were dropped.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl Health {
    /// All is well with `coordinator`.
    pub fn healthy(coordinator: impl Into<String>) -> Self {
        Self {
            coordinator: coordinator.into(),
            status: HealthStatus::Healthy,
            problems: Vec::new(),
        }
    }

    /// Degraded where there are problems, otherwise healthy.
    pub fn from_problems(coordinator: impl Into<String>, problems: Vec<String>) -> Self {
        let status = if problems.is_empty() {
            HealthStatus::Healthy
        } else {
            HealthStatus::Degraded
        };
        Self {
            coordinator: coordinator.into(),
            status,
            problems,
        }
    }

    /// Whether all is well.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status == HealthStatus::Healthy
    }
}

/// Present problems by the name of the component that has them: the memory behind a coordinator's [`Health`].
///
/// A part that fails is [reported](Self::report), one that works again is [cleared](Self::clear).
///
/// ```
/// use victor_core::{HealthStatus, Problems};
///
/// let problems = Problems::default();
/// problems.report("database", "connection refused");
/// assert_eq!(problems.health("config").problems, ["database: connection refused"]);
/// problems.clear("database");
/// assert_eq!(problems.health("config").status, HealthStatus::Healthy);
/// ```
#[derive(Debug, Default)]
pub struct Problems(Lock<BTreeMap<String, String>>);

impl Problems {
    /// Notes that `part` fails, in place of what was noted of it before.
    pub fn report(&self, part: impl Into<String>, problem: impl fmt::Display) {
        self.0.lock().insert(part.into(), problem.to_string());
    }

    /// Notes that `part` works.
    pub fn clear(&self, part: &str) {
        self.0.lock().remove(part);
    }

    /// The health of a coordinator that has these problems.
    pub fn health(&self, coordinator: &str) -> Health {
        let problems = self
            .0
            .lock()
            .iter()
            .map(|(part, problem)| format!("{part}: {problem}"))
            .collect();
        Health::from_problems(coordinator, problems)
    }
}
