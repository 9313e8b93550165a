//! Money and providers through the orchestrator: what is charged to whom, budgets, withdrawn text, and switches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::timeout;
use victor_core::{AttemptId, Lock, SessionId, ToolCall, TurnId, Usage};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::{TurnEventKind, TurnOutcome};
use victor_orchestrator::coordinators::provider::{
    ProviderCoordinator, ProviderCoordinatorBuilder,
};
use victor_orchestrator::provider::{
    AttemptOutcome, Budget, BudgetScope, Completion, CompletionEvent, LedgerEntry, LedgerError,
    LedgerQuery, LedgerStore, LedgerTotal, NanoDollars, Price, PriceQuery, PriceTable,
    ProviderError, ProviderErrorKind as Kind, RouteSpec,
};
use victor_testkit::ScriptedModel;

use crate::{Note, orchestrator};

/// Three nano-dollars for each token.
#[derive(Debug)]
struct Prices;

impl PriceTable for Prices {
    fn name(&self) -> &str {
        "prices"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let cost = NanoDollars::from_nanos(3 * query.usage.total_tokens());
        Some(Price::new(cost, "prices: all"))
    }
}

#[derive(Debug, Default)]
struct Entries(Lock<BTreeMap<AttemptId, LedgerEntry>>);

#[async_trait]
impl LedgerStore for Entries {
    async fn write(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError> {
        let mut kept = self.0.lock();
        kept.extend(entries.iter().map(|entry| (entry.id, entry.clone())));
        Ok(())
    }

    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        let kept = self.0.lock();
        let found = kept.values().filter(|entry| query.matches(entry));
        Ok(found.cloned().collect())
    }
}

/// A coordinator of these targets on one route, with prices.
fn router(
    targets: impl IntoIterator<Item = (&'static str, ScriptedModel)>,
) -> ProviderCoordinatorBuilder {
    let (mut builder, mut names) = (ProviderCoordinator::builder(), Vec::new());
    for (name, model) in targets {
        builder = builder.target(name, model, "scripted");
        names.push(name);
    }
    let route = RouteSpec::new(names).with_max_attempts(2);
    builder.route("main", route).prices(Prices)
}

fn built(router: ProviderCoordinatorBuilder) -> AgentOrchestrator {
    let router = Arc::new(router.build().unwrap());
    let builder = AgentOrchestrator::builder().provider_coordinator(router);
    builder.tool(Note::new("note")).build().unwrap()
}

/// Some text, and the end of its attempt.
fn breaks(text: &str) -> [Result<CompletionEvent, ProviderError>; 2] {
    let error = ProviderError::new(Kind::Server, "scripted", "down");
    [Ok(CompletionEvent::TextDelta(text.into())), Err(error)]
}

#[tokio::test]
async fn a_request_names_its_turn_its_tags_and_its_size() {
    let model = Arc::new(
        ScriptedModel::new()
            .calls("note", json!({"text": "a"}))
            .says("done"),
    );
    let builder = AgentOrchestrator::builder().provider(model.clone());
    let orchestrator = builder.model("m").tool(Note::new("note")).build().unwrap();
    let session = orchestrator.session("s").with_tag("acme").with_tag("trial");
    let response = session.chat("Take a note").await.unwrap();
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(request.turn, Some(response.turn));
        assert_eq!(*request.tags, ["acme".into(), "trial".into()]);
    }
    let sizes: Vec<_> = requests
        .iter()
        .map(|request| request.input_tokens.unwrap())
        .collect();
    assert!(0 < sizes[0] && sizes[0] < sizes[1], "{sizes:?}");
}

/// The sum over the entries that match.
fn sum(entries: &Entries, matches: impl Fn(&LedgerEntry) -> bool) -> LedgerTotal {
    let mut total = LedgerTotal::default();
    let entries = entries.0.lock();
    entries
        .values()
        .filter(|entry| matches(entry))
        .for_each(|entry| total += entry);
    total
}

#[tokio::test(start_paused = true)]
async fn every_token_is_charged_once_to_its_turn_its_session_and_the_process() {
    let entries = Arc::new(Entries::default());
    let first = ScriptedModel::new()
        .says("at once")
        .fails(Kind::Server)
        .says("after a retry")
        .fails(Kind::Quota)
        .streams(breaks("half an "))
        .calls("note", json!({"text": "a"}))
        .says("with a tool")
        .after(Duration::from_secs(60))
        .says("too late");
    let second = ScriptedModel::new().says("instead");
    let orchestrator = built(router([("a", first), ("b", second)]).ledger_store(entries.clone()));
    let (one, two) = (orchestrator.session("one"), orchestrator.session("two"));
    let mut turns: Vec<(SessionId, TurnId, Option<NanoDollars>)> = Vec::new();
    for session in [&one, &two, &one, &two] {
        let response = session.chat("Go on").await.unwrap();
        assert_eq!(response.outcome, TurnOutcome::Completed);
        turns.push((response.session, response.turn, response.cost));
    }
    let mut stream = one.stream_chat("Wait");
    while let Ok(event) = timeout(Duration::from_secs(1), stream.next()).await {
        event.unwrap().unwrap();
    }
    stream.cancel_handle().cancel();
    let response = stream.response().await.unwrap();
    assert_eq!(response.outcome, TurnOutcome::Cancelled);
    turns.push((response.session, response.turn, response.cost));
    orchestrator.shutdown().await;

    let ledger = orchestrator.provider_coordinator().ledger().unwrap();
    for (_, turn, cost) in &turns {
        let total = ledger.turn(*turn).unwrap();
        assert_eq!(total, sum(&entries, |entry| entry.turn == Some(*turn)));
        assert_eq!(*cost, Some(total.cost));
    }
    for session in [&one, &two] {
        let mut total = LedgerTotal::default();
        for (_, turn, _) in turns.iter().filter(|(of, ..)| of == session.id()) {
            total += &ledger.turn(*turn).unwrap();
        }
        assert_eq!(session.usage(), Some(total));
    }
    let mut total = one.usage().unwrap();
    total += &two.usage().unwrap();
    assert_eq!(orchestrator.usage(), Some(total.clone()));
    assert_eq!(total, sum(&entries, |_| true));
    let count = |outcome| {
        let kept = entries.0.lock();
        kept.values()
            .filter(|entry| entry.outcome == outcome)
            .count()
    };
    let counts = [
        AttemptOutcome::Failed,
        AttemptOutcome::Cancelled,
        AttemptOutcome::Pending,
    ];
    assert_eq!(counts.map(count), [3, 1, 0]);
}

#[tokio::test]
async fn a_budget_ends_the_turn_with_what_there_is_and_the_turn_can_be_resumed() {
    let call = ToolCall::new("call_1", "note", json!({"text": "a"}).to_string());
    let call = Completion::new("m".into(), vec![call.into()], Usage::new(400, 10));
    let model = ScriptedModel::new().completes(call).says("done");
    // Enough for one call, whose answer may have 4,096 tokens, and not for another one.
    let budget = Budget::new(BudgetScope::Tag("acme".into())).with_tokens(4400);
    let note = Note::new("note");
    let router = router([("a", model)]).budget(budget).build().unwrap();
    let builder = AgentOrchestrator::builder().provider_coordinator(Arc::new(router));
    let orchestrator = builder.tool(note.clone()).build().unwrap();
    let session = orchestrator.session("s").with_tag("acme");
    let response = session.chat("Take a note").await.unwrap();
    let spent = orchestrator.usage().unwrap();
    assert_eq!(response.outcome, TurnOutcome::Budget, "{spent:?}");
    assert_eq!((note.calls().len(), spent.attempts), (1, 1));
    assert_eq!(
        session.context().messages().len(),
        3,
        "what was done is kept"
    );

    // Under another name, the same turn goes on where it was.
    let turn = *response.suspended.unwrap();
    let resumed = orchestrator
        .session("s")
        .resume(turn, [])
        .response()
        .await
        .unwrap();
    assert_eq!(
        (&resumed.outcome, &*resumed.content()),
        (&TurnOutcome::Completed, "done")
    );
    assert_eq!(note.calls().len(), 1, "no tool has run twice");
    assert_eq!(resumed.cost, Some(orchestrator.usage().unwrap().cost));
}

#[tokio::test(start_paused = true)]
async fn text_that_broke_off_is_withdrawn_and_no_tool_runs_twice() {
    let model = ScriptedModel::new()
        .streams(breaks("half an "))
        .says_and_calls("I take a note", [("note", json!({"text": "a"}))])
        .streams(breaks("it is "))
        .says("it is done");
    let note = Note::new("note");
    let builder = AgentOrchestrator::builder().provider(model).model("m");
    let orchestrator = builder.tool(note.clone()).build().unwrap();
    let session = orchestrator.session("s");
    let mut stream = session.stream_chat("Take a note");
    let (mut shown, mut withdrawn) = (String::new(), 0);
    while let Some(event) = stream.next().await {
        let event = event.unwrap();
        match &event.kind {
            TurnEventKind::TextWithdrawn(_) => {
                shown.clear();
                withdrawn += 1;
            }
            TurnEventKind::ModelCallRetried(notice) => {
                assert!(notice.withdrawn);
                assert_eq!(notice.target.as_deref(), Some("scripted"));
            }
            TurnEventKind::ModelCallStarted(_) => shown.clear(),
            _ => shown += event.content(),
        }
    }
    assert_eq!((shown.as_str(), withdrawn), ("it is done", 2));
    assert_eq!(note.calls().len(), 1);
    let context = session.context();
    let texts: Vec<_> = context
        .messages()
        .iter()
        .map(|message| message.text())
        .collect();
    assert!(!texts.concat().contains("half"), "{texts:?}");
}

#[tokio::test]
async fn one_session_can_go_to_another_provider_and_the_window_goes_with_it() {
    let orchestrator = orchestrator(ScriptedModel::new().says("all").says("all again"));
    let mut capabilities = victor_orchestrator::provider::Capabilities::default();
    capabilities.context_window = Some(4096);
    let other = ScriptedModel::new()
        .named("other")
        .with_capabilities(capabilities);
    let (one, two) = (orchestrator.session("one"), orchestrator.session("two"));
    one.switch_provider(other.says("other"), "other-model");
    for (session, expected) in [(&one, "other"), (&two, "all")] {
        assert_eq!(session.chat("hi").await.unwrap().content(), expected);
    }
    let windows = [&one, &two].map(|session| session.context_stats().window);
    assert_eq!(windows[0], Some(4096));
    assert_ne!(windows[1], Some(4096));
    orchestrator.reset_session(one.id()).await.unwrap();
    assert_eq!(one.chat("hi").await.unwrap().content(), "all again");
}
