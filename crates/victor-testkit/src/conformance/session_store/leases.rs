//! The laws of where a session stands, and of leases where a store has them.

use std::sync::Arc;
use std::time::Duration;

use victor_core::{SessionId, Timestamp, TurnId};
use victor_session_protocol::{
    LeaseChange, LeaseClaim, LeaseOwner, SessionCommit, SessionError, SessionPatch,
    SessionStanding, SessionStatus, SessionStore, TurnChange,
};

use super::commits::turn;
use super::{append, entries, known, later, transcript};
use crate::conformance::{SIDE_BY_SIDE, calm, succeed};

/// Longer than any suite takes.
const LONG: Duration = Duration::from_secs(3600);
/// So short that it has run out when it is looked at.
const SHORT: Duration = Duration::from_millis(1);

pub(super) async fn standings(store: &impl SessionStore) {
    let id = SessionId::new("s");
    let missing = succeed(calm(store.standing(&id)).await);
    law!(
        missing.is_none(),
        "a session that is not there stands nowhere",
        "{missing:?}"
    );
    append(store, &id, 0, &entries(2)).await;
    as_known(store, &id, false).await;
    let open = SessionCommit::new(entries(1), TurnChange::Open(turn(&id, "one")));
    succeed(calm(store.commit(&id, 2, &open)).await);
    as_known(store, &id, true).await;
    let close = SessionCommit::new(Vec::new(), TurnChange::Close);
    succeed(calm(store.commit(&id, 3, &close)).await);
    as_known(store, &id, false).await;
    let patch = SessionPatch::default().with_status(SessionStatus::Closed);
    succeed(calm(store.update(&id, &patch)).await);
    as_known(store, &id, false).await;
}

async fn as_known(store: &impl SessionStore, id: &SessionId, has_open_turn: bool) {
    let expected = SessionStanding::new(&known(store, id).await, has_open_turn);
    let found = standing(store, id).await;
    law!(
        found == expected,
        "a session stands where it is known to stand",
        "{found:?}, not {expected:?}"
    );
}

/// Checks the leases of a store that has them.
pub(super) async fn leases(store: &impl SessionStore) {
    held(store).await;
    run_out(store).await;
    refused(store).await;
}

pub(super) fn claim(owner: &str, fence: u64, time: Duration) -> LeaseClaim {
    let owner = LeaseOwner::new(owner, format!("process '{owner}' ü"))
        .with_process(Some("4711 \"somewhere\"".into()));
    LeaseClaim::new(owner, TurnId::from_u128(fence.into()), fence, time)
}

async fn standing(store: &impl SessionStore, id: &SessionId) -> SessionStanding {
    let found = succeed(calm(store.standing(id)).await);
    found.unwrap_or_else(|| panic!("law broken: a session that is there is known: {id:?}"))
}

async fn write(
    store: &impl SessionStore,
    id: &SessionId,
    expected: u64,
    lease: LeaseChange,
) -> Result<u64, SessionError> {
    let journal = match lease {
        LeaseChange::Release(_) => TurnChange::Close,
        _ => TurnChange::Open(turn(id, "written")),
    };
    let commit = SessionCommit::new(entries(1), journal).with_lease(lease);
    calm(store.commit(id, expected, &commit)).await
}

async fn change(
    store: &impl SessionStore,
    id: &SessionId,
    lease: LeaseChange,
) -> Result<(), SessionError> {
    calm(store.change_lease(id, &lease)).await
}

/// Checks that everybody but the holder is refused, and that nothing changes by it.
async fn refuses(store: &impl SessionStore, id: &SessionId, at: u64, others: &[LeaseChange]) {
    let before = (standing(store, id).await, transcript(store, id).await);
    for other in others {
        // The lease is looked at before the length.
        for expected in [at, at + 7] {
            let written = write(store, id, expected, other.clone()).await;
            law!(
                written.as_ref().is_err_and(is_refusal),
                "who does not hold a session is refused by the lease of who does",
                "{written:?} for a commit under {other:?}"
            );
        }
        if *other != LeaseChange::None {
            let changed = change(store, id, other.clone()).await;
            law!(
                changed.as_ref().is_err_and(is_refusal),
                "who does not hold a session is refused by the lease of who does",
                "{changed:?} for {other:?}"
            );
        }
        let mut after = (standing(store, id).await, transcript(store, id).await);
        if let (Some(before), Some(after)) = (&before.0.lease, &mut after.0.lease) {
            after.left = before.left;
        }
        law!(
            before == after,
            "a refused write keeps nothing, and leaves the lease as it is",
            "{before:?} became {after:?} by {other:?}"
        );
    }
}

fn is_refusal(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Held { .. } | SessionError::Fenced { .. }
    )
}

async fn held(store: &impl SessionStore) {
    let id = SessionId::new("held");
    let own = claim("one", 1, LONG);
    let began = Timestamp::now() - Duration::from_secs(1);
    let made = write(store, &id, 0, LeaseChange::Hold(own.clone())).await;
    law!(
        matches!(made, Ok(1)),
        "a first write takes the lease on the session that it makes",
        "{made:?}"
    );
    let told = standing(store, &id).await;
    let lease = told.lease.clone();
    law!(
        told.fence == 1
            && lease.as_ref().is_some_and(|lease| {
                lease.owner == own.owner
                    && (lease.turn, lease.fence) == (own.turn, 1)
                    && lease.since > began
                    && lease.left <= LONG
                    && lease.left > LONG / 2
            }),
        "a lease is told as it was taken",
        "{told:?} for {own:?}"
    );
    let others = [
        LeaseChange::None,
        LeaseChange::Hold(claim("other", 1, LONG)),
        LeaseChange::Hold(claim("other", 2, LONG)),
        LeaseChange::Hold(claim("other", 2, LONG).over(Some(2))),
        LeaseChange::Release(claim("other", 2, LONG)),
        LeaseChange::Release(claim("other", 1, LONG)),
    ];
    refuses(store, &id, 1, &others).await;

    later().await;
    let before = (
        known(store, &id).await,
        calm(store.open_turn(&id)).await.ok(),
    );
    succeed(change(store, &id, LeaseChange::Hold(own.clone())).await);
    let after = (
        known(store, &id).await,
        calm(store.open_turn(&id)).await.ok(),
    );
    law!(
        before == after,
        "a renewal changes nothing but the lease",
        "{before:?} became {after:?}"
    );
    succeed(write(store, &id, 1, LeaseChange::Hold(own.clone())).await);
    let renewed = standing(store, &id).await.lease;
    law!(
        renewed.as_ref().map(|lease| (lease.since, lease.fence))
            == lease.as_ref().map(|lease| (lease.since, lease.fence)),
        "a renewed lease is the same lease",
        "{lease:?} became {renewed:?}"
    );

    succeed(write(store, &id, 2, LeaseChange::Release(own.clone())).await);
    let released = standing(store, &id).await;
    law!(
        released.lease.is_none() && released.fence == 1 && !released.has_open_turn,
        "a released lease is gone, and its number stays used",
        "{released:?}"
    );
    succeed(change(store, &id, LeaseChange::Release(own.clone())).await);
    refuses(store, &id, 3, &[LeaseChange::Hold(own)]).await;
    append(store, &id, 3, &entries(1)).await;
    // It is taken and released between writes as well.
    let next = claim("one", 2, LONG);
    succeed(change(store, &id, LeaseChange::Hold(next.clone())).await);
    refuses(store, &id, 4, &others).await;
    succeed(change(store, &id, LeaseChange::Release(next)).await);
    append(store, &id, 4, &entries(1)).await;
    law!(
        succeed(calm(store.delete(&id)).await)
            && calm(store.standing(&id))
                .await
                .is_ok_and(|left| left.is_none()),
        "what is deleted is gone",
        "it still stands somewhere"
    );
}

async fn run_out(store: &impl SessionStore) {
    let id = SessionId::new("run out");
    let slow = claim("slow", 1, SHORT);
    let hold = LeaseChange::Hold;
    succeed(write(store, &id, 0, hold(slow.clone())).await);
    until_run_out(store, &id).await;
    // As long as nobody has taken it, its holder goes on.
    succeed(write(store, &id, 1, hold(slow.clone())).await);
    until_run_out(store, &id).await;
    append(store, &id, 2, &entries(1)).await;
    succeed(change(store, &id, hold(slow.clone())).await);
    until_run_out(store, &id).await;

    let next = claim("next", 2, LONG);
    let taken = write(store, &id, 3, hold(next.clone())).await;
    law!(
        matches!(taken, Ok(4)),
        "a lease that has run out is taken over",
        "{taken:?}"
    );
    let stale = [hold(slow.clone()), LeaseChange::Release(slow.clone())];
    refuses(store, &id, 4, &stale).await;
    let by = write(store, &id, 4, hold(slow.clone())).await;
    law!(
        matches!(&by, Err(SessionError::Fenced { by: Some(by), .. }) if *by == next.owner.name),
        "who has lost a session is told to whom",
        "{by:?}"
    );
    // Its owner is known to have ended.
    let third = claim("third", 3, LONG).over(Some(2));
    let taken = change(store, &id, hold(third.clone())).await;
    law!(
        taken.is_ok(),
        "a lease that counts as run out is taken over",
        "{taken:?}"
    );
    let stale = [hold(slow), hold(next.clone()), LeaseChange::Release(next)];
    refuses(store, &id, 4, &stale).await;
    succeed(change(store, &id, LeaseChange::Release(third)).await);
    refuses(store, &id, 4, &stale).await;
}

async fn until_run_out(store: &impl SessionStore, id: &SessionId) {
    let began = Timestamp::now();
    while standing(store, id)
        .await
        .lease
        .is_some_and(|lease| !lease.has_run_out())
    {
        law!(
            Timestamp::now() < began + Duration::from_secs(60),
            "a lease runs out"
        );
        later().await;
    }
}

/// A write that is refused for another reason takes no lease.
async fn refused(store: &impl SessionStore) {
    let id = SessionId::new("refused");
    let hold = || LeaseChange::Hold(claim("one", 1, LONG));
    let missing = change(store, &id, hold()).await;
    law!(
        matches!(missing, Err(SessionError::NotFound(_))),
        "a session that is not there cannot be held",
        "{missing:?}"
    );
    append(store, &id, 0, &entries(1)).await;
    let late = write(store, &id, 0, hold()).await;
    let patch = SessionPatch::default().with_status(SessionStatus::Closed);
    succeed(calm(store.update(&id, &patch)).await);
    let closed = write(store, &id, 1, hold()).await;
    law!(
        matches!(late, Err(SessionError::Conflict { .. }))
            && matches!(closed, Err(SessionError::Closed(_))),
        "a lease is no reason to write where nobody may",
        "{late:?}, {closed:?}"
    );
    let left = standing(store, &id).await;
    law!(
        (left.fence, &left.lease) == (0, &None),
        "a refused write takes no lease",
        "{left:?}"
    );
}

/// Of several who claim a session at once, one gets it.
pub(super) async fn races(store: Arc<impl SessionStore>) {
    let id = SessionId::new("s");
    append(&*store, &id, 0, &entries(1)).await;
    for fence in 1..9 {
        let claims = (0..SIDE_BY_SIDE).map(|number| {
            let (store, id) = (store.clone(), id.clone());
            tokio::spawn(async move {
                let claim = claim(&number.to_string(), fence, LONG);
                let held = change(&*store, &id, LeaseChange::Hold(claim.clone())).await;
                held.is_ok().then_some(claim)
            })
        });
        let claims: Vec<_> = claims.collect();
        let mut winners = Vec::new();
        for claim in claims {
            winners.extend(succeed(claim.await));
        }
        law!(
            winners.len() == 1,
            "of several who claim a session at once, one gets it",
            "{winners:?}"
        );
        let release = LeaseChange::Release(winners.remove(0));
        succeed(change(&*store, &id, release).await);
    }
}

/// Stores that are open side by side hold sessions against each other.
pub(super) async fn side_by_side(one: &impl SessionStore, other: &impl SessionStore) {
    let id = SessionId::new("held");
    let own = claim("one", 1, LONG);
    succeed(write(one, &id, 0, LeaseChange::Hold(own.clone())).await);
    let seen = standing(other, &id).await;
    law!(
        seen.lease.as_ref().is_some_and(|lease| own.is(lease)),
        "stores that are open side by side see each other's leases",
        "{seen:?}"
    );
    refuses(other, &id, 1, &[LeaseChange::None]).await;
    succeed(change(one, &id, LeaseChange::Release(own)).await);
    append(other, &id, 1, &entries(1)).await;
}
