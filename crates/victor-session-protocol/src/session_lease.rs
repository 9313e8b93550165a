//! Leases: how the processes that share a store know which of them works on a session.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use victor_core::wire::Extra;
use victor_core::{SessionId, Timestamp, TurnId};

use crate::{SessionError, SessionInfo, SessionStatus};

/// The holder of leases: one session manager in one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeaseOwner {
    /// An identifier that no other owner has.
    pub id: String,
    /// The name that people are told: `process 4711`.
    pub name: String,
    /// The process, in words that only its machine understands, by which others there see that it has ended; none where
    /// that cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LeaseOwner {
    /// An owner of this identifier and name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            process: None,
            extra: Extra::default(),
        }
    }

    /// The same owner, in this process.
    #[must_use]
    pub fn with_process(self, process: Option<String>) -> Self {
        Self { process, ..self }
    }
}

/// The lease on a session, as the store has it. It ends by itself when its owner gives no sign of life.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SessionLease {
    /// The owner.
    pub owner: LeaseOwner,
    /// The turn for which it was taken.
    pub turn: TurnId,
    /// The fencing token: a number that grows with every lease that is taken on the session. Whoever has a lower one is
    /// refused.
    pub fence: u64,
    /// Time at which it was taken, by the store's clock.
    pub since: Timestamp,
    /// Time that it lasts from now on unless it is renewed, by the store's clock. Zero if it has run out.
    pub left: Duration,
    /// Time that it lasts from each renewal on, where the store knows it.
    pub time: Option<Duration>,
    /// A number that changes with every renewal, where the store counts them. A lease that is not renewed for longer
    /// than it lasts, as measured by whoever waits for it, is over even if the store's clock was set back.
    pub renewal: Option<u64>,
}

impl SessionLease {
    /// A lease that was taken now.
    #[must_use]
    pub fn new(owner: LeaseOwner, turn: TurnId, fence: u64, left: Duration) -> Self {
        Self {
            owner,
            turn,
            fence,
            since: Timestamp::now(),
            left,
            time: None,
            renewal: None,
        }
    }

    /// The same lease, which lasts so long from each renewal on and was last renewed under this number.
    #[must_use]
    pub fn with_renewal(self, time: Option<Duration>, renewal: Option<u64>) -> Self {
        Self {
            time,
            renewal,
            ..self
        }
    }

    /// The same lease, taken at this time.
    #[must_use]
    pub fn with_since(self, since: Timestamp) -> Self {
        Self { since, ..self }
    }

    /// Whether it has run out, so that others may take the session.
    #[must_use]
    pub fn has_run_out(&self) -> bool {
        self.left.is_zero()
    }
}

/// The claim of a turn to the lease on its session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LeaseClaim {
    /// The owner.
    pub owner: LeaseOwner,
    /// The turn.
    pub turn: TurnId,
    /// The fencing token of the claim: one more than that of the last lease when the turn looked.
    pub fence: u64,
    /// Duration of the lease without a renewal.
    pub time: Duration,
    /// The fencing token of a lease that counts as run out, because its owner is known to have ended.
    pub over: Option<u64>,
}

impl LeaseClaim {
    /// A claim to a lease that lasts so long.
    #[must_use]
    pub fn new(owner: LeaseOwner, turn: TurnId, fence: u64, time: Duration) -> Self {
        Self {
            owner,
            turn,
            fence,
            time,
            over: None,
        }
    }

    /// The same claim, for which the lease with this fencing token has run out.
    #[must_use]
    pub fn over(self, fence: Option<u64>) -> Self {
        Self {
            over: fence,
            ..self
        }
    }

    /// Whether a lease is the one that was claimed.
    #[must_use]
    pub fn is(&self, lease: &SessionLease) -> bool {
        self.fence == lease.fence && self.owner.id == lease.owner.id
    }
}

/// The lease under which a write is made.
///
/// A store checks it in the same step as the write. The rule is [`check`](Self::check).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum LeaseChange {
    /// The writer has no lease. It is refused while somebody has one.
    #[default]
    None,
    /// The writer has the lease, or takes it. From the write on it lasts as long as the claim says.
    Hold(LeaseClaim),
    /// The writer has the lease, and no longer after the write. To repeat it does no harm.
    Release(LeaseClaim),
}

impl LeaseChange {
    /// Checks whether a write is admitted to a session whose last fencing token is `fence` and whose lease is `lease`,
    /// one that has run out included.
    ///
    /// # Errors
    ///
    /// [`SessionError::Held`] where somebody else has the session, and [`SessionError::Fenced`] where somebody else has
    /// taken it since the claim was made.
    pub fn check(
        &self,
        session: &SessionId,
        fence: u64,
        lease: Option<&SessionLease>,
    ) -> Result<(), SessionError> {
        let (claim, releases) = match self {
            Self::None => (None, false),
            Self::Hold(claim) => (Some(claim), false),
            Self::Release(claim) => (Some(claim), true),
        };
        if let Some(claim) = claim {
            let is_own = lease.is_some_and(|lease| claim.is(lease));
            let was_released = releases && lease.is_none() && claim.fence == fence;
            if is_own || was_released {
                return Ok(());
            }
            if claim.fence <= fence {
                return Err(SessionError::Fenced {
                    session: session.clone(),
                    by: lease.map(|lease| lease.owner.name.clone()),
                });
            }
        }
        let over = claim.and_then(|claim| claim.over);
        match lease {
            Some(lease) if !lease.has_run_out() && over != Some(lease.fence) => {
                Err(SessionError::Held {
                    session: session.clone(),
                    lease: Box::new(lease.clone()),
                })
            }
            _ => Ok(()),
        }
    }
}

/// Standing of a session: all that a turn must know before it begins, without the transcript.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionStanding {
    /// Number of entries of the transcript.
    pub entries: u64,
    /// Whether the session can go on.
    pub status: SessionStatus,
    /// Whether its journal has a turn that has begun and not ended.
    pub has_open_turn: bool,
    /// The fencing token of the last lease; 0 before the first.
    pub fence: u64,
    /// The lease, one that has run out included; none where none was taken or the last one was released.
    pub lease: Option<SessionLease>,
    /// The one who has stood [in line](crate::SessionStore::wait_in_line) for the longest time.
    pub first_in_line: Option<String>,
}

impl SessionStanding {
    /// The standing of a session of which this is known and which has no lease.
    #[must_use]
    pub fn new(info: &SessionInfo, has_open_turn: bool) -> Self {
        Self {
            entries: info.entries,
            status: info.status.clone(),
            has_open_turn,
            fence: 0,
            lease: None,
            first_in_line: None,
        }
    }

    /// The same standing, with the last fencing token and the lease.
    #[must_use]
    pub fn with_lease(self, fence: u64, lease: Option<SessionLease>) -> Self {
        Self {
            fence,
            lease,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(id: &str) -> LeaseOwner {
        LeaseOwner::new(id, format!("process {id}"))
    }

    fn lease(of: &str, fence: u64, left: u64) -> SessionLease {
        let left = Duration::from_secs(left);
        SessionLease::new(owner(of), TurnId::from_u128(1), fence, left)
    }

    #[test]
    fn a_write_is_admitted_by_its_lease_alone() {
        let session = SessionId::new("s");
        let claim = |fence| {
            let time = Duration::from_secs(30);
            LeaseClaim::new(owner("a"), TurnId::from_u128(1), fence, time)
        };
        let (hold, release) = (LeaseChange::Hold, LeaseChange::Release);
        let cases = [
            // Nobody has it.
            (LeaseChange::None, 0, None, "admitted"),
            (hold(claim(1)), 0, None, "admitted"),
            (hold(claim(5)), 4, None, "admitted"),
            // Who was released takes it anew under another number.
            (hold(claim(4)), 4, None, "fenced"),
            (release(claim(4)), 4, None, "admitted"),
            (release(claim(3)), 4, None, "fenced"),
            // It is one's own, in time or not.
            (hold(claim(4)), 4, Some(lease("a", 4, 9)), "admitted"),
            (hold(claim(4)), 4, Some(lease("a", 4, 0)), "admitted"),
            (release(claim(4)), 4, Some(lease("a", 4, 0)), "admitted"),
            (hold(claim(5)), 4, Some(lease("a", 4, 9)), "held"),
            // It is somebody else's.
            (LeaseChange::None, 4, Some(lease("b", 4, 9)), "held"),
            (LeaseChange::None, 4, Some(lease("b", 4, 0)), "admitted"),
            (hold(claim(5)), 4, Some(lease("b", 4, 9)), "held"),
            (hold(claim(5)), 4, Some(lease("b", 4, 0)), "admitted"),
            (
                hold(claim(5).over(Some(4))),
                4,
                Some(lease("b", 4, 9)),
                "admitted",
            ),
            (
                hold(claim(5).over(Some(3))),
                4,
                Some(lease("b", 4, 9)),
                "held",
            ),
            (hold(claim(4)), 4, Some(lease("b", 4, 0)), "fenced"),
            (hold(claim(3)), 4, Some(lease("b", 4, 0)), "fenced"),
            (release(claim(3)), 4, Some(lease("b", 4, 9)), "fenced"),
        ];
        for (change, fence, lease, expected) in cases {
            let found = match change.check(&session, fence, lease.as_ref()) {
                Ok(()) => "admitted",
                Err(SessionError::Held { .. }) => "held",
                Err(SessionError::Fenced { .. }) => "fenced",
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found, expected, "{change:?} at {fence}, {lease:?}");
        }
    }
}
