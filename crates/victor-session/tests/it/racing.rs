//! Several coordinators write to one store, which delays, fails, and loses answers, and their calls are dropped.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;
use victor_core::{Coordinator, JsonMap, TurnId};
use victor_session::SessionCoordinator;
use victor_session::protocol::{
    InMemorySessionStore, OpenTurn, SessionError, SessionManager, SessionManagerExt as _,
    SessionStore, TurnChange,
};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::poll_at_most;

use crate::{messages, session};

/// What a writer does for one batch of messages.
#[derive(Debug, Clone)]
struct Step {
    /// How many messages there are.
    size: u128,
    /// How long it waits before it begins, and between beginning and writing, in milliseconds.
    waits: [u64; 2],
    /// After how many polls each write is dropped.
    patience: usize,
    /// How often it tries within one turn.
    tries: usize,
    /// What it does when it does not know whether the batch was written: abandons it, or tries it in a new turn.
    abandons: bool,
}

/// How a store fails: in which calls it does nothing and fails, does it and fails, and is slow, and how slow.
#[derive(Debug, Clone)]
struct Weather {
    fails: u64,
    loses: u64,
    slow: u64,
    delay: u64,
}

/// What a writer knows of its batches.
#[derive(Debug, Default)]
struct Account {
    written: Vec<u128>,
    lost: BTreeSet<u128>,
    unknown: BTreeSet<u128>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        1..4_u128,
        [0..30_u64, 0..30],
        1..12_usize,
        1..4_usize,
        any::<bool>(),
    )
        .prop_map(|(size, waits, patience, tries, abandons)| Step {
            size,
            waits,
            patience,
            tries,
            abandons,
        });
    proptest::collection::vec(step, 1..12)
}

fn weather() -> impl Strategy<Value = Weather> {
    (3..40_u64, 3..40_u64, 1..5_u64, 1..20_u64).prop_map(|(fails, loses, slow, delay)| Weather {
        fails,
        loses,
        slow,
        delay,
    })
}

/// The batch with this number: its messages, which no other batch has.
fn batch(number: u128, size: u128) -> impl Iterator<Item = u128> {
    (0..size).map(move |at| number * 10 + at)
}

/// Works through the steps, and says what became of each batch. The first batch has the number `first`.
async fn work(sessions: &SessionCoordinator, first: u128, steps: &[Step]) -> Account {
    let mut account = Account::default();
    for (number, step) in (first..).zip(steps) {
        let turn = TurnId::from_u128(number);
        let batch = messages(batch(number, step.size));
        let journal = || TurnChange::Open(OpenTurn::new(session(), turn, number.to_string()));
        account.unknown.insert(number);
        for _ in 0..8 {
            sleep(Duration::from_millis(step.waits[0])).await;
            let Ok(lease) = sessions.begin_turn(&session()).await else {
                continue;
            };
            sleep(Duration::from_millis(step.waits[1])).await;
            for _ in 0..step.tries {
                let facts = JsonMap::new();
                let writing = sessions.commit(&lease, turn, &batch, journal(), &facts);
                match poll_at_most(step.patience, writing).await {
                    Some(Ok(())) => account.written.push(number),
                    Some(Err(error)) if error.is_conflict() => drop(account.lost.insert(number)),
                    Some(Err(SessionError::Store { .. })) | None => continue,
                    Some(Err(error)) => panic!("{error}"),
                }
                account.unknown.remove(&number);
                break;
            }
            if !account.unknown.contains(&number) {
                break;
            }
            if step.abandons {
                sessions.record_abandoned(lease, turn, batch, JsonMap::new());
                break;
            }
        }
    }
    account
}

async fn check(writers: &[Vec<Step>], weather: &Weather) {
    let store = Arc::new(InMemorySessionStore::default());
    let slow = Fault::Slow(Duration::from_millis(weather.delay));
    let faulty = Faulty::new(store.clone(), slow).every(weather.slow);
    let faulty = Faulty::new(faulty, Fault::Error).every(weather.fails);
    let faulty = Arc::new(Faulty::new(faulty, Fault::ErrorAfterwards).every(weather.loses));
    let tasks = (1..).zip(writers.iter().cloned()).map(|(writer, steps)| {
        let sessions = SessionCoordinator::new(faulty.clone());
        tokio::spawn(async move {
            let account = work(&sessions, writer * 100, &steps).await;
            sessions.shutdown().await;
            account
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut accounts = Vec::new();
    for task in tasks {
        accounts.push(task.await.unwrap());
    }

    let entries = store.load(&session(), 0).await.unwrap_or_default();
    let found: Vec<u128> = entries
        .iter()
        .map(|entry| entry.message.id().as_u128())
        .collect();
    // Each batch that is there is whole, in one piece, and there once.
    let mut batches = Vec::new();
    let mut rest = &found[..];
    while let Some(first) = rest.first() {
        let number = first / 10;
        let writer = usize::try_from(number / 100 - 1).unwrap();
        let step = &writers[writer][usize::try_from(number % 100).unwrap()];
        let whole: Vec<_> = batch(number, step.size).collect();
        assert!(rest.starts_with(&whole), "{whole:?} in {found:?}");
        assert!(!batches.contains(&number), "{number} twice in {found:?}");
        rest = &rest[whole.len()..];
        batches.push(number);
    }
    let info = store.info(&session()).await.unwrap();
    assert_eq!(info.map_or(0, |info| info.entries), found.len() as u64);
    for (account, writer) in accounts.iter().zip(1..) {
        let known = |number: &u128| !account.unknown.contains(number);
        let own: Vec<_> = batches
            .iter()
            .copied()
            .filter(|number| number / 100 == writer)
            .filter(known)
            .collect();
        assert_eq!(own, account.written, "of writer {writer}: {account:?}");
    }
    // The journal is that of the last batch, unless it was abandoned and closed the journal.
    let open = store.open_turn(&session()).await.unwrap();
    if let (Some(open), Some(last)) = (&open, batches.last()) {
        assert_eq!(open.state, last.to_string());
    }
    assert!(
        open.is_some()
            || accounts.iter().any(|account| !account.unknown.is_empty())
            || batches.is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_wins_each_race_and_what_is_acknowledged_is_there_once(
        writers in proptest::collection::vec(steps(), 2..5),
        weather in weather(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(check(&writers, &weather));
    }
}
