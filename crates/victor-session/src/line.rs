//! A place in the line in which several processes wait for a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use victor_core::SessionId;
use victor_session_protocol::{SessionError, SessionStanding, SessionStore as _};

use crate::inner::Inner;
use crate::tenure::in_background;

/// A place in the line for a session, where the store has lines. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    inner: &'a Arc<Inner>,
    session: &'a SessionId,
    /// The name of this waiter, once there is a place.
    waiter: Option<String>,
}

impl<'a> Place<'a> {
    pub(crate) fn new(inner: &'a Arc<Inner>, session: &'a SessionId) -> Self {
        Self {
            inner,
            session,
            waiter: None,
        }
    }

    /// Whether nobody else is first in line.
    pub(crate) fn may_go_on(&self, standing: &SessionStanding) -> bool {
        let first = standing.first_in_line.as_deref();
        first.is_none_or(|first| self.waiter.as_deref() == Some(first))
    }

    /// Waits in line for so long at most. Returns false where there is no line.
    pub(crate) async fn wait(&mut self, time: Duration) -> Result<bool, SessionError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let waiter = self.waiter.get_or_insert_with(|| {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            format!("{}/{number}", self.inner.owner.id)
        });
        let store = &self.inner.store;
        let waited = store.wait_in_line(self.session, waiter, time).await?;
        if !waited {
            self.waiter = None;
        }
        Ok(waited)
    }

    /// Gives the place back, for one who goes on. If it cannot be given back, it is lost soon.
    pub(crate) async fn leave(mut self) {
        if let Some(waiter) = &self.waiter {
            drop(self.inner.store.leave_line(self.session, waiter).await);
            self.waiter = None;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            let (store, session) = (self.inner.store.clone(), self.session.clone());
            in_background(Box::pin(async move {
                drop(store.leave_line(&session, &waiter).await);
            }));
        }
    }
}
