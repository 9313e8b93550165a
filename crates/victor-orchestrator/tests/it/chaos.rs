//! A thousand turns with tools against a server that fails in every way: what is remembered stays valid, each tool call
//! runs once, and the ledger has what the server has counted.

mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use victor_anthropic::AnthropicProvider;
use victor_core::{HealthStatus, Part};
use victor_http::{HttpOptions, HttpProxy};
use victor_openai::{OpenAiProvider, Server};
use victor_orchestrator::chat::{ChatError, ChatErrorKind, ChatResponse};
use victor_orchestrator::coordinators::provider::{
    BreakerOptions, Limits, ProviderCoordinator, ProviderOptions, RetryOptions,
};
use victor_orchestrator::provider::{
    Budget, BudgetScope, LedgerEntry, LedgerError, LedgerQuery, LedgerReader as _, LedgerStore,
    LedgerTotal, NanoDollars, Price, PriceQuery, PriceTable, ProviderErrorKind, RouteSpec,
    UsageSource,
};
use victor_orchestrator::{AgentOrchestrator, Session};

use self::server::{ChaosServer, Counts, random};
use crate::Note;

/// Sessions whose turns are left alone, and the number of their turns.
const CALM: (u64, u64) = (20, 45);

/// Sessions whose turns are cancelled at some time.
const CANCELLED: (u64, u64) = (4, 25);

/// The most tokens of a session, which the last turns of some reach.
const BUDGET: u64 = 20_000;

/// The price of every token, in nano-dollars.
const PRICE: u64 = 250;

/// Keeps the last form of each entry.
#[derive(Debug, Default)]
struct Entries(Mutex<BTreeMap<String, LedgerEntry>>);

#[async_trait]
impl LedgerStore for Entries {
    async fn write(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError> {
        let mut kept = self.0.lock().unwrap();
        kept.extend(entries.iter().map(|e| (e.id.to_string(), e.clone())));
        Ok(())
    }

    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        let kept = self.0.lock().unwrap();
        let asked = kept.values().filter(|entry| query.matches(entry));
        Ok(asked.cloned().collect())
    }
}

#[derive(Debug)]
struct FlatPrice;

impl PriceTable for FlatPrice {
    fn name(&self) -> &str {
        "flat"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let cost = NanoDollars::from_nanos(PRICE);
        Some(Price::new(
            cost.saturating_mul(query.usage.total_tokens()),
            "flat",
        ))
    }
}

/// Three targets, of which one speaks another dialect, in one route, with everything switched on.
fn router(server: &ChaosServer) -> ProviderCoordinator {
    let http = HttpOptions::default().with_proxy(HttpProxy::None);
    let openai = |name: &str| {
        let builder = OpenAiProvider::builder()
            .server(Server::COMPATIBLE)
            .base_url(format!("{}/{name}/v1", server.url()));
        builder
            .http_options(http.clone())
            .api_key("k")
            .build()
            .unwrap()
    };
    let anthropic = AnthropicProvider::builder()
        .base_url(format!("{}/c", server.url()))
        .http_options(http.clone())
        .api_key("k")
        .build()
        .unwrap();
    let limits = Limits::default()
        .with_concurrent(Some(4))
        .with_requests_per_minute(Some(100_000))
        .with_tokens_per_minute(Some(1_000_000_000));
    let breaker = BreakerOptions::default()
        .with_failures(3)
        .with_cooldown(Duration::from_millis(5))
        .with_max_cooldown(Duration::from_millis(20));
    let retry = RetryOptions::default()
        .with_base_delay(Duration::from_millis(1))
        .with_max_delay(Duration::from_millis(4));
    let mut route = RouteSpec::new(["a", "b", "c"]).with_max_attempts(2);
    route.first_event_timeout = Some(server::STALL);
    route.idle_timeout = Some(server::STALL);
    ProviderCoordinator::builder()
        .target("a", openai("a"), "m-a")
        .limits(&limits)
        .breaker(breaker.clone())
        .target("b", openai("b"), "m-b")
        .limits(&limits)
        .breaker(breaker.clone())
        .target("c", anthropic, "m-c")
        .limits(&limits)
        .breaker(breaker)
        .route("all", route)
        .options(ProviderOptions::default().with_retry(retry))
        .prices(FlatPrice)
        .budget(Budget::new(BudgetScope::Session).with_tokens(BUDGET))
        .ledger_store(Entries::default())
        .build()
        .unwrap()
}

/// The results of turns.
#[derive(Debug, Default)]
struct Results {
    completed: u64,
    failed: u64,
    over_budget: u64,
    cancelled: u64,
}

impl Results {
    fn add(&mut self, result: &Result<ChatResponse, ChatError>) {
        let over_budget = match result {
            Ok(response) => response.outcome.as_str() == "budget",
            Err(error) => error.kind() == ChatErrorKind::Provider(ProviderErrorKind::Budget),
        };
        match result {
            _ if over_budget => self.over_budget += 1,
            Ok(_) => self.completed += 1,
            Err(_) => self.failed += 1,
        }
    }
}

/// Works the turns of a session, one after the other.
async fn work(session: Session, turns: u64, cancels: bool, results: Arc<Mutex<Results>>) {
    for turn in 0..turns {
        let name = session.id().as_str();
        let chat = session.chat(format!("[chaos {name} {turn}]"));
        let limit = match cancels {
            true => Duration::from_micros(random((name, turn)) % 1_000_000),
            false => Duration::from_secs(60),
        };
        match tokio::time::timeout(limit, chat).await {
            Ok(result) => results.lock().unwrap().add(&result),
            Err(_) if cancels => results.lock().unwrap().cancelled += 1,
            Err(_) => panic!("turn {turn} of {name} has no end"),
        }
        if let Err(invalid) = session.context().messages().validate() {
            panic!("after turn {turn} of {name}: {invalid}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_turns_lose_nothing_and_do_nothing_twice() {
    let server = ChaosServer::start().await;
    let router = Arc::new(router(&server));
    let note = Note::new("note");
    let orchestrator = AgentOrchestrator::builder()
        .provider_coordinator(router.clone())
        .tool(note.clone())
        .build()
        .unwrap();
    let results = Arc::<Mutex<Results>>::default();
    let mut tasks = Vec::new();
    for (prefix, (sessions, turns), cancels) in [("calm", CALM, false), ("gone", CANCELLED, true)] {
        for number in 0..sessions {
            let session = orchestrator.session(format!("{prefix}{number}"));
            tasks.push(tokio::spawn(work(session, turns, cancels, results.clone())));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let results = std::mem::take(&mut *results.lock().unwrap());
    // It is hard weather, and most arrive.
    assert!(results.completed > 400, "{results:?}");
    assert!(
        results.over_budget > 0 && results.failed > 0 && results.cancelled > 0,
        "{results:?}"
    );

    check_tools(&server, &note, &orchestrator);
    check_ledger(&server, &router).await;
    orchestrator.shutdown().await;
    assert_ne!(orchestrator.health().status, HealthStatus::Unhealthy);
}

/// A call that arrived whole was run, and run once; what was cut off, broken or unknown was not.
fn check_tools(server: &ChaosServer, note: &Note, orchestrator: &AgentOrchestrator) {
    let mut runs = BTreeMap::new();
    for (_, arguments) in note.calls() {
        let id = arguments["text"].as_str().unwrap().to_owned();
        *runs.entry(id).or_insert(0) += 1;
    }
    for (id, times) in &runs {
        assert_eq!(*times, 1, "{id} was run {times} times");
    }
    let sent = server.calls();
    assert!(sent.len() > 300, "there were {} calls", sent.len());
    for id in runs.keys() {
        assert!(sent.contains(id), "{id} was run, and did not arrive whole");
    }
    for id in sent.iter().filter(|id| id.starts_with("call_calm")) {
        assert!(runs.contains_key(id), "{id} was not run");
    }
    for number in 0..CALM.0 {
        let context = orchestrator.session(format!("calm{number}")).context();
        let parts = context
            .messages()
            .iter()
            .flat_map(|message| message.parts());
        for part in parts {
            if let Part::ToolResult(result) = part
                && !result.is_error()
            {
                let id = result.call_id.as_str();
                assert!(runs.contains_key(id), "{id} has a result, and was not run");
            }
        }
    }
}

async fn check_ledger(server: &ChaosServer, router: &ProviderCoordinator) {
    let ledger = router.ledger();
    let all = ledger.entries(&LedgerQuery::default()).await.unwrap();
    for (session, counted) in server.counts() {
        let query = LedgerQuery::default().with_session(session.as_str());
        let entries = ledger.entries(&query).await.unwrap();
        let mut found = Counts::default();
        let mut total = LedgerTotal::default();
        for entry in &entries {
            total += entry;
            match entry.usage_source {
                UsageSource::Reported => {
                    found.reported += 1;
                    found.input += entry.usage.input;
                    found.output += entry.usage.output;
                }
                UsageSource::Unused => found.refused += 1,
                _ => found.cut_off += 1,
            }
        }
        assert_eq!(total, ledger.session(&session.as_str().into()), "{session}");
        assert!(total.usage.total_tokens() <= BUDGET, "{session}: {total:?}");
        if session.starts_with("calm") {
            assert_eq!(found, counted, "{session}");
        }
    }
    let mut total = LedgerTotal::default();
    all.iter().for_each(|entry| total += entry);
    assert_eq!(total, ledger.total());
    assert!(all.iter().all(|entry| entry.ended.is_some()));
    let cost = NanoDollars::from_nanos(PRICE).saturating_mul(total.usage.total_tokens());
    assert_eq!((total.cost, total.unpriced), (cost, 0));
}
