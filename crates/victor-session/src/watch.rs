//! A lease as seen by one who waits for it, by a clock that nobody sets.

use std::time::Duration;

use tokio::time::Instant;
use victor_session_protocol::SessionLease;

/// Watches the lease of somebody else for its renewals.
///
/// The store's clock decides when a lease has run out. If that clock is set back, a lease whose owner has ended would
/// last for as much longer; but a living owner renews it, which is seen without a clock.
#[derive(Debug)]
pub(crate) struct LeaseWatch {
    /// Duration of a lease whose own is not known.
    time: Duration,
    /// The lease that was seen last, the number of its last renewal, and the time at which that was seen first.
    seen: Option<(u64, u64, Instant)>,
}

impl LeaseWatch {
    pub(crate) fn new(time: Duration) -> Self {
        Self { time, seen: None }
    }

    /// Whether a lease, as it is now, was not renewed for as long as it lasts.
    pub(crate) fn has_stopped(&mut self, lease: &SessionLease) -> bool {
        let Some(renewal) = lease.renewal else {
            return false;
        };
        match self.seen {
            Some((fence, last, since)) if (fence, last) == (lease.fence, renewal) => {
                since.elapsed() > lease.time.unwrap_or(self.time)
            }
            _ => {
                self.seen = Some((lease.fence, renewal, Instant::now()));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;
    use victor_core::TurnId;
    use victor_session_protocol::LeaseOwner;

    use super::*;

    const TIME: Duration = Duration::from_secs(30);

    fn lease(fence: u64, renewal: Option<u64>) -> SessionLease {
        let owner = LeaseOwner::new("other", "process 4711");
        let left = Duration::from_secs(3_600);
        SessionLease::new(owner, TurnId::from_u128(1), fence, left)
            .with_renewal(Some(TIME), renewal)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_not_renewed_for_as_long_as_it_lasts_has_stopped() {
        let mut watch = LeaseWatch::new(Duration::ZERO);
        let mut check = |fence, renewal, expected| {
            assert_eq!(watch.has_stopped(&lease(fence, renewal)), expected);
        };
        check(1, Some(7), false);
        advance(TIME).await;
        check(1, Some(7), false);
        check(1, Some(8), false);
        advance(TIME).await;
        check(2, Some(8), false);
        advance(TIME + Duration::from_millis(1)).await;
        check(2, None, false);
        check(2, Some(8), true);
    }
}
