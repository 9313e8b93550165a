//! The laws of stores of ledger entries.

use std::sync::Arc;

use victor_core::{AttemptId, ModelId, SessionId, Timestamp, TurnId, Usage};
use victor_provider_protocol::{
    AttemptOutcome, LedgerEntry, LedgerQuery, LedgerStore, LedgerTotal, NanoDollars, UsageSource,
};

use super::{NAMES, SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Checks a store, which must be empty.
///
/// # Panics
///
/// A law is broken.
pub async fn ledger_store<S: LedgerStore>(store: S) {
    let store = Arc::new(store);
    let everything = LedgerQuery::default();
    let found = succeed(calm(store.entries(&everything)).await);
    assert!(found.is_empty(), "the suite wants an empty store");
    succeed(calm(store.write(&[])).await);

    keeps(&*store).await;
    settles(&*store).await;
    finds(&*store).await;
    writes_side_by_side(&store).await;
    drops(&*store).await;
}

/// An entry that nothing else has, of an attempt that has ended.
fn entry(session: &str) -> LedgerEntry {
    let mut entry = LedgerEntry::begin("main", "acme", ModelId::from("acme-1"), 2);
    entry.session = Some(SessionId::from(session));
    entry.turn = Some(TurnId::generate());
    entry.tags = vec!["tenant-1".into(), "日本語".into()];
    entry.outcome = AttemptOutcome::Answered;
    entry.ended = Some(Timestamp::now());
    entry.usage = Usage::new(u64::MAX / 2, 5);
    entry.usage.extra.insert("searches", 3);
    entry.usage_source = UsageSource::Reported;
    entry.cost = Some(NanoDollars::from_nanos(u64::MAX));
    entry.price_source = Some("table: row".into());
    entry.extra.insert("later", "field");
    entry
}

async fn of<S: LedgerStore>(store: &S, session: &str) -> Vec<LedgerEntry> {
    let query = LedgerQuery::default().with_session(session);
    succeed(calm(store.entries(&query)).await)
}

async fn keeps<S: LedgerStore>(store: &S) {
    for name in NAMES {
        let mut written = [entry(name), entry(name)];
        written.sort_by_key(|entry| entry.id);
        succeed(calm(store.write(&written)).await);
        let found = of(store, name).await;
        law!(
            found == written,
            "what is written is read, in the order of identifiers",
            "{found:?}"
        );
    }
}

async fn settles<S: LedgerStore>(store: &S) {
    let ended = entry("settles");
    let mut pending = ended.clone();
    (pending.outcome, pending.ended) = (AttemptOutcome::Pending, None);
    (pending.usage, pending.cost) = (Usage::default(), None);
    let pending = [pending];
    succeed(calm(store.write(&pending)).await);
    law!(
        of(store, "settles").await == pending,
        "an attempt that runs is stored"
    );
    let ended = [ended];
    succeed(calm(store.write(&ended)).await);
    law!(
        of(store, "settles").await == ended,
        "the later form replaces the earlier one"
    );
    succeed(calm(store.write(&ended)).await);
    law!(
        of(store, "settles").await == ended,
        "an entry that is written twice is stored once"
    );
    succeed(calm(store.write(&pending)).await);
    law!(
        of(store, "settles").await == ended,
        "an attempt that has ended does not run again"
    );
}

async fn finds<S: LedgerStore>(store: &S) {
    let time = |second| Timestamp::from_unix_millis(1000 * second).expect("a time");
    let at = |second: i64| {
        let mut entry = entry("finds");
        entry.started = time(second);
        // The order of identifiers is that of time.
        entry.id = AttemptId::from_u128(second.unsigned_abs().into());
        entry
    };
    let mut entries = [at(1000), at(1001), at(1002)];
    entries[1].tags = vec!["other".into()];
    entries[2].session = None;
    succeed(calm(store.write(&entries)).await);
    let era = LedgerQuery::default().with_until(time(2000));
    let queries = [
        (era.clone(), vec![0, 1, 2]),
        (era.clone().with_from(time(1001)), vec![1, 2]),
        (era.clone().with_until(time(1002)), vec![0, 1]),
        (era.clone().with_session("finds"), vec![0, 1]),
        (era.clone().with_tag("other"), vec![1]),
        (era.clone().with_tag("othe"), vec![]),
        (era.with_turn(entries[0].turn.expect("a turn")), vec![0]),
    ];
    for (query, expected) in queries {
        let found = succeed(calm(store.entries(&query)).await);
        let expected: Vec<_> = expected
            .into_iter()
            .map(|at: usize| entries[at].clone())
            .collect();
        law!(
            found == expected,
            "a query finds what matches it",
            "{query:?}: {found:?}"
        );
    }
}

async fn writes_side_by_side<S: LedgerStore>(store: &Arc<S>) {
    let tasks = (0..SIDE_BY_SIDE).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..8 {
                succeed(calm(store.write(&[entry("side by side")])).await);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        if let Err(error) = task.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    let found = of(&**store, "side by side").await;
    let mut total = LedgerTotal::default();
    found.iter().for_each(|entry| total += entry);
    law!(
        total.attempts == 8 * SIDE_BY_SIDE as u64,
        "no entry is lost to a writer beside it",
        "{} are left",
        total.attempts
    );
}

async fn drops<S: LedgerStore>(store: &S) {
    let number = std::cell::Cell::new(0);
    let name = |number: u32| format!("dropped {number}");
    drop_at_polls(
        async || {
            number.set(number.get() + 1);
            let name = name(number.get());
            let _ = store.write(&[entry(&name), entry(&name)]).await;
        },
        async |polls| {
            let left = of(store, &name(number.get())).await.len();
            law!(
                left == 0 || left == 2,
                "a cancelled write has stored all or nothing",
                "{left} of 2 after {polls} polls"
            );
        },
    )
    .await;
}
