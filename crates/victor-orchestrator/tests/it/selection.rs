//! Which tools the model is shown, through the facade.

use std::sync::Arc;

use serde_json::json;
use victor_core::{Effect, ToolSpec};
use victor_orchestrator::AgentOrchestratorBuilder;
use victor_orchestrator::config::Settings;
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::mode::SwitchedBy;
use victor_orchestrator::tool::Tool;
use victor_testkit::{Expect, ScriptedModel};

use crate::builder;

const ANIMALS: [&str; 12] = [
    "cat", "dog", "horse", "sheep", "goat", "duck", "goose", "mouse", "frog", "owl", "fox", "wolf",
];

/// A tool for each animal; those that feed write.
fn tools() -> impl Iterator<Item = Arc<dyn Tool>> {
    let tool = |name: String, about: String, effect| {
        let spec = ToolSpec::new(name, about, json!({ "type": "object" })).with_effect(effect);
        Arc::new(tool_fn(spec, |_cx, _: serde_json::Value| async {
            Ok("done")
        })) as Arc<dyn Tool>
    };
    ANIMALS.into_iter().flat_map(move |animal| {
        [
            tool(
                format!("find_{animal}"),
                format!("Finds the {animal} on the farm"),
                Effect::ReadOnly,
            ),
            tool(
                format!("feed_{animal}"),
                format!("Gives food to the {animal}"),
                Effect::Write,
            ),
        ]
    })
}

fn few(builder: AgentOrchestratorBuilder) -> AgentOrchestratorBuilder {
    let settings = Settings::default().with_tool_selection_limit(4);
    builder.settings(settings).tools(tools())
}

fn shown(model: &ScriptedModel) -> Vec<Vec<String>> {
    let names = |tools: &[ToolSpec]| tools.iter().map(|tool| tool.name.clone()).collect();
    model
        .requests()
        .iter()
        .map(|request| names(&request.tools))
        .collect()
}

#[tokio::test]
async fn the_model_is_shown_the_few_that_matter_in_their_order() {
    let (model, builder) = builder(ScriptedModel::new().says("fed").says("found"));
    let orchestrator = few(builder).build().unwrap();
    let session = orchestrator.session("s");
    session
        .chat("Please give the goose some food")
        .await
        .unwrap();
    session.chat("And where is the goose now?").await.unwrap();
    let shown = shown(&model);
    assert_eq!(shown[0].len(), 4);
    assert!(
        shown[0].contains(&"feed_goose".into()) && shown[0].contains(&"find_goose".into()),
        "{shown:?}"
    );
    assert_eq!(
        shown[0], shown[1],
        "the list stays, so that the provider's cache holds"
    );
    let order: Vec<_> = orchestrator
        .tool_coordinator()
        .specs()
        .iter()
        .map(|spec| spec.name.clone())
        .collect();
    let place = |name: &String| order.iter().position(|own| own == name);
    assert!(shown[0].is_sorted_by_key(place));

    let selection = session.tool_selection().unwrap();
    assert_eq!(selection.decisions.len(), 24);
    assert!(selection.decision("feed_goose").unwrap().shown);
    assert!(!selection.decision("find_owl").unwrap().shown);
}

#[tokio::test]
async fn what_the_model_searches_for_is_shown_from_then_on() {
    let model = ScriptedModel::new()
        .calls("search_tools", json!({ "query": "find the owl" }))
        .expecting(Expect::tool_result_contains("find_owl"))
        .calls("find_owl", json!({}))
        .says("there it is");
    let (model, builder) = builder(model);
    let orchestrator = few(builder).search_tools_tool().build().unwrap();
    orchestrator
        .chat("Please give the goose some food")
        .await
        .unwrap();
    model.assert_finished();
    let shown = shown(&model);
    assert!(
        shown[0].contains(&"search_tools".into()) && !shown[0].contains(&"find_owl".into()),
        "{shown:?}"
    );
    assert!(
        shown[1].contains(&"find_owl".into()) && shown[2].contains(&"find_owl".into()),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_tool_that_the_mode_denies_is_neither_shown_nor_found() {
    let model = ScriptedModel::new()
        .calls("search_tools", json!({ "query": "give food to the owl" }))
        .says("I may not feed it");
    let (model, builder) = builder(model);
    let orchestrator = few(builder).search_tools_tool().build().unwrap();
    let session = orchestrator.session("s");
    session.switch_mode_by("plan", SwitchedBy::Person).unwrap();
    let response = session.chat("Please give the owl some food").await.unwrap();
    let found = response.messages[2].text().into_owned()
        + &response.messages[2]
            .tool_results()
            .map(|result| result.text().into_owned())
            .collect::<String>();
    assert!(
        found.contains("find_owl") && !found.contains("feed_"),
        "{found}"
    );
    assert!(
        shown(&model)
            .iter()
            .flatten()
            .all(|name| !name.starts_with("feed_"))
    );
}

#[tokio::test]
async fn few_tools_are_all_shown() {
    let (model, builder) = builder(ScriptedModel::new().says("ok"));
    let tools = tools().take(20);
    builder
        .tools(tools)
        .build()
        .unwrap()
        .chat("hello")
        .await
        .unwrap();
    assert_eq!(shown(&model)[0].len(), 20);
}

#[test]
fn a_strategy_that_there_is_not_is_named() {
    let (_, builder) = builder(ScriptedModel::new());
    let settings = Settings::default().with_tool_selection_strategy("telepathy".into());
    let error = builder.settings(settings).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "setting `tool_selection_strategy`: unknown strategy `telepathy`; known are `all`, `hybrid`, `keyword` and `semantic`"
    );
}
