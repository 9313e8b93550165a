//! The ledger: every attempt is charged once, whatever becomes of it; and budgets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;
use tokio::time::timeout;
use victor_core::{AttemptId, Coordinator, Lock, SessionId, TurnId};
use victor_provider::{ProviderCoordinator, ProviderOptions, RetryOptions};
use victor_provider_protocol::{
    AttemptOutcome, Budget, BudgetScope, ChatRequest, LedgerEntry, LedgerError, LedgerQuery,
    LedgerReader as _, LedgerStore, LedgerTotal, NanoDollars, Price, PriceQuery, PriceTable,
    ProviderErrorKind as Kind, ProviderRouter, RouteSpec, UsageSource,
};

use crate::fake::Step::{self, Fail, Finish, Hang, Panic, PanicAtOnce, Pause, Refuse, Text};
use crate::fake::{Scripted, request};

/// A nano-dollar for each token of the request, ten for each of the answer.
#[derive(Debug)]
struct Prices;

impl PriceTable for Prices {
    fn name(&self) -> &str {
        "prices"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let usage = query.usage;
        let cost = usage
            .input_tokens()
            .saturating_add(usage.output.saturating_mul(10));
        Some(Price::new(NanoDollars::from_nanos(cost), "prices: all"))
    }
}

#[derive(Debug, Default)]
struct Memory {
    entries: Lock<BTreeMap<AttemptId, LedgerEntry>>,
    fails: AtomicBool,
}

#[async_trait]
impl LedgerStore for Memory {
    async fn write(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError> {
        tokio::task::yield_now().await;
        if self.fails.load(Ordering::Relaxed) {
            return Err(LedgerError::new("disk full"));
        }
        for entry in entries {
            self.entries.lock().insert(entry.id, entry.clone());
        }
        Ok(())
    }

    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        let entries = self.entries.lock();
        Ok(entries
            .values()
            .filter(|entry| query.matches(entry))
            .cloned()
            .collect())
    }
}

fn of(session: &str, turn: TurnId) -> ChatRequest {
    let mut request = request();
    request.session = Some(session.into());
    request.turn = Some(turn);
    request.input_tokens = Some(100);
    request.max_output_tokens = Some(50);
    request
}

fn ledger(scripts: Vec<Vec<Step>>, store: &Arc<Memory>) -> ProviderCoordinator {
    ProviderCoordinator::builder()
        .target("a", Scripted::new("A", scripts), "m-a")
        .target("b", Scripted::new("B", vec![vec![Finish]]), "m-b")
        .route("r", RouteSpec::new(["a", "b"]).with_max_attempts(1))
        .prices(Prices)
        .ledger_store(store.clone())
        .build()
        .unwrap()
}

/// Drives a request for a second at most.
async fn drive(router: &ProviderCoordinator, request: ChatRequest) {
    let completion = router.stream_chat(request).completion();
    let _ = timeout(Duration::from_secs(1), completion).await;
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_an_entry_that_says_what_became_of_it() {
    let check = async |steps: Vec<Step>,
                       expected: (AttemptOutcome, UsageSource, u64, Option<u64>)| {
        let store = Arc::new(Memory::default());
        let router = ledger(vec![steps.clone()], &store);
        drive(&router, of("s", TurnId::generate())).await;
        router.shutdown().await;
        let entries = store.entries.lock();
        let entry = entries
            .values()
            .find(|entry| &*entry.target == "a")
            .unwrap();
        let found = (
            entry.outcome.clone(),
            entry.usage_source.clone(),
            entry.usage.total_tokens(),
            entry.cost.map(NanoDollars::as_nanos),
        );
        assert_eq!(found, expected, "{steps:?}");
        assert!(entry.ended.is_some());
        assert_eq!((&*entry.provider, entry.attempt), ("A", 1));
    };
    use AttemptOutcome::{Answered, Cancelled, Failed};
    use UsageSource::{Estimated, Reported};
    check(vec![Finish], (Answered, Reported, 15, Some(60))).await;
    // The failures of this provider have one token of input.
    check(vec![Refuse(Kind::Server)], (Failed, Reported, 1, Some(1))).await;
    check(
        vec![Text("12345678"), Fail(Kind::Server)],
        (Failed, Reported, 1, Some(1)),
    )
    .await;
    check(vec![PanicAtOnce], (Failed, Estimated, 100, Some(100))).await;
    check(
        vec![Text("12345678"), Panic],
        (Failed, Estimated, 102, Some(120)),
    )
    .await;
    check(
        vec![Text("12345"), Hang],
        (Cancelled, Estimated, 102, Some(120)),
    )
    .await;
    check(vec![Hang], (Cancelled, Estimated, 100, Some(100))).await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_stored_before_it_begins() {
    let store = Arc::new(Memory::default());
    let router = ledger(vec![vec![Pause(1), Finish]], &store);
    let mut stream = router.stream_chat(of("s", TurnId::generate()));
    let brief = Duration::from_millis(10);
    assert!(timeout(brief, stream.next()).await.is_err());
    let pending = store.entries.lock().values().next().cloned().unwrap();
    assert_eq!(pending.outcome, AttemptOutcome::Pending);
    stream.completion().await.unwrap();
    let answered = store.entries.lock().values().next().cloned().unwrap();
    assert_eq!(
        (answered.id, answered.outcome),
        (pending.id, AttemptOutcome::Answered)
    );
    assert_eq!(store.entries.lock().len(), 1);
}

#[tokio::test]
async fn what_earlier_processes_have_spent_counts_once_it_is_restored() {
    let store = Arc::new(Memory::default());
    let session = SessionId::from("s");
    let earlier = ledger(vec![vec![Finish], vec![Finish]], &store);
    drive(&earlier, of("s", TurnId::generate())).await;
    drive(&earlier, of("other", TurnId::generate())).await;
    earlier.shutdown().await;
    let spent = earlier.ledger().session(&session);
    assert!(spent.attempts == 1 && spent.usage.total_tokens() > 0);

    // A session that has used nothing may make one attempt.
    let budget = Budget::new(BudgetScope::Session).with_tokens(150);
    let later = ProviderCoordinator::builder()
        .target("a", Scripted::new("A", vec![vec![Finish]]), "m")
        .ledger_store(store.clone())
        .budget(budget)
        .build()
        .unwrap();
    let query = LedgerQuery::default().with_session(session.clone());
    later.ledger().restore(&query).await.unwrap();
    assert_eq!(later.ledger().session(&session), spent);
    assert_eq!(later.ledger().session(&"other".into()).attempts, 0);
    assert_eq!(later.ledger().total(), LedgerTotal::default());
    let refused = ends(&later, of("s", TurnId::generate())).await;
    assert_eq!(refused, Some(Kind::Budget));
    let other = ends(&later, of("other", TurnId::generate())).await;
    assert_eq!(other, None);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_delays_nobody_and_loses_nothing() {
    let store = Arc::new(Memory::default());
    store.fails.store(true, Ordering::Relaxed);
    let router = ledger(vec![vec![Finish]], &store);
    drive(&router, of("s", TurnId::generate())).await;
    assert_eq!(router.ledger().total().attempts, 1);
    assert_eq!(
        router.health().problems,
        ["ledger: the ledger's store failed: disk full"]
    );
    store.fails.store(false, Ordering::Relaxed);
    drive(&router, of("s", TurnId::generate())).await;
    assert!(router.health().is_healthy());
    let entries = router
        .ledger()
        .entries(&LedgerQuery::default())
        .await
        .unwrap();
    assert_eq!(entries.len(), 2);
    assert!(
        entries
            .iter()
            .all(|entry| entry.outcome == AttemptOutcome::Answered)
    );
}

/// A router of one target whose answers cost 150 tokens at most by the estimate, and 15 in truth.
fn budgeted(budget: Budget) -> ProviderCoordinator {
    let retry = RetryOptions::default().with_max_attempts(1);
    ProviderCoordinator::builder()
        .target("a", Scripted::new("A", vec![vec![Pause(1), Finish]]), "m")
        .options(ProviderOptions::default().with_retry(retry))
        .prices(Prices)
        .budget(budget)
        .build()
        .unwrap()
}

async fn ends(router: &ProviderCoordinator, request: ChatRequest) -> Option<Kind> {
    router
        .stream_chat(request)
        .completion()
        .await
        .err()
        .map(|error| error.kind)
}

#[tokio::test(start_paused = true)]
async fn budgets_hold_for_turns_sessions_days_and_tags() {
    let (first, second) = (TurnId::generate(), TurnId::generate());
    let refused = Some(Kind::Budget);
    // The estimate of a second attempt does not fit beside the use of the first.
    let router = budgeted(Budget::new(BudgetScope::Turn).with_tokens(150));
    assert_eq!(ends(&router, of("s", first)).await, None);
    assert_eq!(ends(&router, of("s", first)).await, refused);
    assert_eq!(ends(&router, of("s", second)).await, None);

    let router =
        budgeted(Budget::new(BudgetScope::Session).with_cost(NanoDollars::from_nanos(650)));
    assert_eq!(ends(&router, of("s", first)).await, None);
    assert_eq!(ends(&router, of("s", second)).await, refused);
    assert_eq!(ends(&router, of("t", second)).await, None);
    router.reset(&SessionId::from("s"));
    assert_eq!(ends(&router, of("s", second)).await, None);

    let router = budgeted(Budget::new(BudgetScope::Day).with_tokens(160));
    assert_eq!(ends(&router, of("s", first)).await, None);
    assert_eq!(ends(&router, of("t", second)).await, refused);

    let router = budgeted(Budget::new(BudgetScope::Tag("acme".into())).with_tokens(160));
    let tagged = |session| {
        let mut request = of(session, TurnId::generate());
        request.tags = Arc::from(["acme".into()]);
        request
    };
    assert_eq!(ends(&router, tagged("s")).await, None);
    assert_eq!(ends(&router, of("s", first)).await, None);
    assert_eq!(ends(&router, tagged("t")).await, refused);
}

#[tokio::test(start_paused = true)]
async fn requests_side_by_side_cannot_overrun_a_budget_together() {
    let router = Arc::new(budgeted(Budget::new(BudgetScope::Day).with_tokens(330)));
    let tasks = (0..10).map(|_| {
        let router = router.clone();
        tokio::spawn(async move { ends(&router, of("s", TurnId::generate())).await })
    });
    let mut answered = 0;
    for task in tasks.collect::<Vec<_>>() {
        answered += usize::from(task.await.unwrap().is_none());
    }
    assert_eq!(answered, 2, "two estimates of 150 fit");
    let message = router
        .stream_chat(of("s", TurnId::generate()))
        .completion()
        .await;
    assert!(message.is_ok(), "what they did not use is free again");
}

#[tokio::test(start_paused = true)]
async fn a_reservation_is_given_back_on_every_way_out() {
    for steps in [
        vec![Refuse(Kind::Server)],
        vec![PanicAtOnce],
        vec![Panic],
        vec![Hang],
    ] {
        let retry = RetryOptions::default().with_max_attempts(1);
        let router = ProviderCoordinator::builder()
            .target("a", Scripted::new("A", vec![steps, vec![Finish]]), "m")
            .options(ProviderOptions::default().with_retry(retry))
            .budget(Budget::new(BudgetScope::Day).with_tokens(300))
            .build()
            .unwrap();
        drive(&router, of("s", TurnId::generate())).await;
        assert_eq!(ends(&router, of("s", TurnId::generate())).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_says_what_to_do() {
    let router = budgeted(Budget::new(BudgetScope::Day).with_cost("0.0000001".parse().unwrap()));
    let error = router
        .stream_chat(of("s", TurnId::generate()))
        .completion()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "A: the budget of $0.0000001 of the day is used up: raise it, or wait until it begins again"
    );
    assert_eq!(router.ledger().total().attempts, 0, "nobody was asked");
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        Just(vec![Finish]),
        Just(vec![Text("some text"), Finish]),
        Just(vec![Text("some text"), Fail(Kind::Server)]),
        Just(vec![Refuse(Kind::RateLimit)]),
        Just(vec![Refuse(Kind::InvalidRequest)]),
        Just(vec![PanicAtOnce]),
        Just(vec![Text("x"), Panic]),
        Just(vec![Text("x"), Hang]),
        Just(vec![Hang]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing is lost or doubled: the sums of turns, sessions, models and the process are the sums of the entries.
    #[test]
    fn sums_are_conserved(
        scripts in prop::collection::vec(steps(), 1..12),
        turns in prop::collection::vec((0..3_usize, 0..2_usize), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let store = Arc::new(Memory::default());
            let router = ledger(scripts, &store);
            let ids: Vec<_> = (0..6).map(|_| TurnId::generate()).collect();
            for (session, turn) in turns {
                let request = of(&format!("s{session}"), ids[2 * session + turn]);
                drive(&router, request).await;
            }
            router.shutdown().await;
            let entries: Vec<_> = store.entries.lock().values().cloned().collect();
            assert!(entries.iter().all(|entry| entry.outcome != AttemptOutcome::Pending));
            let ledger = router.ledger();
            let mut all = LedgerTotal::default();
            entries.iter().for_each(|entry| all += entry);
            assert_eq!(ledger.total(), all);
            for (session, total) in LedgerTotal::group(&entries, |entry| entry.session.clone().unwrap()) {
                assert_eq!(ledger.session(&session), total);
            }
            for (turn, total) in LedgerTotal::group(&entries, |entry| entry.turn.unwrap()) {
                assert_eq!(ledger.turn(turn), Some(total));
            }
            let key = |entry: &LedgerEntry| (entry.target.clone(), entry.model.clone());
            assert_eq!(ledger.by_model(), LedgerTotal::group(&entries, key));
        });
    }
}
