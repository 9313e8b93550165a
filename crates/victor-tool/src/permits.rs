//! How many calls of a tool run at the same time.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    /// The permits under which the present task runs.
    static HELD: Held;
}

/// The permits under which a call runs, innermost first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    of: Arc<Semaphore>,
    outer: Held,
}

impl Held {
    /// Those of the call from which this is called, if it is called from one.
    pub(crate) fn here() -> Self {
        HELD.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a call under these permits, so that what it calls knows of them.
    pub(crate) async fn run<T>(&self, call: impl Future<Output = T>) -> T {
        match self.0 {
            Some(_) => HELD.scope(self.clone(), call).await,
            None => call.await,
        }
    }

    /// These and one more. It comes in the order in which it was asked for, when it is free; a call that was made from
    /// within a call of the same tool has it already, since it would wait for itself.
    pub(crate) async fn with(&self, of: &Arc<Semaphore>) -> (Self, Option<OwnedSemaphorePermit>) {
        let mut held = self;
        while let Some(link) = &held.0 {
            if Arc::ptr_eq(&link.of, of) {
                return (self.clone(), None);
            }
            held = &link.outer;
        }
        // An error would mean that it was closed, which nobody does.
        let permit = Arc::clone(of).acquire_owned().await.ok();
        let link = Link {
            of: Arc::clone(of),
            outer: self.clone(),
        };
        (Self(Some(Arc::new(link))), permit)
    }
}
