//! What happens to a message that comes while a turn runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::sleep;
use victor_core::{Coordinator, TurnId};
use victor_session::SessionCoordinator;
use victor_session::protocol::{
    InMemorySessionStore, SessionError, SessionManager, SessionManagerExt as _, TurnGrant,
    TurnInterrupt, TurnLease, TurnPolicy, TurnRequest,
};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::poll_at_most;

use crate::{message, messages, session, written};

/// A turn whose name and message follow from a number.
fn request(number: u128, policy: TurnPolicy) -> TurnRequest {
    TurnRequest::new(TurnId::from_u128(number), policy).with_message(message(number))
}

async fn ask(
    sessions: &SessionCoordinator,
    number: u128,
    policy: TurnPolicy,
) -> Result<TurnGrant, SessionError> {
    sessions
        .begin_turn_with(&session(), request(number, policy))
        .await
}

/// The lease of a turn that begins, with the numbers of the messages that it takes along.
#[track_caller]
fn begun(grant: Result<TurnGrant, SessionError>) -> (TurnLease, Vec<u128>) {
    match grant {
        Ok(TurnGrant::Begin { lease, merged }) => {
            let numbers = merged.iter().map(|message| message.id().as_u128());
            (lease, numbers.collect())
        }
        other => panic!("it has not begun: {other:?}"),
    }
}

/// What comes of turns that are asked for in this order while another one runs, in the order in which it shows: `1`
/// has begun, `1+2` has taken the second along, `2>1` was told so.
async fn order(policies: &[TurnPolicy]) -> Vec<String> {
    let sessions = Arc::new(SessionCoordinator::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let running = sessions.begin_turn(&session()).await.unwrap();
    let mut tasks = Vec::new();
    for (number, policy) in (1..).zip(policies.iter().copied()) {
        let (sessions, seen) = (sessions.clone(), seen.clone());
        tasks.push(tokio::spawn(async move {
            let told = match ask(&sessions, number, policy).await {
                Ok(TurnGrant::Merged { into }) => format!("{number}>{}", into.as_u128()),
                Err(SessionError::Busy(id)) if id == session() => format!("{number}!"),
                grant => {
                    let (lease, merged) = begun(grant);
                    let all: Vec<_> = std::iter::once(number)
                        .chain(merged)
                        .map(|number| number.to_string())
                        .collect();
                    seen.lock().unwrap().push(all.join("+"));
                    sleep(Duration::from_secs(1)).await;
                    drop(lease);
                    return;
                }
            };
            seen.lock().unwrap().push(told);
        }));
        yield_now().await;
    }
    drop(running);
    for task in tasks {
        task.await.unwrap();
    }
    Arc::into_inner(seen).unwrap().into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_waits_begins_in_order() {
    use TurnPolicy::{Interrupt, Merge, Queue, Reject};
    for (policies, expected) in [
        (&[Queue, Queue, Queue][..], "1 2 3"),
        (&[Reject, Queue, Reject], "1! 3! 2"),
        (&[Queue, Interrupt, Queue, Interrupt], "2 4 1 3"),
        (&[Merge, Merge, Merge], "1+2+3 2>1 3>1"),
        (&[Queue, Merge, Merge], "1 2+3 3>2"),
        // Who came in between is not overtaken.
        (&[Merge, Merge, Queue, Merge], "1+2 2>1 3 4"),
        (&[Merge, Interrupt, Merge], "2 1+3 3>1"),
    ] {
        let found = order(policies).await.join(" ");
        assert_eq!(found, expected, "{policies:?}");
    }
}

#[tokio::test]
async fn a_free_session_is_given_at_once_whatever_the_policy() {
    let sessions = SessionCoordinator::default();
    for policy in [
        TurnPolicy::Queue,
        TurnPolicy::Reject,
        TurnPolicy::Interrupt,
        TurnPolicy::Merge,
    ] {
        let (lease, merged) = begun(ask(&sessions, 1, policy).await);
        assert_eq!((lease.version(), merged), (Some(0), Vec::new()));
    }
}

#[tokio::test]
async fn a_message_that_is_not_there_is_not_merged() {
    let sessions = SessionCoordinator::default();
    let running = sessions.begin_turn(&session()).await.unwrap();
    let id = session();
    let mute = TurnRequest::new(TurnId::from_u128(2), TurnPolicy::Merge);
    let mut first = Box::pin(ask(&sessions, 1, TurnPolicy::Merge));
    let mut second = Box::pin(sessions.begin_turn_with(&id, mute));
    assert!(poll_at_most(1, first.as_mut()).await.is_none());
    assert!(poll_at_most(1, second.as_mut()).await.is_none());
    drop(running);
    let (lease, merged) = begun(first.await);
    assert!(merged.is_empty());
    assert!(poll_at_most(1, second.as_mut()).await.is_none());
    drop(lease);
    drop(begun(second.await));
}

#[tokio::test]
async fn what_wanted_to_merge_waits_on_when_the_first_of_them_fails_or_gives_up() {
    for fails in [false, true] {
        // The turn that runs asks once for the version, and it does not write.
        let store = Faulty::new(InMemorySessionStore::default(), Fault::Error).every(2);
        let sessions = SessionCoordinator::new(Arc::new(store));
        let running = sessions.begin_turn(&session()).await.unwrap();
        sessions.reset(&session());
        let mut first = Box::pin(ask(&sessions, 1, TurnPolicy::Merge));
        let mut second = Box::pin(ask(&sessions, 2, TurnPolicy::Merge));
        let mut third = Box::pin(ask(&sessions, 3, TurnPolicy::Merge));
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(poll_at_most(1, waiting.as_mut()).await.is_none());
        }
        drop(running);
        if fails {
            assert!(matches!(first.await, Err(SessionError::Store { .. })));
        } else {
            drop(first);
            assert!(sessions.sessions().await.is_err());
        }
        let (_lease, merged) = begun(second.await);
        assert_eq!(merged, [3]);
        assert!(matches!(third.await, Ok(TurnGrant::Merged { into }) if into.as_u128() == 2));
    }
}

/// A turn that ends when it is interrupted, and says how often it was.
struct Working {
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Begins a turn that writes its message, and works until it is interrupted.
fn work(sessions: &Arc<SessionCoordinator>, number: u128, policy: TurnPolicy) -> Working {
    let (asked, stop) = (Arc::new(AtomicUsize::default()), Arc::new(Notify::new()));
    let interrupt = TurnInterrupt::new({
        let (asked, stop) = (asked.clone(), stop.clone());
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            stop.notify_one();
        }
    });
    let request = request(number, policy).with_interrupt(interrupt);
    let sessions = sessions.clone();
    let task = tokio::spawn(async move {
        let (lease, _) = begun(sessions.begin_turn_with(&session(), request).await);
        let turn = TurnId::from_u128(number);
        sessions
            .record(&lease, turn, &messages([number]))
            .await
            .unwrap();
        stop.notified().await;
    });
    Working { asked, task }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_storm_lets_each_message_in_and_the_last_one_stay() {
    let sessions = Arc::new(SessionCoordinator::default());
    let first = work(&sessions, 1, TurnPolicy::Queue);
    yield_now().await;
    let storm: Vec<_> = (2..100)
        .map(|number| work(&sessions, number, TurnPolicy::Interrupt))
        .collect();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(written(&sessions).await, Vec::from_iter(1..100));
    let asked: Vec<_> = std::iter::once(&first)
        .chain(&storm)
        .map(|working| {
            (
                working.asked.load(Ordering::Relaxed),
                working.task.is_finished(),
            )
        })
        .collect();
    let (last, others) = asked.split_last().unwrap();
    assert_eq!(*last, (0, false));
    assert!(
        others.iter().all(|working| *working == (1, true)),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_takes_no_notice_is_waited_for() {
    for interrupt in [
        None,
        Some(TurnInterrupt::new(|| ())),
        Some(TurnInterrupt::new(|| panic!("bug"))),
    ] {
        let sessions = SessionCoordinator::default();
        let mut stubborn = request(1, TurnPolicy::Queue);
        stubborn.interrupt = interrupt;
        let (lease, _) = begun(sessions.begin_turn_with(&session(), stubborn).await);
        let mut next = Box::pin(ask(&sessions, 2, TurnPolicy::Interrupt));
        assert!(poll_at_most(1, next.as_mut()).await.is_none());
        sessions
            .record(&lease, TurnId::from_u128(1), &messages([1]))
            .await
            .unwrap();
        drop(lease);
        let (lease, _) = begun(next.await);
        assert_eq!(lease.version(), Some(1));
    }
}

#[tokio::test]
async fn a_turn_is_not_interrupted_before_it_has_begun_nor_after_its_end() {
    let asked = Arc::new(AtomicUsize::default());
    let counting = |number| {
        let asked = asked.clone();
        let count = move || {
            asked.fetch_add(1, Ordering::Relaxed);
        };
        request(number, TurnPolicy::Queue).with_interrupt(TurnInterrupt::new(count))
    };
    let sessions = SessionCoordinator::default();
    let id = session();
    let running = sessions.begin_turn(&id).await.unwrap();
    let mut waiting = Box::pin(sessions.begin_turn_with(&id, counting(1)));
    assert!(poll_at_most(1, waiting.as_mut()).await.is_none());
    let mut gone = Box::pin(ask(&sessions, 2, TurnPolicy::Interrupt));
    assert!(poll_at_most(1, gone.as_mut()).await.is_none());
    drop(gone);
    drop(running);
    let (lease, _) = begun(waiting.await);
    drop(lease);
    drop(begun(ask(&sessions, 3, TurnPolicy::Interrupt).await));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_shutdown_refuses_whoever_waits() {
    let sessions = SessionCoordinator::default();
    let running = sessions.begin_turn(&session()).await.unwrap();
    let mut waiting: Vec<_> = [
        TurnPolicy::Queue,
        TurnPolicy::Merge,
        TurnPolicy::Interrupt,
        TurnPolicy::Merge,
    ]
    .map(|policy| Box::pin(ask(&sessions, 1, policy)))
    .into();
    for waiter in &mut waiting {
        assert!(poll_at_most(1, waiter.as_mut()).await.is_none());
    }
    sessions.shutdown().await;
    drop(running);
    // They come to their turn in another order, and each lets the next one know.
    let refused = futures_util::future::join_all(waiting).await;
    assert!(
        refused
            .iter()
            .all(|grant| matches!(grant, Err(SessionError::ShutDown)))
    );
}

/// One who asks for a turn: how, and after how many polls it gives up.
fn askers() -> impl Strategy<Value = Vec<(TurnPolicy, Option<usize>)>> {
    let policy = prop_oneof![
        Just(TurnPolicy::Queue),
        Just(TurnPolicy::Reject),
        Just(TurnPolicy::Interrupt),
        Just(TurnPolicy::Merge),
    ];
    let patience = proptest::option::weighted(0.3, 1_usize..4);
    proptest::collection::vec((policy, patience), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Many tasks on several threads ask for one session; some give up. Everybody else comes to an end, no two work
    /// at once, and each message is in one turn, or its sender knows that it is in none.
    #[test]
    fn nobody_is_forgotten(askers in askers()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(async {
            let sessions = Arc::new(SessionCoordinator::default());
            let working = Arc::new(AtomicUsize::default());
            let taken = Arc::new(Mutex::new(Vec::new()));
            let tasks = (1..).zip(askers).map(|(number, (policy, patience))| {
                let (sessions, working, taken) = (sessions.clone(), working.clone(), taken.clone());
                tokio::spawn(async move {
                    let asking = ask(&sessions, number, policy);
                    let grant = match patience {
                        Some(polls) => poll_at_most(polls, asking).await,
                        None => Some(asking.await),
                    };
                    match grant {
                        None | Some(Err(SessionError::Busy(_))) => None,
                        Some(Ok(TurnGrant::Merged { into })) => Some((number, into.as_u128())),
                        Some(grant) => {
                            assert_eq!(working.fetch_add(1, Ordering::SeqCst), 0);
                            let (lease, merged) = begun(grant);
                            yield_now().await;
                            let all = std::iter::once(number).chain(merged);
                            taken.lock().unwrap().extend(all.map(|message| (message, number)));
                            working.fetch_sub(1, Ordering::SeqCst);
                            drop(lease);
                            Some((number, number))
                        }
                    }
                })
            });
            let mut told = Vec::new();
            for task in tasks.collect::<Vec<_>>() {
                let ended = tokio::time::timeout(Duration::from_secs(20), task).await;
                told.extend(ended.expect("somebody waits forever").unwrap());
            }
            let mut taken = std::mem::take(&mut *taken.lock().unwrap());
            taken.sort_unstable();
            // A message whose sender gave up while it was being taken may be in a turn all the same.
            for pair in &told {
                assert!(taken.contains(pair), "{pair:?} of {taken:?}");
            }
            taken.dedup_by_key(|(message, _)| *message);
            assert!(taken.len() >= told.len());
            drop(begun(ask(&sessions, 99, TurnPolicy::Reject).await));
        });
    }
}
