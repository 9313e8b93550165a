//! Metrics: they agree with the events and the ledger, and count every failure that is contained.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use victor_orchestrator::chat::TurnEventKind;
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::coordinators::provider::ProviderCoordinator;
use victor_orchestrator::core::{Lock, SessionId};
use victor_orchestrator::metrics::{
    MetricKey, MetricValue, MetricsExportError, MetricsExporter, MetricsSnapshot,
};
use victor_orchestrator::prompt::{Contribution, PromptContext, PromptContributor, PromptError};
use victor_orchestrator::provider::{ProviderErrorKind as Kind, RouteSpec};
use victor_orchestrator::{AgentOrchestrator, RoleName};
use victor_testkit::ScriptedModel;

use crate::{Note, builder, orchestrator};

fn metrics(orchestrator: &AgentOrchestrator) -> MetricsSnapshot {
    orchestrator.metrics().unwrap()
}

#[tokio::test(start_paused = true)]
async fn they_agree_with_the_events_and_the_ledger() {
    let first = ScriptedModel::new()
        .says("at once")
        .fails(Kind::Server)
        .calls("note", json!({"text": "a"}))
        .says("after a retry and a tool")
        .fails(Kind::Quota)
        .fails(Kind::Authentication);
    let second = ScriptedModel::new()
        .says("instead")
        .fails(Kind::Authentication);
    let router = ProviderCoordinator::builder()
        .target("a", first, "scripted")
        .target("b", second, "scripted")
        .route("main", RouteSpec::new(["a", "b"]).with_max_attempts(2));
    let orchestrator = AgentOrchestrator::builder()
        .provider_coordinator(Arc::new(router.build().unwrap()))
        .tool(Note::new("note"))
        .build()
        .unwrap();
    let (mut calls, mut tools, mut retries) = (0, 0, 0);
    for session in ["one", "two", "one", "two"] {
        let mut stream = orchestrator.session(session).stream_chat("Go on");
        while let Some(event) = stream.next().await {
            match event.map(|event| event.kind) {
                Ok(TurnEventKind::ModelCallFinished(_)) => calls += 1,
                Ok(TurnEventKind::ToolCallFinished(_)) => tools += 1,
                Ok(TurnEventKind::ModelCallRetried(_)) => retries += 1,
                _ => {}
            }
        }
    }
    let all = metrics(&orchestrator);
    let counted = [
        ("victor_turns_started_total", 4),
        ("victor_turns_total", 4),
        ("victor_turn_errors_total", 1),
        ("victor_model_calls_total", calls),
        ("victor_tool_calls_total", tools),
        ("victor_model_retries_total", retries),
    ];
    for (name, count) in counted {
        assert_eq!(all.total(name), count, "{name}");
    }
    assert_eq!((calls, tools), (4, 1));
    assert_eq!(
        all.distribution("victor_model_call_duration_us").count,
        calls
    );

    let ledger = orchestrator.usage().unwrap();
    assert_eq!(all.total("victor_attempts_total"), ledger.attempts);
    assert_eq!(
        all.total("victor_tokens_total"),
        ledger.usage.total_tokens()
    );

    let sessions = ["one", "two"].map(|name| orchestrator.session(name).metrics().unwrap());
    for name in counted
        .map(|(name, _)| name)
        .into_iter()
        .chain(["victor_tokens_total"])
    {
        let sum: u64 = sessions.iter().map(|session| session.total(name)).sum();
        assert_eq!(all.total(name), sum, "{name}");
    }
    let class = MetricKey::new("victor_turn_errors_total")
        .with("coordinator", "provider")
        .with("class", "authentication");
    assert!(all.get(&class).is_some(), "{all:?}");
    orchestrator
        .reset_session(&SessionId::new("one"))
        .await
        .unwrap();
    assert_eq!(metrics(&orchestrator).total("victor_turns_total"), 4);
}

/// Fails in a way of its own, or panics.
#[derive(Debug)]
struct Bad;

#[async_trait]
impl ConfigProvider for Bad {
    fn name(&self) -> &str {
        "bad settings"
    }

    async fn get_config(&self, _: &SessionId) -> Result<ConfigMap, ConfigError> {
        std::future::pending().await
    }
}

#[async_trait]
impl PromptContributor for Bad {
    fn name(&self) -> &str {
        "bad words"
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        panic!("out of words")
    }
}

#[tokio::test(start_paused = true)]
async fn every_failure_that_is_contained_is_counted_and_nobody_has_to_tell_it() {
    let (_, builder) = builder(ScriptedModel::new().says("hello").says("again"));
    let orchestrator = builder
        .config_provider(Bad)
        .prompt_contributor(Bad)
        .build()
        .unwrap();
    for _ in 0..2 {
        orchestrator.chat("hello").await.unwrap();
    }
    let all = metrics(&orchestrator);
    let faults: Vec<_> = all
        .named("victor_faults_total")
        .map(|metric| match &metric.value {
            MetricValue::Counter(counter) => format!("{} {}", metric.key, counter.value),
            other => panic!("{other:?}"),
        })
        .collect();
    let fault = |class, component, coordinator| {
        format!(
            r#"victor_faults_total{{class="{class}",component="{component}",coordinator="{coordinator}"}} 2"#
        )
    };
    let expected = [
        fault("panic", "bad words", "prompt"),
        fault("timeout", "bad settings", "config"),
    ];
    assert_eq!(faults, expected);
    let status = MetricKey::new("victor_coordinator_status").with("coordinator", "config");
    let degraded = all.get(&status);
    assert!(
        matches!(degraded, Some(MetricValue::Gauge(gauge)) if gauge.value == 1),
        "{degraded:?}"
    );
}

#[derive(Debug, Default)]
struct Last(Lock<u64>);

#[async_trait]
impl MetricsExporter for Last {
    fn name(&self) -> &str {
        "last"
    }

    async fn export(&self, snapshot: &MetricsSnapshot) -> Result<(), MetricsExportError> {
        *self.0.lock() = snapshot.total("victor_turns_total");
        Ok(())
    }
}

#[tokio::test]
async fn exporters_hear_of_everything_by_the_end() {
    let last = Arc::<Last>::default();
    let (_, builder) = builder(ScriptedModel::new().says("hello"));
    let orchestrator = builder.metrics_exporter(last.clone()).build().unwrap();
    orchestrator.chat("hello").await.unwrap();
    orchestrator.shutdown().await;
    assert_eq!(*last.0.lock(), 1);
}

#[tokio::test]
async fn a_nested_agent_is_counted_with_its_caller() {
    let (_, inner) = builder(ScriptedModel::new().says("found"));
    let (_, outer) = builder(
        ScriptedModel::new()
            .calls("ask", json!({"task": "x"}))
            .says("so"),
    );
    let orchestrator = outer.agent_tool("ask", "Asks", inner).build().unwrap();
    orchestrator.chat("Ask").await.unwrap();
    assert_eq!(metrics(&orchestrator).total("victor_turns_total"), 2);
    assert_eq!(metrics(&orchestrator).total("victor_attempts_total"), 3);
}

#[tokio::test]
async fn they_can_be_switched_off() {
    let (_, builder) = builder(ScriptedModel::new().says("hello"));
    let off = builder.setting("enable_metrics", false).build().unwrap();
    off.chat("hello").await.unwrap();
    assert_eq!(
        (off.metrics(), off.session("default").metrics()),
        (None, None)
    );
    assert!(off.health().get(RoleName::Metrics.name()).is_none());
    assert!(off.health().get("orchestrator").unwrap().is_healthy());
    let on = orchestrator(ScriptedModel::new());
    assert!(on.health().get(RoleName::Metrics.name()).is_some());
}
