//! The limit of calls of a tool that run at the same time.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    /// The permits under which the current task runs.
    static HELD: HeldPermits;
}

/// The permits under which a call runs, innermost first.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldPermits(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    semaphore: Arc<Semaphore>,
    outer: HeldPermits,
}

impl HeldPermits {
    /// Returns the permits of the call from within which this is called; none outside of a call.
    pub(super) fn of_this_task() -> Self {
        HELD.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a call under these permits, so that the calls it makes find them.
    pub(super) async fn scope<T>(&self, call: impl Future<Output = T>) -> T {
        match self.0 {
            Some(_) => HELD.scope(self.clone(), call).await,
            None => call.await,
        }
    }

    /// Adds a permit. Permits are given in the order in which they are asked for; a call that is made from within a
    /// call of the same tool has one already, since it would wait for itself.
    pub(super) async fn acquire(
        &self,
        semaphore: &Arc<Semaphore>,
    ) -> (Self, Option<OwnedSemaphorePermit>) {
        let mut held = self;
        while let Some(link) = &held.0 {
            if Arc::ptr_eq(&link.semaphore, semaphore) {
                return (self.clone(), None);
            }
            held = &link.outer;
        }
        // An error would mean that the semaphore was closed, which nobody does.
        let permit = Arc::clone(semaphore).acquire_owned().await.ok();
        let link = Link {
            semaphore: Arc::clone(semaphore),
            outer: self.clone(),
        };
        (Self(Some(Arc::new(link))), permit)
    }
}
