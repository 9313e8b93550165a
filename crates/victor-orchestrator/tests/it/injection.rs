//! What is injected is used: a default of the settings yields to it, a value that somebody has set does not.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_context_protocol::MockContextManager;
use victor_core::{Effect, ToolSpec};
use victor_orchestrator::chat::ChatError;
use victor_orchestrator::context::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_orchestrator::coordinators::analytics::AnalyticsCoordinator;
use victor_orchestrator::coordinators::context::{ContextCoordinator, ContextOptions};
use victor_orchestrator::coordinators::mode::ModeCoordinator;
use victor_orchestrator::coordinators::tool::{ToolCoordinator, ToolOptions, tool_fn};
use victor_orchestrator::coordinators::tool_selection::ToolSelectionCoordinator;
use victor_orchestrator::core::{Context, ToolOutcome};
use victor_orchestrator::prompt::{PromptBuilder, PromptContext, PromptContributor};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder};
use victor_prompt_protocol::BuiltPrompt;
use victor_testkit::ScriptedModel;

use crate::builder;

/// Keeps the last two messages.
#[derive(Debug)]
struct LastTwo;

#[async_trait]
impl CompactionStrategy for LastTwo {
    fn name(&self) -> &str {
        "last two"
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let messages = context.messages();
        let kept = messages.iter().skip(messages.len().saturating_sub(2));
        Ok(context.with_messages(kept.cloned().collect()))
    }
}

fn answers(count: usize) -> ScriptedModel {
    (0..count).fold(ScriptedModel::new(), |model, _| {
        model.says("Yes, that is so.")
    })
}

/// Has five turns over an injected context with a strategy and a threshold of its own, and returns the strategy that
/// compacted last.
async fn compacted_by(settings: &[(&str, Value)]) -> Option<String> {
    let options = ContextOptions::default()
        .with_threshold(0.3)
        .with_default_window(6_000);
    let context = ContextCoordinator::builder()
        .strategy(Arc::new(LastTwo))
        .options(options)
        .build();
    let (_, builder) = builder(answers(5));
    let builder = builder.context_coordinator(Arc::new(context));
    let set = |builder: AgentOrchestratorBuilder, (key, value): &(&str, Value)| {
        builder.setting(*key, value.clone())
    };
    let orchestrator = settings.iter().fold(builder, set).build().unwrap();
    for _ in 0..5 {
        orchestrator.chat("word ".repeat(120)).await.unwrap();
    }
    let stats = orchestrator.session("default").context_stats();
    stats.last_compaction.map(|report| report.strategy.clone())
}

#[tokio::test]
async fn an_injected_context_keeps_its_strategy_and_its_threshold() {
    assert_eq!(compacted_by(&[]).await.as_deref(), Some("last two"));
    let strategy = ("context_compaction_strategy", json!("truncation"));
    assert_eq!(
        compacted_by(std::slice::from_ref(&strategy))
            .await
            .as_deref(),
        Some("truncation")
    );
    let threshold = ("context_compaction_threshold", json!(0.9));
    assert_eq!(compacted_by(&[threshold, strategy]).await, None);
}

#[tokio::test]
async fn so_it_does_where_it_is_compacted_by_hand() {
    let context = ContextCoordinator::new(LastTwo);
    let (_, builder) = builder(answers(5));
    let orchestrator = builder
        .context_coordinator(Arc::new(context))
        .build()
        .unwrap();
    for _ in 0..5 {
        orchestrator.chat("word ".repeat(120)).await.unwrap();
    }
    let report = orchestrator
        .compact_session(orchestrator.session_id())
        .await
        .unwrap();
    assert_eq!(report.unwrap().strategy, "last two");
}

#[tokio::test(start_paused = true)]
async fn an_injected_executor_keeps_its_time_limit() {
    async fn outcome(setting: Option<u64>) -> ToolOutcome {
        let options = ToolOptions::default().with_timeout(Duration::from_millis(300));
        let tools = ToolCoordinator::builder().options(options).build().unwrap();
        let schema = json!({"type": "object"});
        let spec = ToolSpec::new("slow", "Takes two seconds", schema).with_effect(Effect::ReadOnly);
        let slow = tool_fn(spec, |_cx, _: Value| async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok("done")
        });
        let (_, builder) = builder(ScriptedModel::new().calls("slow", json!({})).says("Done."));
        let builder = builder
            .tool_coordinator(Arc::new(tools))
            .tool(Arc::new(slow));
        let builder = match setting {
            Some(seconds) => builder.setting("tool_calling_timeout", seconds),
            None => builder,
        };
        let response = builder.build().unwrap().chat("go").await.unwrap();
        let mut results = response
            .messages
            .iter()
            .flat_map(|message| message.tool_results());
        results.next().unwrap().outcome.clone()
    }
    assert_eq!(outcome(None).await, ToolOutcome::TimedOut);
    assert_eq!(outcome(Some(10)).await, ToolOutcome::Success);
}

#[tokio::test]
async fn a_setting_that_an_injected_coordinator_cannot_read_is_a_remark() {
    type Inject = fn(AgentOrchestratorBuilder) -> AgentOrchestratorBuilder;
    let mode: Inject = |builder| {
        let modes = ModeCoordinator::builder()
            .default_mode("plan")
            .build()
            .unwrap();
        builder.mode_coordinator(Arc::new(modes))
    };
    let selection: Inject = |builder| {
        let selector = ToolSelectionCoordinator::builder().build().unwrap();
        builder.tool_selection_coordinator(Arc::new(selector))
    };
    let analytics: Inject =
        |builder| builder.analytics_coordinator(Arc::new(AnalyticsCoordinator::builder().build()));
    let table: [(Inject, &str, Value, &str); 5] = [
        (mode, "mode", json!("explore"), "mode"),
        (
            selection,
            "tool_selection_strategy",
            json!("keyword"),
            "tool-selection",
        ),
        (
            selection,
            "tool_selection_limit",
            json!(3),
            "tool-selection",
        ),
        (
            selection,
            "tool_selection_hybrid_alpha",
            json!(0.5),
            "tool-selection",
        ),
        (
            analytics,
            "analytics_export_interval",
            json!(5),
            "analytics",
        ),
    ];
    for (inject, key, value, role) in table {
        let health = |orchestrator: &AgentOrchestrator| {
            orchestrator.health().coordinators[0].problems.clone()
        };
        let unset = inject(builder(answers(0)).1).build().unwrap();
        assert_eq!(health(&unset), [""; 0], "{key}");
        let set = inject(builder(answers(0)).1)
            .setting(key, value)
            .build()
            .unwrap();
        let remark = format!(
            "setting `{key}` has no effect: the {role} coordinator that is installed does not read it"
        );
        assert_eq!(health(&set), [remark]);
    }
    let orchestrator = mode(builder(answers(0)).1).build().unwrap();
    assert_eq!(orchestrator.session("s").mode().as_deref(), Some("plan"));
}

/// A prompt builder that knows no templates.
#[derive(Debug)]
struct OwnPrompt;

#[async_trait]
impl victor_core::Coordinator for OwnPrompt {
    fn name(&self) -> &str {
        "own prompt"
    }
}

#[async_trait]
impl PromptBuilder for OwnPrompt {
    async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt {
        BuiltPrompt::new(format!("template {:?}", context.template()), Vec::new())
    }

    fn add_contributor(&self, _: Arc<dyn PromptContributor>) {}

    fn remove_contributor(&self, _: &str) -> bool {
        false
    }

    fn templates(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::test]
async fn names_are_looked_for_only_where_somebody_has_set_them() {
    let (model, builder) = builder(answers(1));
    let builder = builder.prompt_coordinator(Arc::new(OwnPrompt));
    builder.build().unwrap().chat("hello").await.unwrap();
    assert_eq!(model.requests()[0].system.as_deref(), Some("template None"));

    let mut acme = MockContextManager::new();
    acme.expect_strategies()
        .returning(|| vec!["acme".to_owned()]);
    let built = AgentOrchestrator::builder()
        .provider(Arc::new(answers(0)))
        .context_coordinator(Arc::new(acme))
        .build();
    assert!(built.is_ok(), "{built:?}");
}

#[test]
fn the_configuration_tells_the_model_wherever_it_was_named() {
    let orchestrator = AgentOrchestrator::builder()
        .provider(Arc::new(ScriptedModel::new()))
        .setting("model", "from settings")
        .model("from code")
        .build()
        .unwrap();
    let config = orchestrator.config_coordinator().config();
    assert_eq!(config.get("model"), Some(json!("from code")));
}

#[test]
fn without_a_runtime_that_has_timers_nothing_is_written() {
    #[track_caller]
    fn check(result: Result<victor_orchestrator::chat::ChatResponse, ChatError>) {
        let error = result.unwrap_err();
        let advice =
            "the turn could not begin: runtime failed: a tokio runtime with time enabled is needed";
        assert!(error.report().starts_with(advice), "{}", error.report());
    }
    let orchestrator = builder(answers(0)).1.build().unwrap();
    let mut chat = pin!(orchestrator.chat("hello"));
    let Poll::Ready(result) = chat
        .as_mut()
        .poll(&mut TaskContext::from_waker(Waker::noop()))
    else {
        panic!("it waits for a runtime");
    };
    check(result);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    check(runtime.block_on(orchestrator.chat("hello")));
    let written = runtime.block_on(orchestrator.session("default").transcript());
    assert_eq!(written.unwrap().len(), 0);
}

#[tokio::test]
async fn a_session_or_a_model_without_a_name_is_refused() {
    let orchestrator = builder(answers(0)).1.build().unwrap();
    let error = orchestrator.session("").chat("hello").await.unwrap_err();
    assert!(
        error.report().ends_with("give the session a name"),
        "{}",
        error.report()
    );
    let error = builder(answers(0))
        .1
        .model("")
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("model"), "{error}");
}
