//! The life cycle that every coordinator has.

use std::fmt;

use async_trait::async_trait;

use crate::{BoxError, Health, SessionId};

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
