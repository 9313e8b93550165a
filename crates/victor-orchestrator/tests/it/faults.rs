//! Other coordinators go on when one fails: every row of the table in the architecture document.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use victor_core::{Context, HealthStatus, Usage};
use victor_orchestrator::AgentOrchestratorBuilder;
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult,
};
use victor_orchestrator::chat::{ChatError, TurnEventKind, TurnStream};
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::context::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_orchestrator::core::{SessionId, ToolOutcome};
use victor_orchestrator::prompt::{Contribution, PromptContext, PromptContributor, PromptError};
use victor_orchestrator::provider::ProviderErrorKind;
use victor_orchestrator::session::InMemorySessionStore;
use victor_testkit::faults::{Fault, Faulty, ModelFault};
use victor_testkit::{Expect, ScriptedModel};

use crate::{Note, builder};

const FAULTS: [Fault; 3] = [Fault::Error, Fault::Panic, Fault::Hang];

/// Plugs into everything and does what it should.
#[derive(Debug)]
struct Good;

#[async_trait]
impl ConfigProvider for Good {
    fn name(&self) -> &str {
        "good config"
    }

    async fn get_config(&self, _: &SessionId) -> Result<ConfigMap, ConfigError> {
        Ok(ConfigMap::from_iter([(
            "temperature".to_owned(),
            json!(0.25),
        )]))
    }
}

#[async_trait]
impl PromptContributor for Good {
    fn name(&self) -> &str {
        "good contributor"
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        Ok("Be kind.".into())
    }
}

#[async_trait]
impl CompactionStrategy for Good {
    fn name(&self) -> &str {
        "good strategy"
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        Ok(context.with_messages(context.messages().tail(1).cloned().collect()))
    }
}

#[async_trait]
impl AnalyticsExporter for Good {
    fn name(&self) -> &str {
        "good exporter"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        Ok(ExportResult::exported(events.len()))
    }
}

async fn notices(mut stream: TurnStream) -> Vec<String> {
    let mut notices = Vec::new();
    while let Some(event) = stream.next().await {
        if let TurnEventKind::Notice(notice) = event.unwrap().kind {
            notices.push(notice.component);
        }
    }
    notices
}

/// Has one chat with something faulty in the house, which must go well, and returns the health of `coordinator`.
async fn chat_with(
    coordinator: &str,
    plug: impl FnOnce(AgentOrchestratorBuilder) -> AgentOrchestratorBuilder,
) -> (Vec<String>, HealthStatus, Arc<ScriptedModel>) {
    let (model, builder) = builder(ScriptedModel::new().says("all is well"));
    let orchestrator = plug(builder).build().unwrap();
    let notices = notices(orchestrator.stream_chat("hi")).await;
    model.assert_finished();
    let status = orchestrator.health().get(coordinator).unwrap().status;
    (notices, status, model)
}

#[tokio::test(start_paused = true)]
async fn a_config_provider_that_fails_is_passed_over() {
    for fault in FAULTS {
        let faulty = Arc::new(Faulty::new(Good, fault));
        let (notices, status, model) = chat_with("config", |b| {
            b.config_provider(faulty).config_provider(Arc::new(Good))
        })
        .await;
        assert_eq!(
            (notices.len(), status),
            (0, HealthStatus::Degraded),
            "{fault:?}"
        );
        assert_eq!(
            model.requests()[0].temperature,
            Some(0.25),
            "the next provider answered"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_config_providers_fail_the_base_configuration_is_in_force() {
    for fault in FAULTS {
        let faulty = Arc::new(Faulty::new(Good, fault));
        let (notices, status, model) = chat_with("config", |b| b.config_provider(faulty)).await;
        assert_eq!(
            (notices, status),
            (vec!["config".to_owned()], HealthStatus::Degraded),
            "{fault:?}"
        );
        assert_eq!(model.requests()[0].temperature, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_contributor_that_fails_is_left_out_of_the_prompt() {
    for fault in FAULTS {
        let faulty = Arc::new(Faulty::new(Good, fault));
        let (notices, status, model) = chat_with("prompt", |b| b.prompt_contributor(faulty)).await;
        assert_eq!(
            (notices, status),
            (vec!["prompt".to_owned()], HealthStatus::Degraded),
            "{fault:?}"
        );
        assert!(
            !model.requests()[0]
                .system
                .as_ref()
                .unwrap()
                .contains("Be kind.")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_fails_is_felt_by_nobody() {
    for fault in FAULTS {
        let (_, builder) = builder(ScriptedModel::new().says("all is well"));
        let orchestrator = builder
            .analytics_exporter(Arc::new(Faulty::new(Good, fault)))
            .build()
            .unwrap();
        assert_eq!(
            orchestrator.chat("hi").await.unwrap().content(),
            "all is well"
        );
        let result = orchestrator
            .analytics_coordinator()
            .export_analytics(orchestrator.session_id())
            .await;
        assert!(!result.success);
        assert_eq!(
            orchestrator.health().status,
            HealthStatus::Degraded,
            "{fault:?}"
        );
        tokio::time::timeout(Duration::from_secs(300), orchestrator.shutdown())
            .await
            .expect("it does not block the exit");
    }
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_fails_or_returns_rubbish_gives_way_to_truncation() {
    for fault in FAULTS {
        let model = (0..12).fold(ScriptedModel::new(), |model, _| {
            model.says("word ".repeat(200))
        });
        let (model, builder) = builder(model);
        let orchestrator = builder
            .register_compaction_strategy("bad", Arc::new(Faulty::new(Good, fault)))
            .setting("context_compaction_strategy", "bad")
            .setting("context_window", 8_000)
            .build()
            .unwrap();
        let mut fallbacks = Vec::new();
        for _ in 0..12 {
            fallbacks.extend(notices(orchestrator.stream_chat("talk ".repeat(300))).await);
        }
        model.assert_finished();
        assert!(
            !fallbacks.is_empty() && fallbacks.iter().all(|part| part == "context"),
            "{fault:?}: {fallbacks:?}"
        );
        assert_eq!(
            orchestrator.health().get("context").unwrap().status,
            HealthStatus::Degraded
        );
        orchestrator
            .context_coordinator()
            .context(orchestrator.session_id())
            .messages()
            .validate()
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_fails_is_answered_for_and_its_siblings_work() {
    for (fault, outcome) in [
        (Fault::Error, ToolOutcome::Error),
        (Fault::Panic, ToolOutcome::Error),
        (Fault::Hang, ToolOutcome::TimedOut),
    ] {
        let model = ScriptedModel::new()
            .calls_all([
                ("bad", json!({"text": "x"})),
                ("good", json!({"text": "y"})),
            ])
            .expecting(Expect::tool_result_contains("noted"))
            .says("one of two");
        let (model, builder) = builder(model);
        let good = Note::new("good");
        let bad = Arc::new(Faulty::new(unshared("bad"), fault));
        let orchestrator = builder.tool(bad).tool(good.clone()).build().unwrap();
        let response = orchestrator.chat("go").await.unwrap();
        model.assert_finished();
        let outcomes: Vec<_> = response.messages[2]
            .tool_results()
            .map(|r| r.outcome.clone())
            .collect();
        assert_eq!(outcomes, [outcome, ToolOutcome::Success], "{fault:?}");
        assert_eq!(good.calls().len(), 1);
    }
}

/// A note that is not shared, as `Faulty` wants it.
fn unshared(name: &str) -> Note {
    Arc::into_inner(Note::new(name)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_is_asked_again() {
    let (_, plain) = builder(ScriptedModel::new());
    let model = Faulty::new(
        ScriptedModel::new().says("at last"),
        ModelFault::Error(ProviderErrorKind::Overloaded),
    )
    .first(2);
    let orchestrator = plain.provider(Arc::new(model)).build().unwrap();
    let mut stream = orchestrator.stream_chat("hi");
    let mut retries = 0;
    while let Some(event) = stream.next().await {
        retries += usize::from(matches!(
            event.unwrap().kind,
            TurnEventKind::ModelCallRetried(_)
        ));
    }
    assert_eq!(retries, 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_keeps_failing_leaves_the_turn_intact() {
    let faults = [
        ModelFault::Error(ProviderErrorKind::Overloaded),
        ModelFault::Error(ProviderErrorKind::Authentication),
        ModelFault::Panic,
        ModelFault::Hang,
        ModelFault::Truncate(1),
        ModelFault::PanicAfter(1),
        ModelFault::HangAfter(1),
    ];
    for fault in faults {
        let (_, plain) = builder(ScriptedModel::new());
        let faulty = Faulty::new(
            ScriptedModel::new()
                .says("one two")
                .says("one two")
                .says("one two"),
            fault.clone(),
        );
        let orchestrator = plain.provider(Arc::new(faulty)).build().unwrap();
        let error = orchestrator.chat("hi").await.unwrap_err();
        let ChatError::Provider { turn, .. } = error else {
            panic!("{fault:?}: {error:?}")
        };
        assert_eq!(
            orchestrator.health().get("provider").unwrap().status,
            HealthStatus::Degraded,
            "{fault:?}"
        );

        orchestrator.switch_provider(
            Arc::new(
                ScriptedModel::new()
                    .expecting(Expect::messages(1))
                    .says("yes"),
            ),
            "other",
        );
        let response = orchestrator.resume(*turn, vec![]).response().await.unwrap();
        assert_eq!(
            (response.content().as_ref(), response.messages.len()),
            ("yes", 2),
            "{fault:?}"
        );
        assert!(orchestrator.health().get("provider").unwrap().is_healthy());
        assert!(response.usage != Usage::default());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_ends_the_turn_before_the_model_is_paid() {
    for fault in [Fault::Error, Fault::Panic] {
        let (model, builder) = builder(ScriptedModel::new());
        let store = Arc::new(Faulty::new(InMemorySessionStore::default(), fault));
        let orchestrator = builder.session_store(store).build().unwrap();
        let error = orchestrator.chat("hi").await.unwrap_err();
        let fitting = matches!(
            error,
            ChatError::Setup { .. } | ChatError::Commit { .. } | ChatError::Panicked(_)
        );
        assert!(fitting, "{fault:?}: {error:?}");
        assert!(model.requests().is_empty());
    }
}
