//! Building: what is missing or wrong is said, with what to do.

use std::sync::Arc;

use async_trait::async_trait;
use victor_orchestrator::config::Settings;
use victor_orchestrator::coordinators::config::ConfigCoordinator;
use victor_orchestrator::coordinators::metrics::MetricsCoordinator;
use victor_orchestrator::coordinators::session::SessionCoordinator;
use victor_orchestrator::coordinators::tool::ToolCoordinator;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, CompletionStream, ProviderError,
};
use victor_orchestrator::session::InMemorySessionStore;
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder, BuildError, RoleName};
use victor_testkit::ScriptedModel;

use crate::{AskAlways, Note, builder};

/// A provider that does not say which model to ask.
#[derive(Debug)]
struct Nameless;

#[async_trait]
impl ChatProvider for Nameless {
    fn name(&self) -> &str {
        "nameless"
    }

    async fn stream_chat(&self, _: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        unreachable!("it is not asked")
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

#[track_caller]
fn check(
    change: impl FnOnce(AgentOrchestratorBuilder) -> AgentOrchestratorBuilder,
    expected: &str,
) {
    let (_, builder) = builder(ScriptedModel::new());
    let error = change(builder).build().unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn without_a_provider_or_a_model_there_is_no_orchestrator() {
    let error = AgentOrchestrator::builder().build().unwrap_err();
    assert!(matches!(error, BuildError::NoProvider));
    assert!(error.to_string().contains("victor_offline::OfflineModel"));
    let nameless = Arc::new(Nameless);
    let error = AgentOrchestrator::builder()
        .provider(nameless)
        .build()
        .unwrap_err();
    assert!(
        matches!(&error, BuildError::NoModel { provider } if provider == "nameless"),
        "{error}"
    );
}

#[test]
fn a_missing_coordinator_is_told_with_its_setter_and_its_feature() {
    let role = RoleName::ToolSelection;
    let expected = "there is no tool-selection coordinator: pass one to `tool_selection_coordinator`, or enable the \
                    feature `tool-selection`";
    let error = BuildError::MissingCoordinator { role };
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_model_comes_from_the_builder_or_the_settings() {
    let route = |builder: AgentOrchestratorBuilder| {
        builder
            .build()
            .unwrap()
            .provider_coordinator()
            .route()
            .model
    };
    let with = || AgentOrchestrator::builder().provider(Arc::new(ScriptedModel::new()));
    assert_eq!(
        route(with().setting("model", "from settings")),
        "from settings".into()
    );
    assert_eq!(
        route(with().setting("model", "from settings").model("from code")),
        "from code".into()
    );
}

#[test]
fn wrong_settings_are_named() {
    check(
        |b| b.setting("max_tool_iteration", 5),
        "did you mean `max_tool_iterations`?",
    );
    check(
        |b| b.setting("tool_calling_timeout", "soon"),
        "`tool_calling_timeout`",
    );
    check(
        |b| b.setting("context_compaction_threshold", 1.5),
        "expected above 0 and up to 1",
    );
    check(
        |b| b.setting("context_compaction_strategy", "magic"),
        "setting `context_compaction_strategy`: unknown compaction strategy `magic`, did you mean `semantic`? Known are `budget_aware`,",
    );
    check(
        |b| b.setting("system_prompt_template", "magic"),
        "setting `system_prompt_template`: unknown template `magic`; known are `default`",
    );
    check(
        |b| b.config_file("/nowhere/victor.toml"),
        "/nowhere/victor.toml",
    );
}

#[test]
fn tools_that_cannot_be_offered_are_named() {
    check(
        |b| b.tool(Note::new("note")).tool(Note::new("note")),
        "there is already a tool named `note`",
    );
    check(
        |b| b.tool(Note::new("take a note")),
        "`take a note` is not a name for a tool",
    );
}

#[test]
fn what_would_have_no_effect_is_an_error() {
    let config = || Arc::new(ConfigCoordinator::builder().build().unwrap());
    check(
        |b| b.config_coordinator(config()).settings(Settings::default()),
        "`settings` has no effect on a config",
    );
    let sessions = || Arc::new(SessionCoordinator::default());
    let store = || Arc::new(InMemorySessionStore::default());
    check(
        |b| b.session_coordinator(sessions()).session_store(store()),
        "`session_store` has no effect",
    );
    let tools = || Arc::new(ToolCoordinator::new());
    check(
        |b| {
            b.tool_coordinator(tools())
                .approval_policy(Arc::new(AskAlways))
        },
        "`approval_policy` has no effect",
    );
}

#[test]
fn a_setting_that_nobody_reads_is_said_to_have_no_effect() {
    let (_, plain) = builder(ScriptedModel::new());
    assert!(
        plain
            .build()
            .unwrap()
            .health()
            .get("orchestrator")
            .unwrap()
            .is_healthy()
    );
    let (_, odd) = builder(ScriptedModel::new());
    let health = odd
        .metrics_coordinator(Arc::new(MetricsCoordinator::default()))
        .setting("enable_metrics", false)
        .build()
        .unwrap()
        .health();
    let problems = &health.get("orchestrator").unwrap().problems;
    assert!(
        problems[0].starts_with("setting `enable_metrics` has no effect"),
        "{problems:?}"
    );
}

#[test]
fn an_orchestrator_can_go_anywhere() {
    fn anywhere<T: Send + Sync + Clone + 'static>() {}
    fn movable<T: Send + 'static>(_: T) {}
    anywhere::<AgentOrchestrator>();
    anywhere::<victor_orchestrator::Session>();
    let (_, builder) = builder(ScriptedModel::new());
    let orchestrator = builder.build().unwrap();
    movable(async move { orchestrator.chat("hi").await });
}
