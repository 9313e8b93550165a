//! The start and the end of the coordinators.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::sleep;
use victor_core::{Coordinator, contain, contain_sync};

use crate::SessionOpError;

/// The start and the end of coordinators.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    /// The coordinators, in the order in which they are started.
    coordinators: Vec<Arc<dyn Coordinator>>,
    started: OnceCell<()>,
    shut_down: AtomicBool,
}

impl Lifecycle {
    pub(crate) fn new(coordinators: Vec<Arc<dyn Coordinator>>) -> Self {
        Self {
            coordinators,
            started: OnceCell::new(),
            shut_down: AtomicBool::new(false),
        }
    }

    pub(crate) fn coordinators(&self) -> &[Arc<dyn Coordinator>] {
        &self.coordinators
    }

    /// Refuses work after the end, and starts the coordinators before the first.
    pub(crate) async fn ensure_started(&self) -> Result<(), SessionOpError> {
        if self.shut_down.load(Ordering::Acquire) {
            return Err(SessionOpError::ShutDown);
        }
        Handle::try_current().map_err(|_| SessionOpError::Runtime)?;
        self.started
            .get_or_try_init(|| start(&self.coordinators))
            .await?;
        Ok(())
    }

    /// Refuses further work, and ends the coordinators in the opposite order.
    pub(crate) async fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Release);
        for coordinator in self.coordinators.iter().rev() {
            if let Err(panicked) = contain(coordinator.shutdown()).await {
                tracing::warn!(coordinator = coordinator.name(), %panicked, "shutdown");
            }
        }
    }
}

async fn start(coordinators: &[Arc<dyn Coordinator>]) -> Result<(), SessionOpError> {
    // Of a runtime without timers, nothing but a panic tells.
    contain_sync(|| drop(sleep(Duration::ZERO))).map_err(|_| SessionOpError::Runtime)?;
    for coordinator in coordinators {
        contain(coordinator.initialize()).await??;
    }
    Ok(())
}
