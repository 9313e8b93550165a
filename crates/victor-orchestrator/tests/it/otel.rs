//! Spans of conversations: trees as others see them, with the ledger's tokens, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;
use victor_core::{TraceContext, Usage};
use victor_orchestrator::chat::{ChatInput, TurnEventKind};
use victor_orchestrator::coordinators::provider::{
    ProviderCoordinator, ProviderCoordinatorBuilder, ProviderOptions, RetryOptions,
};
use victor_orchestrator::provider::{
    CompletionEvent, LedgerTotal, NanoDollars, Price, PriceQuery, PriceTable, ProviderError,
    ProviderErrorKind as Kind, RouteSpec,
};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder};
use victor_otel::{Conventions, Otel, OtelOptions};
use victor_testkit::{FakeApi, Reply, ScriptedModel, check_golden};

use crate::{AskAlways, Note};

/// Two nano-dollars for each token.
#[derive(Debug)]
struct Prices;

impl PriceTable for Prices {
    fn name(&self) -> &str {
        "prices"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let cost = NanoDollars::from_nanos(2 * query.usage.total_tokens());
        Some(Price::new(cost, "prices: all"))
    }
}

/// A builder whose model calls go to these targets, one after the other when one fails.
fn agent<const N: usize>(targets: [(&'static str, ScriptedModel); N]) -> AgentOrchestratorBuilder {
    let retry = RetryOptions::default().with_base_delay(Duration::from_millis(1));
    let options = ProviderOptions::default().with_retry(retry.with_max_attempts(2));
    let route = RouteSpec::new(targets.each_ref().map(|(name, _)| *name));
    let mut router: ProviderCoordinatorBuilder = ProviderCoordinator::builder()
        .options(options)
        .prices(Prices);
    for (name, model) in targets {
        let model = model.named(format!("{name}-provider"));
        router = router.target(name, model, format!("{name}-1"));
    }
    let router = router
        .route("all", route)
        .default_route("all")
        .build()
        .unwrap();
    AgentOrchestrator::builder().provider_coordinator(Arc::new(router))
}

fn one(model: ScriptedModel) -> AgentOrchestratorBuilder {
    agent([("first", model)])
}

/// A span as it was received.
struct Received {
    parent: Vec<u8>,
    id: Vec<u8>,
    start: u64,
    lines: Vec<String>,
    name: String,
    usage: [i64; 2],
}

/// Reads the value of an attribute.
fn text(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(is) => is.to_string(),
        // Times differ from run to run.
        Value::DoubleValue(number) if *number < 1e-3 => format!("{number}"),
        Value::DoubleValue(_) => "(time)".to_owned(),
        Value::ArrayValue(array) => {
            let values = array.values.iter().filter_map(|value| value.value.as_ref());
            format!("{:?}", values.map(text).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<&str, String> {
    let value = |pair: &KeyValue| {
        pair.value
            .as_ref()
            .and_then(|value| value.value.as_ref().map(text))
    };
    let all = pairs
        .iter()
        .map(|pair| (&*pair.key, value(pair).unwrap_or_default()));
    all.collect()
}

fn received(span: &Span) -> Received {
    let of = attributes(&span.attributes);
    let mut lines = vec![span.name.clone()];
    if let Some(status) = &span.status {
        lines.push(format!("  ! {}", status.message));
    }
    let is_estimated = of.contains_key("victor.usage_estimated");
    for (key, value) in &of {
        let value = match *key {
            "gen_ai.response.time_to_first_chunk" | "victor.turn.id" => continue,
            // What is estimated depends on the length of the prompt.
            key if is_estimated && (key.contains("usage.") || key.contains("cost")) => {
                "(estimated)"
            }
            "gen_ai.conversation.id" if value.contains("/helper/") => "(nested)",
            _ => value,
        };
        lines.push(format!("  {key} = {value}"));
    }
    for event in &span.events {
        let of = attributes(&event.attributes);
        let is_fixed = |(key, _): &(&&str, &String)| !key.ends_with("_seconds");
        let of = of
            .iter()
            .filter(is_fixed)
            .map(|(key, value)| format!("{key} = {value}"))
            .collect::<Vec<_>>();
        lines.push(format!("  * {}: {}", event.name, of.join(", ")));
    }
    let tokens = |key: &str| of.get(key).map_or(0, |tokens| tokens.parse().unwrap());
    Received {
        parent: span.parent_span_id.clone(),
        id: span.span_id.clone(),
        start: span.start_time_unix_nano,
        lines,
        name: span.name.clone(),
        usage: ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"].map(tokens),
    }
}

/// Writes spans as a tree.
fn tree(spans: &[Received], parent: &[u8], depth: usize, lines: &mut Vec<String>) {
    let mut children: Vec<_> = spans.iter().filter(|span| span.parent == parent).collect();
    children.sort_by_key(|span| span.start);
    for span in children {
        lines.extend(
            span.lines
                .iter()
                .map(|line| format!("{}{line}", "    ".repeat(depth))),
        );
        tree(spans, &span.id, depth + 1, lines);
    }
}

/// A conversation whose spans are looked at.
struct Watched {
    api: FakeApi,
    otel: Arc<Otel>,
}

impl Watched {
    async fn new(change: impl FnOnce(OtelOptions) -> OtelOptions) -> Self {
        let api = FakeApi::answering(Reply::json("{}")).await.unwrap();
        let options = OtelOptions::default()
            .with_endpoint(api.url().to_owned())
            .with_gzip(false)
            .with_metrics(false)
            .with_agent(Some("main".to_owned()));
        let otel = Arc::new(Otel::new(change(options)).unwrap());
        Self { api, otel }
    }

    /// Holds the spans against the file `name`, and their tokens against those of the ledgers.
    async fn check(&self, name: &str, root: &[u8], ledgers: &[LedgerTotal]) {
        assert!(self.otel.flush(Duration::from_secs(20)).await);
        let requests = self.api.requests();
        let requests = requests
            .iter()
            .map(|request| ExportTraceServiceRequest::decode(&*request.bytes).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans: Vec<_> = scopes
            .flat_map(|scope| scope.spans)
            .map(|span| received(&span))
            .collect();
        let mut lines = Vec::new();
        tree(&spans, root, 0, &mut lines);
        let all: usize = spans.iter().map(|span| span.lines.len()).sum();
        assert_eq!(lines.len(), all, "{name}: every span is in the tree");
        check_golden(env!("CARGO_MANIFEST_DIR"), &format!("spans/{name}"), &lines);

        let mut sums = [0, 0];
        for span in &spans {
            let is_call = span.name.starts_with("chat");
            assert!(
                is_call || span.usage == [0, 0],
                "{name}: usage of `{}`",
                span.name
            );
            sums = [sums[0] + span.usage[0], sums[1] + span.usage[1]];
        }
        let mut total = LedgerTotal::default();
        ledgers.iter().for_each(|ledger| total += ledger);
        let charged = [total.usage.input_tokens(), total.usage.output].map(|tokens| tokens as i64);
        assert_eq!(sums, charged, "{name}: the tokens of the ledger, once");
    }
}

#[tokio::test]
async fn a_turn_with_tools() {
    for (name, conventions) in [
        ("tools", Conventions::V1_41),
        ("tools_v0_1", Conventions::GenAiV0_1),
    ] {
        let watched = Watched::new(|options| options.with_conventions(conventions)).await;
        let model = ScriptedModel::new()
            .calls("note", json!({"text": "a"}))
            .says("Noted it.");
        let orchestrator = one(model)
            .tool(Note::new("note"))
            .turn_observer(watched.otel.clone())
            .build()
            .unwrap();
        let session = orchestrator.session("s").with_tag("acme").with_tag("trial");
        session
            .chat(ChatInput::from("Note a").with("user_id", "ada"))
            .await
            .unwrap();
        watched
            .check(name, &[], &[orchestrator.usage().unwrap()])
            .await;
    }
}

#[tokio::test]
async fn a_nested_agent_below_its_caller_and_a_caller_above_all() {
    let watched = Watched::new(|options| options).await;
    let inner = ScriptedModel::new()
        .calls("note", json!({"text": "b"}))
        .says("inner");
    let inner = one(inner).tool(Note::new("note"));
    let outer = ScriptedModel::new()
        .calls("helper", json!({"task": "help"}))
        .says("done");
    let outer = one(outer).agent_tool("helper", "Helps", inner);
    let outer = outer.turn_observer(watched.otel.clone()).build().unwrap();
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let caller = TraceContext::parse(header).unwrap();
    let input = ChatInput::from("hi")
        .with("user_id", "ada")
        .with_trace(caller);
    outer
        .session("s")
        .with_tag("acme")
        .chat(input)
        .await
        .unwrap();
    // The ledger of the inner agent is its own: three and five tokens in, one and one out.
    let mut inner = LedgerTotal::default();
    inner.usage = Usage::new(1 + 3, 1 + 1);
    let root = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();
    watched
        .check("nested", &root, &[outer.usage().unwrap(), inner])
        .await;
}

#[tokio::test]
async fn attempts_that_fail_and_a_turn_that_does() {
    let watched = Watched::new(|options| options).await;
    let breaks = [
        Ok(CompletionEvent::TextDelta("half an".into())),
        Err(ProviderError::new(Kind::Server, "", "down")),
    ];
    let first = ScriptedModel::new()
        .fails(Kind::Overloaded)
        .streams(breaks)
        .fails(Kind::Authentication);
    let second = ScriptedModel::new()
        .says("at last")
        .fails(Kind::InvalidRequest);
    let builder = agent([("first", first), ("second", second)]);
    let orchestrator = builder.turn_observer(watched.otel.clone()).build().unwrap();
    orchestrator.chat("one").await.unwrap();
    orchestrator.chat("two").await.unwrap_err();
    watched
        .check("failures", &[], &[orchestrator.usage().unwrap()])
        .await;
}

#[tokio::test]
async fn what_ends_early() {
    let watched = Watched::new(|options| options).await;
    let model = ScriptedModel::new()
        .says("one two three")
        .calls("note", json!({"text": "a"}))
        .calls("nothing", json!({}))
        .says("There is no such tool.");
    let builder = one(model)
        .tool(Note::new("note"))
        .approval_policy(AskAlways);
    let orchestrator = builder.turn_observer(watched.otel.clone()).build().unwrap();
    let mut turn = orchestrator.stream_chat("dropped");
    while let Some(event) = turn.next().await {
        if matches!(event.unwrap().kind, TurnEventKind::TextDelta(_)) {
            break;
        }
    }
    drop(turn);
    orchestrator.chat("waits for a person").await.unwrap();
    orchestrator.chat("unknown tool").await.unwrap();
    watched
        .check("early_ends", &[], &[orchestrator.usage().unwrap()])
        .await;
}

#[tokio::test]
async fn what_was_said_is_recorded_only_when_asked_for() {
    let watched = Watched::new(|options| options.with_content(true)).await;
    let model = ScriptedModel::new()
        .calls("note", json!({"text": "a secret"}))
        .thinks("it is noted", "Noted it.");
    let builder = one(model).tool(Note::new("note"));
    let orchestrator = builder.turn_observer(watched.otel.clone()).build().unwrap();
    orchestrator.session("s").chat("Note it").await.unwrap();
    watched
        .check("content", &[], &[orchestrator.usage().unwrap()])
        .await;
}
