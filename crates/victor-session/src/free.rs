//! The wait for a session that another process works on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use victor_core::SessionId;
use victor_session_protocol::{SessionError, SessionLease, SessionStanding};

use crate::guarded::GuardedStore;
use crate::inner::Inner;
use crate::line::Place;
use crate::tenure::LastLease;
use crate::timer::start_timer;
use crate::watch::LeaseWatch;

/// The first and the longest pause before a session is looked at again, where the store has no line to wait in.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));
/// The first and the longest wait in the line of a store before the session is looked at again. The store says when it
/// is free, so these only find what nobody says: that a holder or one who came before has ended.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

impl Inner {
    /// Waits until no other process works on a session and nobody else is first in line, and says where it stands then.
    pub(crate) async fn free(
        self: &Arc<Self>,
        session: &SessionId,
        rejects: bool,
    ) -> Result<(SessionStanding, LastLease), SessionError> {
        let limit = match rejects {
            true => Some(Duration::ZERO),
            false => self.options.wait_timeout,
        };
        let mut place = Place::new(self, session);
        let mut watch = LeaseWatch::new(self.options.lease_timeout);
        let (mut pause, mut wait, mut began) = (PAUSES.0, WAITS.0, None);
        loop {
            let standing = GuardedStore::standing(&self.store, session)
                .await?
                .unwrap_or_default();
            let holder = (standing.lease.as_ref())
                .filter(|lease| self.is_foreign(lease))
                .filter(|lease| !watch.has_stopped(lease));
            if holder.is_none() && place.may_go_on(&standing) {
                place.leave().await;
                let known = known(&standing);
                return Ok((standing, known));
            }
            // Before the first timer, there may be no clock.
            let left = match (limit, began) {
                (Some(limit), Some(began)) => Some(limit.saturating_sub(Instant::elapsed(&began))),
                (limit, _) => limit,
            };
            let next = left.map_or(pause, |left| left.min(pause));
            let timer = start_timer(next).filter(|_| !next.is_zero());
            let Some(timer) = timer else {
                return Err(refusal(session, holder));
            };
            began = began.or_else(|| Some(Instant::now()));
            let most = holder.map_or(wait, |lease| wait.min(lease.left));
            let most = left.map_or(most, |left| left.min(most));
            if place.wait(most).await? {
                wait = (wait * 2).min(WAITS.1);
            } else {
                timer.await;
                pause = (pause * 2).min(PAUSES.1);
            }
            self.check_open()?;
        }
    }
}

/// The last lease of a session that is free, which may have an owner who has ended.
fn known(standing: &SessionStanding) -> LastLease {
    let live = standing.lease.as_ref();
    let over = live.filter(|lease| !lease.has_run_out());
    LastLease {
        fence: standing.fence,
        over: over.map(|lease| lease.fence),
    }
}

/// The refusal of one who does not wait any longer.
fn refusal(session: &SessionId, holder: Option<&SessionLease>) -> SessionError {
    match holder {
        Some(lease) => SessionError::Held {
            session: session.clone(),
            lease: Box::new(lease.clone()),
        },
        // It is free, for those who have waited for longer.
        None => SessionError::Busy(session.clone()),
    }
}
