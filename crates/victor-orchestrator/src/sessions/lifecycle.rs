//! The start and the end of an orchestrator.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::sleep;
use victor_core::{contain, contain_sync};

use super::SessionOpError;
use crate::roles::Roles;

/// The start and the end of an orchestrator.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    started: OnceCell<()>,
    shut_down: AtomicBool,
}

impl Lifecycle {
    /// Refuses work after the end, and starts the coordinators before the first.
    pub(crate) async fn ensure_started(&self, roles: &Roles) -> Result<(), SessionOpError> {
        if self.shut_down.load(Ordering::Acquire) {
            return Err(SessionOpError::ShutDown);
        }
        Handle::try_current().map_err(|_| SessionOpError::Runtime)?;
        self.started.get_or_try_init(|| start(roles)).await?;
        Ok(())
    }

    /// Refuses further work, and ends the coordinators in the opposite order.
    pub(crate) async fn shut_down(&self, roles: &Roles) {
        self.shut_down.store(true, Ordering::Release);
        for coordinator in roles.all().into_iter().rev() {
            if let Err(panicked) = contain(coordinator.shutdown()).await {
                tracing::warn!(coordinator = coordinator.name(), %panicked, "shutdown");
            }
        }
    }
}

async fn start(roles: &Roles) -> Result<(), SessionOpError> {
    // Of a runtime without timers, nothing but a panic tells.
    contain_sync(|| drop(sleep(Duration::ZERO))).map_err(|_| SessionOpError::Runtime)?;
    for coordinator in roles.all() {
        contain(coordinator.initialize()).await??;
    }
    Ok(())
}
