//! Sessions that several coordinators on one store work on, as in several processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use victor_core::{JsonMap, SessionId, TurnId};
use victor_session::protocol::{
    InMemorySessionStore, LeaseChange, LeaseClaim, LeaseOwner, OpenTurn, SessionError,
    SessionManager, SessionManagerExt as _, SessionPatch, SessionStore, TurnChange, TurnGrant,
    TurnInterrupt, TurnLease, TurnPolicy, TurnRequest,
};
use victor_session::{SessionCoordinator, SessionOptions};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::poll_at_most;

use crate::{messages, session, written};

/// A coordinator that does not wait for others, and so says at once what it finds.
fn impatient(store: &Arc<impl SessionStore>, name: &str) -> SessionCoordinator {
    with(store, name, |options| {
        options.wait_timeout = Some(Duration::ZERO);
    })
}

fn with(
    store: &Arc<impl SessionStore>,
    name: &str,
    set: impl Fn(&mut SessionOptions),
) -> SessionCoordinator {
    let mut options = SessionOptions::default();
    options.owner = name.into();
    set(&mut options);
    SessionCoordinator::with_options(store.clone(), options)
}

fn open(turn: TurnId) -> TurnChange {
    TurnChange::Open(OpenTurn::new(session(), turn, "{}"))
}

/// Writes messages of a turn, and what becomes of its journal.
async fn write(
    sessions: &SessionCoordinator,
    lease: &TurnLease,
    turn: TurnId,
    numbers: impl IntoIterator<Item = u128>,
    journal: TurnChange,
) -> Result<(), SessionError> {
    sessions
        .commit(lease, turn, &messages(numbers), journal, &JsonMap::new())
        .await
}

/// Begins a turn and writes its first message, with which it is journaled.
async fn begin(sessions: &SessionCoordinator, number: u128) -> (TurnLease, TurnId) {
    let turn = TurnId::generate();
    let lease = sessions.begin_turn(&session()).await.unwrap();
    let first = write(sessions, &lease, turn, [number], open(turn));
    first.await.unwrap();
    (lease, turn)
}

/// The fencing token of the session, and the name of who has it now.
async fn holder(store: &impl SessionStore) -> (u64, Option<String>) {
    let standing = store.standing(&session()).await.unwrap().unwrap();
    let lease = standing.lease.filter(|lease| !lease.has_run_out());
    (standing.fence, lease.map(|lease| lease.owner.name))
}

/// Has somebody who has ended without a word hold the session for so long.
async fn hold(store: &impl SessionStore, fence: u64, time: Duration) {
    let owner = LeaseOwner::new("gone", "the one who is gone");
    let claim = LeaseClaim::new(owner, TurnId::generate(), fence, time);
    let change = LeaseChange::Hold(claim);
    store.change_lease(&session(), &change).await.unwrap();
}

#[tokio::test]
async fn a_turn_that_is_journaled_holds_its_session_from_its_first_write_to_its_last() {
    let store = Arc::new(InMemorySessionStore::default());
    let (one, other) = (impatient(&store, "one"), impatient(&store, "other"));
    let ends = ["closes", "waits", "is dropped", "is abandoned"];
    for (number, end) in (0_u128..).zip(ends) {
        let (lease, turn) = begin(&one, 10 * number).await;
        let fence = u64::try_from(number).unwrap() + 1;
        assert_eq!(holder(&store).await, (fence, Some("one".into())), "{end}");
        let refused = other.begin_turn(&session()).await.unwrap_err();
        assert!(refused.is_conflict());
        let told = refused.to_string();
        assert!(
            told.starts_with("session `s` is being worked on by one, since 2"),
            "{told}"
        );
        let standing = other.standing(&session()).await.unwrap().unwrap();
        assert_eq!(standing.lease.unwrap().turn, turn);

        let last = [10 * number + 1];
        match end {
            "closes" => write(&one, &lease, turn, last, TurnChange::Close)
                .await
                .unwrap(),
            "waits" => {
                let waits = OpenTurn::new(session(), turn, "{}").with_waits(true);
                write(&one, &lease, turn, last, TurnChange::Open(waits))
                    .await
                    .unwrap();
            }
            "is dropped" => drop(lease),
            _ => one.record_abandoned(lease, turn, messages(last), JsonMap::new()),
        }
        assert_eq!(holder(&store).await, (fence, None), "{end}");
        let lease = other.begin_turn(&session()).await.unwrap();
        assert_eq!(
            lease.has_open_turn(),
            ["waits", "is dropped"].contains(&end),
            "{end}"
        );
        let standing = other.standing(&session()).await.unwrap().unwrap();
        assert!(standing.lease.is_none());
    }
    assert_eq!(written(&one).await, [0, 1, 10, 11, 20, 30, 31]);
}

#[tokio::test]
async fn what_is_not_journaled_takes_no_lease_and_is_refused_by_one() {
    let store = Arc::new(InMemorySessionStore::default());
    let (one, other) = (impatient(&store, "one"), impatient(&store, "other"));
    let lease = one.begin_turn(&session()).await.unwrap();
    let turn = TurnId::generate();
    let keep = || TurnChange::Keep;
    write(&one, &lease, turn, [1], keep()).await.unwrap();
    assert_eq!(holder(&store).await, (0, None));
    let (running, _) = begin(&other, 2).await;
    let refused = write(&one, &lease, turn, [3], keep()).await;
    assert!(
        matches!(refused, Err(SessionError::Held { .. })),
        "{refused:?}"
    );
    drop(lease);
    for refused in [
        one.delete_session(&session()).await.map(drop),
        one.reset_session(&session(), &SessionPatch::default())
            .await,
        one.close_session(&session()).await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(SessionError::Held { .. })),
            "{refused:?}"
        );
    }
    drop(running);
    assert_eq!(written(&one).await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_for_another_process_as_long_as_it_is_told() {
    let store = Arc::new(InMemorySessionStore::default());
    let one = impatient(&store, "one");
    let patient = with(&store, "patient", |_| {});
    let (running, _) = begin(&one, 1).await;

    let began = Instant::now();
    let limited = with(&store, "limited", |options| {
        options.wait_timeout = Some(Duration::from_secs(5));
    });
    let refused = limited.begin_turn(&session()).await;
    assert!(
        matches!(refused, Err(SessionError::Held { .. })),
        "{refused:?}"
    );
    assert_eq!(began.elapsed().as_secs(), 5);

    // By its policy, a turn does not wait at all.
    let request = TurnRequest::new(TurnId::generate(), TurnPolicy::Reject);
    let refused = patient.begin_turn_with(&session(), request).await;
    assert!(
        matches!(refused, Err(SessionError::Held { .. })),
        "{refused:?}"
    );
    assert_eq!(began.elapsed().as_secs(), 5);

    let waits = tokio::spawn(async move { begin(&patient, 2).await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!waits.is_finished());
    drop(running);
    drop(waits.await.unwrap());
    assert_eq!(written(&one).await, [1, 2]);
}

#[tokio::test]
async fn a_lease_that_has_run_out_is_taken_over_and_its_holder_is_refused_for_good() {
    let store = Arc::new(InMemorySessionStore::default());
    // It gives no sign of life between its writes.
    let short = |options: &mut SessionOptions| options.lease_timeout = Duration::from_millis(1);
    let slow = with(&store, "slow", short);
    let (lease, turn) = victor_testkit::drive(begin(&slow, 1)).unwrap();
    while holder(&store).await.1.is_some() {
        tokio::task::yield_now().await;
    }
    // As long as nobody else has it, its turn goes on.
    let goes_on = write(&slow, &lease, turn, [2], open(turn));
    goes_on.await.unwrap();
    while holder(&store).await.1.is_some() {
        tokio::task::yield_now().await;
    }

    let other = impatient(&store, "other");
    let (running, next) = begin(&other, 3).await;
    for _ in 0..2 {
        let late = write(&slow, &lease, turn, [4], open(turn)).await;
        assert!(
            matches!(&late, Err(SessionError::Fenced { by: Some(by), .. }) if by == "other"),
            "{late:?}"
        );
    }
    let close = write(&other, &running, next, [5], TurnChange::Close);
    close.await.unwrap();
    drop(running);
    let late = write(&slow, &lease, turn, [4], TurnChange::Close).await;
    assert!(
        matches!(late, Err(SessionError::Fenced { by: None, .. })),
        "{late:?}"
    );
    slow.record_abandoned(lease, turn, messages([4]), JsonMap::new());
    assert_eq!(written(&other).await, [1, 2, 3, 5]);
    assert_eq!(holder(&store).await, (2, None));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_keeps_the_lease_and_ends_the_turn_that_has_lost_it() {
    let store = Arc::new(InMemorySessionStore::default());
    let sessions = with(&store, "one", |_| {});
    let interrupts = Arc::new(AtomicUsize::default());
    let turn = TurnId::generate();
    let request = TurnRequest::new(turn, TurnPolicy::Queue).with_interrupt(TurnInterrupt::new({
        let interrupts = interrupts.clone();
        move || {
            interrupts.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let grant = sessions.begin_turn_with(&session(), request).await;
    let Ok(TurnGrant::Begin { lease, .. }) = grant else {
        panic!("{grant:?}")
    };
    write(&sessions, &lease, turn, [1], open(turn))
        .await
        .unwrap();

    // Somebody takes it over, although it has not run out.
    tokio::time::sleep(Duration::from_secs(9)).await;
    let owner = LeaseOwner::new("other", "the other");
    let claim = LeaseClaim::new(owner, turn, 2, Duration::from_secs(60)).over(Some(1));
    let change = LeaseChange::Hold(claim);
    store.change_lease(&session(), &change).await.unwrap();
    assert_eq!(interrupts.load(Ordering::Relaxed), 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        interrupts.load(Ordering::Relaxed),
        1,
        "at the next heartbeat, after 10 s"
    );
    let late = write(&sessions, &lease, turn, [2], TurnChange::Close).await;
    assert!(matches!(late, Err(SessionError::Fenced { .. })), "{late:?}");
    drop(lease);
    assert_eq!(holder(&store).await, (2, Some("the other".into())));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_come_three_times_in_a_lease_and_no_longer_than_the_turn() {
    let store =
        Arc::new(Faulty::new(InMemorySessionStore::default(), Fault::Error).every(u64::MAX));
    let sessions = with(&store, "one", |options| {
        options.lease_timeout = Duration::from_secs(6);
    });
    let (lease, turn) = begin(&sessions, 1).await;
    let calls = store.calls();
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert_eq!(store.calls() - calls, 10);
    let close = write(&sessions, &lease, turn, [], TurnChange::Close);
    close.await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(store.calls() - calls, 11);
}

#[tokio::test]
async fn a_turn_that_was_outrun_catches_up_and_begins_behind_the_winner() {
    let store = Arc::new(InMemorySessionStore::default());
    let (one, other) = (with(&store, "one", |_| {}), impatient(&store, "other"));
    let outrun = one.begin_turn(&session()).await.unwrap();
    assert_eq!(outrun.version(), Some(0));
    let (running, next) = begin(&other, 1).await;
    let turn = TurnId::generate();
    let first = write(&one, &outrun, turn, [3], open(turn)).await;
    assert!(first.unwrap_err().is_conflict());
    let id = session();
    assert!(
        poll_at_most(2, one.catch_up(&outrun)).await.is_none(),
        "it waits for the winner"
    );
    let close = write(&other, &running, next, [2], TurnChange::Close);
    close.await.unwrap();
    assert_eq!(one.catch_up(&outrun).await.unwrap(), 2);
    write(&one, &outrun, turn, [3], open(turn)).await.unwrap();
    // After it has written, it cannot begin anew.
    assert!(one.catch_up(&outrun).await.is_err());
    drop((outrun, running));
    assert_eq!(written(&one).await, [1, 2, 3]);
    assert_eq!(store.standing(&id).await.unwrap().unwrap().fence, 2);
}

#[tokio::test]
async fn a_session_is_claimed_before_the_first_write_where_that_is_asked_for() {
    let store = Arc::new(InMemorySessionStore::default());
    let (one, other) = (impatient(&store, "one"), impatient(&store, "other"));
    drop(begin(&one, 1).await);
    let (lease, late) = (
        one.begin_turn(&session()).await.unwrap(),
        other.begin_turn(&session()).await.unwrap(),
    );
    let turn = TurnId::generate();
    one.claim(&lease, turn).await.unwrap();
    one.claim(&lease, turn).await.unwrap();
    let second = other.claim(&late, turn).await;
    assert!(
        second.unwrap_err().is_conflict(),
        "the same turn is taken up once"
    );
    assert_eq!(holder(&store).await, (2, Some("one".into())));
    drop(lease);
    assert_eq!(holder(&store).await, (2, None));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_is_seen_to_have_ended_is_not_waited_for() {
    let store = Arc::new(InMemorySessionStore::default());
    let sessions = impatient(&store, "one");
    drop(begin(&sessions, 1).await);
    let own = || async {
        let (lease, _) = begin(&sessions, 2).await;
        let standing = store.standing(&session()).await.unwrap().unwrap();
        drop(lease);
        standing.lease.unwrap().owner.process.unwrap()
    };
    let process = own().await;
    for (process, is_over) in [
        (None, false),
        (Some(process.clone()), false),
        // A process with this number has started at another time.
        (Some(format!("{process}0")), true),
        (Some(process.replacen(' ', " x", 1) + "0"), false),
    ] {
        let fence = holder(&store).await.0 + 1;
        let owner = LeaseOwner::new("other", "other").with_process(process.clone());
        let claim = LeaseClaim::new(owner, TurnId::generate(), fence, Duration::from_secs(60));
        let change = LeaseChange::Hold(claim.clone());
        store.change_lease(&session(), &change).await.unwrap();
        let standing = sessions.standing(&session()).await.unwrap().unwrap();
        assert_eq!(standing.lease.is_none(), is_over, "{process:?}");
        match sessions.begin_turn(&session()).await {
            Ok(lease) => {
                assert!(is_over, "{process:?}");
                let turn = TurnId::generate();
                let last = [100 + u128::from(fence)];
                write(&sessions, &lease, turn, last, TurnChange::Keep)
                    .await
                    .unwrap();
                assert_eq!(holder(&store).await, (fence + 1, None));
                sessions.claim(&lease, turn).await.unwrap();
                assert_eq!(holder(&store).await, (fence + 2, Some("one".into())));
            }
            Err(error) => assert!(!is_over, "{process:?}: {error}"),
        }
        let release = LeaseChange::Release(claim);
        let _ = store.change_lease(&session(), &release).await;
    }
}

#[tokio::test]
async fn without_leases_all_is_as_it_was() {
    let store = Arc::new(InMemorySessionStore::default());
    let none = |options: &mut SessionOptions| options.lease_timeout = Duration::ZERO;
    let (one, other) = (with(&store, "one", none), with(&store, "other", none));
    let (lease, turn) = begin(&one, 1).await;
    let (winner, _) = begin(&other, 2).await;
    let lost = write(&one, &lease, turn, [3], open(turn)).await;
    assert!(
        matches!(
            lost,
            Err(SessionError::Conflict {
                expected: 1,
                found: 2,
                ..
            })
        ),
        "{lost:?}"
    );
    drop(winner);
    assert_eq!(holder(&store).await, (0, None));
    // Those of others hold all the same.
    hold(&store, 1, Duration::from_secs(60)).await;
    let id: SessionId = session();
    assert!(poll_at_most(2, other.begin_turn(&id)).await.is_none());
}
