//! Answers as values: by the provider, by a tool, and what comes of answers that do not fit.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use victor_core::StopReason;
use victor_orchestrator::TypedChatError;
use victor_orchestrator::chat::{Approval, ChatError, TurnOutcome};
use victor_orchestrator::config::Settings;
use victor_orchestrator::core::{ModelId, Part, Usage};
use victor_orchestrator::provider::{Capabilities, Completion, ProviderErrorKind, ToolChoice};
use victor_testkit::{Expect, ScriptedModel};

use crate::{AskAlways, Note, builder, orchestrator};

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct City {
    name: String,
    /// How many people live there.
    #[schemars(range(min = 1))]
    population: u64,
    river: Option<String>,
}

fn tokyo() -> Value {
    json!({"name": "Tokyo", "population": 14_000_000, "river": null})
}

fn is_tokyo(city: &City) -> bool {
    *city
        == City {
            name: "Tokyo".into(),
            population: 14_000_000,
            river: None,
        }
}

/// A model that its provider can hold to a schema.
fn native() -> ScriptedModel {
    let mut capabilities = Capabilities::default();
    capabilities.tools = true;
    capabilities.structured_output = true;
    ScriptedModel::new().with_capabilities(capabilities)
}

/// No form is asked of the provider, and the answer is taken by the last of these tools.
fn by_tool(tools: &'static [&'static str]) -> Expect {
    Expect::that("an answer by tool", move |request| {
        let offered = request.tools.iter().map(|tool| tool.name.as_str());
        request.response_format.is_none()
            && request.tool_choice == ToolChoice::Auto
            && request
                .system
                .as_deref()
                .is_some_and(|system| system.contains("`final_answer`"))
            && offered.eq(tools.iter().copied())
    })
}

/// The form is asked of the provider, and no tool takes the answer.
fn by_provider() -> Expect {
    Expect::that("an answer by the provider", |request| {
        let format = request.response_format.as_ref();
        format.is_some_and(|format| format.schema["additionalProperties"] == json!(false))
            && request.tools.iter().all(|tool| tool.name != "final_answer")
    })
}

#[tokio::test]
async fn a_provider_that_can_is_held_to_the_schema() {
    let model = native()
        .expecting(by_provider())
        .calls("note", json!({"text": "a city"}))
        .expecting(by_provider())
        .says(tokyo().to_string());
    let (model, builder) = builder(model);
    let note = Note::new("note");
    let orchestrator = builder.tool(note.clone()).build().unwrap();
    let typed = orchestrator.chat_typed::<City>("Tokyo?").await.unwrap();
    model.assert_finished();
    assert!(is_tokyo(&typed.value));
    assert_eq!(typed.response.outcome, TurnOutcome::Completed);
    assert_eq!(typed.response.model_calls, 2);
    assert_eq!(note.calls().len(), 1);
    let format = model.requests()[0].response_format.clone().unwrap();
    assert!(format.strict);
    assert_eq!(
        format.schema["required"],
        json!(["name", "population", "river"])
    );
    let population = &format.schema["properties"]["population"];
    let told = population["description"].as_str().unwrap();
    assert!(
        told.contains("How many people live there.") && told.contains("\"minimum\":1"),
        "{told}"
    );
}

#[tokio::test]
async fn otherwise_a_tool_takes_the_answer_beside_the_tools_of_the_user() {
    let model = ScriptedModel::new()
        .expecting(by_tool(&["note", "final_answer"]))
        .calls("note", json!({"text": "a city"}))
        .expecting(by_tool(&["note", "final_answer"]))
        .calls_all([("note", json!({"text": "more"})), ("final_answer", tokyo())])
        .expecting(Expect::tools(["note"]))
        .says("You are welcome");
    let (model, builder) = builder(model);
    let note = Note::new("note");
    let session = builder.tool(note.clone()).build().unwrap().session("s");
    let typed = session.chat_typed::<City>("Tokyo?").await.unwrap();
    assert!(is_tokyo(&typed.value));
    assert_eq!(note.calls().len(), 2, "calls beside the answer run");
    let stored = session.context();
    assert_eq!(stored.messages().len(), 5);
    stored.messages().validate().unwrap();
    session.chat("Thank you").await.unwrap();
    model.assert_finished();
}

#[tokio::test]
async fn plain_text_is_an_answer_too() {
    let fenced = format!("Here it is:\n```json\n{}\n```", tokyo());
    for text in [tokyo().to_string(), fenced] {
        for model in [ScriptedModel::new(), native()] {
            let typed = orchestrator(model.says(&text))
                .chat_typed::<City>("Tokyo?")
                .await
                .unwrap();
            assert!(is_tokyo(&typed.value));
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_with_the_reason() {
    let wrong = json!({"name": "Tokyo", "population": 0});
    let model = native()
        .says(wrong.to_string())
        .expecting(Expect::user_text_contains("at /population"))
        .says(tokyo().to_string());
    let (model, builder) = builder(model);
    let orchestrator = builder.build().unwrap();
    let typed = orchestrator.chat_typed::<City>("Tokyo?").await.unwrap();
    model.assert_finished();
    assert!(is_tokyo(&typed.value));
    assert_eq!(typed.response.messages.len(), 3, "the note is not stored");

    let model = ScriptedModel::new()
        .calls(
            "final_answer",
            json!({"name": "Tokyo", "population": "many"}),
        )
        .expecting(Expect::tool_result_contains("at /population"))
        .calls("final_answer", tokyo());
    let (model, builder) = crate::builder(model);
    let typed = builder
        .build()
        .unwrap()
        .chat_typed::<City>("Tokyo?")
        .await
        .unwrap();
    model.assert_finished();
    assert!(is_tokyo(&typed.value));
}

#[tokio::test]
async fn what_never_fits_is_an_error_with_the_raw_text() {
    let model = native().says("no").says("never").says("{\"name\": 7}");
    let error = orchestrator(model)
        .chat_typed::<City>("Tokyo?")
        .await
        .unwrap_err();
    let text = error.to_string();
    let TypedChatError::Invalid {
        raw,
        message,
        response,
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(raw, "{\"name\": 7}");
    assert!(
        message.contains("/name") && message.contains("\"population\""),
        "{message}"
    );
    assert_eq!(text, format!("the answer does not fit its type: {message}"));
    assert_eq!(response.outcome, TurnOutcome::InvalidOutput);
    assert_eq!(response.model_calls, 3);
    assert!(response.usage.total_tokens() > 0);
}

#[tokio::test]
async fn a_turn_that_ends_without_an_answer_is_an_error_that_holds_it() {
    let refused = Completion::new(
        ModelId::new("m"),
        vec![Part::text("I will not")],
        Usage::new(1, 1),
    );
    let model = native().completes(refused.with_stop_reason(StopReason::Refusal));
    let error = orchestrator(model)
        .chat_typed::<City>("Tokyo?")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the turn ended without an answer: it is refused"
    );
    let TypedChatError::Unfinished { response } = error else {
        panic!("{error:?}")
    };
    assert_eq!(response.content(), "I will not");
}

#[tokio::test]
async fn a_cut_answer_can_be_taken_up_again() {
    let cut = Completion::new(
        ModelId::new("m"),
        vec![Part::text("{\"name\":")],
        Usage::new(1, 1),
    );
    let model = native()
        .completes(cut.with_stop_reason(StopReason::MaxTokens))
        .says(tokyo().to_string());
    let orchestrator = orchestrator(model);
    let error = orchestrator.chat_typed::<City>("Tokyo?").await.unwrap_err();
    let TypedChatError::Unfinished { response } = error else {
        panic!("{error:?}")
    };
    assert_eq!(response.outcome, TurnOutcome::Truncated);
    let turn = *response.suspended.unwrap();
    let typed = orchestrator.resume_typed::<City>(turn, []).await.unwrap();
    assert!(is_tokyo(&typed.value));
}

#[tokio::test]
async fn a_failed_turn_is_an_error() {
    let model = native().fails(ProviderErrorKind::Authentication);
    let error = orchestrator(model)
        .chat_typed::<City>("Tokyo?")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, TypedChatError::Chat(ChatError::Provider { .. })),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "the model call failed");
}

#[tokio::test]
async fn an_approval_pauses_a_typed_turn_as_every_other() {
    let model = || {
        ScriptedModel::new()
            .calls("note", json!({"text": "x"}))
            .calls("final_answer", json!({"wrong": true}))
            .calls("final_answer", tokyo())
    };
    let paused = async || {
        let (_, builder) = builder(model());
        let builder = builder
            .tool(Note::new("note"))
            .approval_policy(Arc::new(AskAlways));
        let orchestrator = builder.build().unwrap();
        let error = orchestrator.chat_typed::<City>("Tokyo?").await.unwrap_err();
        let TypedChatError::Unfinished { response } = error else {
            panic!("{error:?}")
        };
        let turn = *response.suspended.unwrap();
        let call = turn.approvals[0].call.id.clone();
        (orchestrator, turn, [Approval::approve(call)])
    };
    let (orchestrator, turn, approvals) = paused().await;
    let typed = orchestrator
        .resume_typed::<City>(turn, approvals)
        .await
        .unwrap();
    assert!(is_tokyo(&typed.value));
    // Without the type, every JSON is taken.
    let (orchestrator, turn, approvals) = paused().await;
    let response = orchestrator
        .resume(turn, approvals)
        .response()
        .await
        .unwrap();
    assert_eq!(response.outcome, TurnOutcome::Completed);
    assert_eq!(response.output.as_deref(), Some("{\"wrong\":true}"));
}

#[tokio::test]
async fn at_the_limit_of_tool_rounds_the_answer_is_taken() {
    let model = ScriptedModel::new()
        .calls("note", json!({"text": "x"}))
        .expecting(by_tool(&["note", "final_answer"]))
        .expecting(Expect::user_text_contains("is used up"))
        .calls("final_answer", tokyo());
    let (model, builder) = builder(model);
    let settings = Settings::default().with_max_tool_iterations(1);
    let orchestrator = builder
        .tool(Note::new("note"))
        .settings(settings)
        .build()
        .unwrap();
    let typed = orchestrator.chat_typed::<City>("Tokyo?").await.unwrap();
    model.assert_finished();
    assert!(is_tokyo(&typed.value));
    assert_eq!(typed.response.outcome, TurnOutcome::ToolLimit);
}

#[tokio::test]
async fn a_tool_of_the_user_keeps_its_name() {
    let model = ScriptedModel::new()
        .expecting(Expect::tools(["final_answer", "final_answer_"]))
        .calls("final_answer", json!({"text": "x"}))
        .calls("final_answer_", tokyo());
    let (model, builder) = builder(model);
    let note = Note::new("final_answer");
    let orchestrator = builder.tool(note.clone()).build().unwrap();
    assert!(is_tokyo(
        &orchestrator
            .chat_typed::<City>("Tokyo?")
            .await
            .unwrap()
            .value
    ));
    model.assert_finished();
    assert_eq!(note.calls().len(), 1);
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Tree {
    Leaf(u32),
    Fork(Box<Tree>, Box<Tree>),
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
enum Mood {
    Good,
    /// Worse than usual.
    Bad,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "shape")]
enum Shape {
    Circle { radius: f64 },
    Point,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Drawn {
    pen: String,
    #[serde(flatten)]
    shape: Shape,
}

#[tokio::test]
async fn values_of_every_kind_come_whole() {
    async fn check<T>(model: ScriptedModel, expected: T)
    where
        T: serde::de::DeserializeOwned + JsonSchema + PartialEq + std::fmt::Debug + 'static,
    {
        let (model, builder) = builder(model);
        let orchestrator = builder.build().unwrap();
        let typed = orchestrator.chat_typed::<T>("?").await;
        model.assert_finished();
        assert_eq!(typed.unwrap().value, expected);
    }
    let words = || vec!["a".to_owned(), "b".to_owned()];
    // What is no object is wrapped in one, and taken without it.
    check(
        native()
            .expecting(by_provider())
            .says("{\"value\": [\"a\", \"b\"]}"),
        words(),
    )
    .await;
    check(ScriptedModel::new().says("[\"a\", \"b\"]"), words()).await;
    check(
        native()
            .expecting(by_provider())
            .says("{\"value\": \"Bad\"}"),
        Mood::Bad,
    )
    .await;
    check(native().expecting(by_provider()).says("7"), 7_u8).await;
    let circle = "{\"value\": {\"shape\": \"Circle\", \"radius\": 2.5}}";
    let model = native().expecting(by_provider()).says(circle);
    check(model, Shape::Circle { radius: 2.5 }).await;
    let model = native().expecting(by_provider());
    check(model.says("{\"value\": null}"), None::<Mood>).await;
    check(native().says("300").says("{\"value\": 30}"), 30_u8).await;
    // What no provider can be held to is taken by a tool.
    let fork = json!({"value": {"fork": [{"leaf": 1}, {"leaf": 2}]}});
    let tree = Tree::Fork(Box::new(Tree::Leaf(1)), Box::new(Tree::Leaf(2)));
    let model = native().expecting(by_tool(&["final_answer"]));
    check(model.calls("final_answer", fork), tree).await;
    let model = native().expecting(by_tool(&["final_answer"]));
    let point = Drawn {
        pen: "red".into(),
        shape: Shape::Point,
    };
    let drawn = json!({"pen": "red", "shape": "Point"});
    check(model.calls("final_answer", drawn), point).await;
    let model = native().expecting(by_tool(&["final_answer"]));
    let counts = HashMap::from([("a".to_owned(), 1)]);
    check(model.calls("final_answer", json!({"a": 1})), counts).await;
}

/// A type whose reader is broken.
#[derive(Debug, JsonSchema)]
struct Broken;

impl<'de> Deserialize<'de> for Broken {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("out of cheese"))
    }
}

/// A type whose reader panics.
#[derive(Debug, JsonSchema)]
struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("no cheese at all")
    }
}

#[tokio::test]
async fn what_the_type_itself_refuses_is_asked_for_again() {
    async fn check<T>(reason: &'static str, expected: &str)
    where
        T: serde::de::DeserializeOwned + JsonSchema + std::fmt::Debug + 'static,
    {
        let asked_again = || Expect::user_text_contains(reason);
        let model = native()
            .says("null")
            .expecting(asked_again())
            .says("null")
            .expecting(asked_again())
            .says("null");
        let (model, builder) = builder(model);
        let error = builder
            .build()
            .unwrap()
            .chat_typed::<T>("?")
            .await
            .unwrap_err();
        model.assert_finished();
        let TypedChatError::Invalid { raw, message, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!((raw.as_str(), message.as_str()), ("null", expected));
    }
    check::<Broken>("out of cheese", "out of cheese").await;
    let expected = "it could not be read (panicked: no cheese at all)";
    check::<Panics>("no cheese at all", expected).await;
}
