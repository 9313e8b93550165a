//! What a compaction has left out comes back by the tool `recall`.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{ToolCallId, ToolSpec, TurnId, text_of};
use victor_orchestrator::config::Settings;
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::provider::ChatRequest;
use victor_orchestrator::session::InMemorySessionStore;
use victor_orchestrator::tool::{Tool, ToolContext};
use victor_recall::RecallTool;
use victor_testkit::{Expect, ScriptedModel};

use crate::builder;

const CODE: &str = "The gate code is 4711.";

/// Whether the model sees the code in any message.
fn sees_code(request: &ChatRequest) -> bool {
    let messages = request.context.messages();
    messages
        .iter()
        .any(|message| format!("{:?}", message.parts()).contains("4711"))
}

#[tokio::test]
async fn a_fact_that_was_left_out_comes_back() {
    let filler = "The roses were cut and the lawn was mowed. ".repeat(20);
    let mut model = ScriptedModel::new().says("Let us begin.").says("Noted.");
    for _ in 0..20 {
        model = model.says(&*filler);
    }
    let model = model
        .expecting(Expect::tools(["recall"]))
        .expecting(Expect::that("the code to be left out", |request| {
            !sees_code(request)
        }))
        .expecting(Expect::that("a note of what was left out", |request| {
            let messages = request.context.messages();
            messages
                .iter()
                .any(|message| message.text().contains("left out to save space"))
        }))
        .calls("recall", json!({"query": "gate code"}))
        .expecting(Expect::tool_result_contains(CODE))
        .says("It is 4711.");
    let (model, builder) = builder(model);
    let store = Arc::new(InMemorySessionStore::default());
    let orchestrator = builder
        .settings(
            Settings::default()
                .with_context_window(Some(4_000))
                .with_max_output_tokens(Some(500))
                .with_context_compaction_strategy("truncation".into()),
        )
        .session_store(store.clone())
        .tool(Arc::new(RecallTool::new(store)))
        .build()
        .unwrap();

    // The first request always stays, so the fact is in the second.
    orchestrator.chat("You look after a garden.").await.unwrap();
    orchestrator.chat(CODE).await.unwrap();
    for day in 0..20 {
        let question = format!("What was done on day {day}?");
        orchestrator.chat(question).await.unwrap();
    }
    let response = orchestrator
        .chat("Let the postman in. What is the number?")
        .await
        .unwrap();
    model.assert_finished();
    assert_eq!(response.content(), "It is 4711.");
}

#[tokio::test]
async fn a_tool_result_that_was_left_out_is_read_by_the_name_in_its_note() {
    let log = format!("{CODE} {}", "The lawn was mowed. ".repeat(120));
    let mut model = ScriptedModel::new();
    for _ in 0..8 {
        model = model.calls("log", json!({})).says("I have read it.");
    }
    let (model, builder) = builder(model);
    let store = Arc::new(InMemorySessionStore::default());
    let recall = RecallTool::new(store.clone());
    let spec = ToolSpec::new("log", "Reads the log", json!({"type": "object"}));
    let orchestrator = builder
        .settings(
            Settings::default()
                .with_context_window(Some(6_000))
                .with_max_output_tokens(Some(500))
                .with_context_compaction_strategy("tool_results".into()),
        )
        .session_store(store)
        .tool(Arc::new(tool_fn(spec, move |_, _: Value| {
            let log = log.clone();
            async move { Ok(log) }
        })))
        .build()
        .unwrap();
    for _ in 0..8 {
        orchestrator.chat("Read the log").await.unwrap();
    }
    model.assert_finished();

    let requests = model.requests();
    let last = requests.last().unwrap().context.messages();
    let note = last
        .iter()
        .flat_map(|message| message.tool_results())
        .map(|result| result.text().into_owned())
        .find(|text| text.starts_with("[Left out"))
        .expect("a result was left out");
    let (_, rest) = note.split_once("message ").unwrap();
    let (name, _) = rest.split_once(' ').unwrap();
    let cx = ToolContext::new(
        orchestrator.session_id().clone(),
        TurnId::generate(),
        ToolCallId::new("1"),
        "key",
    );
    // A script cannot know the name beforehand, so the test calls in the model's place.
    let output = recall.call(&cx, json!({"message": name})).await.unwrap();
    let text = text_of(&output.content);
    assert!(text.contains(&format!("log returned: {CODE}")), "{text}");
}
