//! Settings that a provider of configuration has for single sessions.

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Effect, SessionId, ToolSpec};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::mode::SwitchedBy;
use victor_testkit::ScriptedModel;

use crate::builder;

/// Has values for the sessions whose names begin with `a` or `b`, and names a mode that there is not for those with `c`.
#[derive(Debug)]
struct Tenants;

#[async_trait]
impl ConfigProvider for Tenants {
    fn name(&self) -> &str {
        "tenants"
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let values = match session.as_str().chars().next() {
            Some('a') => json!({
                "mode": "plan",
                "model": "model-a",
                "enable_analytics": false,
                "tool_selection_strategy": "keyword",
                "tool_selection_limit": 2,
            }),
            Some('b') => json!({ "mode": "explore", "tool_selection_limit": 0 }),
            Some('c') => json!({ "mode": "pln" }),
            _ => json!({}),
        };
        Ok(values.as_object().unwrap().clone())
    }
}

fn orchestrator(model: ScriptedModel) -> (std::sync::Arc<ScriptedModel>, AgentOrchestrator) {
    let (model, mut builder) = builder(model);
    for animal in ["cat", "dog", "horse", "sheep", "goat", "duck"] {
        let about = format!("Finds the {animal} on the farm");
        let schema = json!({ "type": "object" });
        let spec =
            ToolSpec::new(format!("find_{animal}"), about, schema).with_effect(Effect::ReadOnly);
        builder = builder.tool(tool_fn(spec, |_cx, _: Value| async { Ok("done") }));
    }
    let builder = builder
        .setting("tool_selection_limit", 4)
        .config_provider(Tenants);
    (model, builder.build().unwrap())
}

#[tokio::test]
async fn each_session_has_what_its_provider_answers() {
    let (model, orchestrator) = orchestrator(ScriptedModel::new().says("1").says("2").says("3"));
    let check =
        async |session: &str, mode: &str, strategy: &str, tools: usize, is_tracked: bool| {
            let session = orchestrator.session(session);
            session.chat("find all on the farm").await.unwrap();
            assert_eq!(session.mode().as_deref(), Some(mode));
            let selection = session.tool_selection().unwrap();
            assert_eq!(
                (&*selection.strategy, selection.tools.len()),
                (strategy, tools)
            );
            assert_eq!(selection.problem, None);
            assert_eq!(!session.analytics().events.is_empty(), is_tracked);
        };
    check("a", "plan", "keyword", 2, false).await;
    check("b", "explore", "hybrid", 6, true).await;
    check("other", "build", "hybrid", 4, true).await;
    let models: Vec<_> = model
        .requests()
        .iter()
        .map(|request| request.model.clone())
        .collect();
    assert_eq!(models[0], Some("model-a".into()));
    assert_ne!(models[1], models[0]);
}

#[tokio::test]
async fn a_provider_says_in_which_mode_a_session_begins_and_no_more() {
    let (_, orchestrator) = orchestrator(ScriptedModel::new().says("1").says("2").says("3"));
    let switched = orchestrator.session("a switched");
    switched
        .switch_mode_by("explore", SwitchedBy::Person)
        .unwrap();
    switched.chat("hi").await.unwrap();
    assert_eq!(switched.mode().as_deref(), Some("explore"));

    let session = orchestrator.session("a");
    session.chat("hi").await.unwrap();
    session.switch_mode_by("build", SwitchedBy::Person).unwrap();
    session.chat("hi").await.unwrap();
    assert_eq!(session.mode().as_deref(), Some("build"));
}

#[tokio::test]
async fn a_session_does_not_begin_in_a_mode_that_there_is_not() {
    let (_, orchestrator) = orchestrator(ScriptedModel::new());
    let error = orchestrator.session("c").chat("hi").await.unwrap_err();
    let error = victor_core::with_causes(&error);
    let expected = "config provider tenants has the session begin in mode `pln`, which cannot be: add the mode, or name \
                    another one: unknown mode `pln`, did you mean `plan`?";
    assert!(error.contains(expected), "{error}");
}
