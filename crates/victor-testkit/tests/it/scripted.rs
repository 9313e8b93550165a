//! Scripts, and what leaves them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use victor_core::{ModelId, Part, StopReason, Usage};
use victor_provider_protocol::{
    Capabilities, ChatProvider, Completion, CompletionEvent, ProviderError, ProviderErrorKind,
};
use victor_testkit::{Expect, ScriptedModel, drive, poll_at_most};

use crate::{panic_of, request};

async fn events(model: &ScriptedModel) -> Vec<String> {
    let mut stream = model.stream_chat(&request("hello")).await.unwrap();
    let mut found = Vec::new();
    while let Some(event) = stream.next().await {
        found.push(match event {
            Ok(CompletionEvent::TextDelta(text)) => format!("text {text}"),
            Ok(CompletionEvent::ThinkingDelta(text)) => format!("thinking {text}"),
            Ok(CompletionEvent::Finished(completion)) => {
                let calls: Vec<_> = completion
                    .tool_calls()
                    .map(|c| format!("{} {}", c.id, c.arguments))
                    .collect();
                let usage = (
                    completion.usage.input,
                    completion.usage.output,
                    completion.usage.reasoning,
                );
                format!("finished {} {calls:?} {usage:?}", completion.stop_reason)
            }
            event => format!("{event:?}"),
        });
    }
    found
}

#[tokio::test]
async fn each_kind_of_answer() {
    let completion = Completion::new(
        "other".into(),
        vec![Part::text("cut off")],
        Usage::new(7, 8),
    )
    .with_stop_reason(StopReason::MaxTokens);
    let model = ScriptedModel::new()
        .says("one  two\nthree")
        .thinks("hm hm", "yes")
        .calls("read", json!({ "path": "a" }))
        .says_and_calls("Look", [("read", json!({})), ("list", json!({}))])
        .completes(completion)
        .says("");
    assert_eq!(
        events(&model).await,
        [
            "text one ",
            "text  ",
            "text two\nthree",
            "finished end_turn [] (1, 3, 0)"
        ]
    );
    assert_eq!(
        events(&model).await,
        [
            "thinking hm ",
            "thinking hm",
            "text yes",
            "finished end_turn [] (1, 3, 2)"
        ]
    );
    assert_eq!(
        events(&model).await,
        [r#"finished tool_use ["call_1 {\"path\":\"a\"}"] (1, 1, 0)"#]
    );
    assert_eq!(
        events(&model).await,
        [
            "text Look",
            r#"finished tool_use ["call_2 {}", "call_3 {}"] (1, 3, 0)"#
        ]
    );
    assert_eq!(
        events(&model).await,
        ["text cut ", "text off", "finished max_tokens [] (7, 8, 0)"]
    );
    assert_eq!(events(&model).await, ["finished end_turn [] (1, 0, 0)"]);
    model.assert_finished();
    assert_eq!(model.requests().len(), 6);
}

#[tokio::test]
async fn events_and_errors_are_passed_as_they_are() {
    let lost = || ProviderError::new(ProviderErrorKind::Connection, "p", "lost");
    let model = ScriptedModel::new()
        .named("p")
        .streams([Ok(CompletionEvent::TextDelta("a".into())), Err(lost())])
        .fails(ProviderErrorKind::Overloaded)
        .fails_with(lost().with_retry_after(Duration::from_secs(3)));
    let found = events(&model).await;
    assert_eq!(found[0], "text a");
    assert!(found[1].contains("lost"), "{found:?}");
    let error = model.chat(&request("hello")).await.unwrap_err();
    assert_eq!(
        (error.kind, &*error.provider),
        (ProviderErrorKind::Overloaded, "p")
    );
    let error = model.chat(&request("hello")).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(3)));
    model.assert_finished();
}

#[tokio::test]
async fn a_request_that_does_not_fit_fails_and_is_remembered() {
    let model = ScriptedModel::new()
        .says("Hello")
        .expecting(Expect::user_text("bye"))
        .expecting(Expect::messages(1))
        .says("Bye");
    model.chat(&request("hello")).await.unwrap();
    let error = model.chat(&request("hello")).await.unwrap_err();
    let drift = "step 2 of 2: expected the last user text to be `bye`, found `hello`";
    assert_eq!(
        (error.kind, &*error.message),
        (ProviderErrorKind::InvalidRequest, drift)
    );
    let error = model.chat(&request("hello")).await.unwrap_err();
    assert_eq!(error.message, "request 3 has no step: the script has 2");
    let report = panic_of(|| model.assert_finished());
    assert_eq!(
        report,
        format!("scripted left its script:\n  {drift}\n  request 3 has no step: the script has 2")
    );
}

#[test]
fn steps_that_are_left_over_are_told() {
    let model = ScriptedModel::new().says("a").says("b");
    drive(model.chat(&request("hello"))).unwrap().unwrap();
    assert!(panic_of(|| model.assert_finished()).ends_with("1 of 2 steps were not asked for"));
}

#[test]
fn an_expectation_without_a_step_is_told() {
    let model = ScriptedModel::new().expecting(Expect::messages(1));
    assert!(panic_of(|| model.assert_finished()).contains("that no step follows"));
    let model = ScriptedModel::new().after(Duration::from_secs(1));
    assert!(panic_of(|| model.assert_finished()).contains("that no step follows"));
}

#[tokio::test(start_paused = true)]
async fn a_delay_comes_before_its_step_only() {
    let model = ScriptedModel::new()
        .after(Duration::from_secs(5))
        .says("late")
        .says("soon");
    let start = Instant::now();
    model.chat(&request("hello")).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    model.chat(&request("hello")).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_has_used_its_step_up() {
    let model = ScriptedModel::new()
        .after(Duration::from_secs(5))
        .says("first")
        .says("second");
    assert!(
        poll_at_most(1, model.chat(&request("hello")))
            .await
            .is_none()
    );
    let answer = model.chat(&request("hello")).await.unwrap();
    assert_eq!(answer.parts, [Part::text("second")]);
    model.assert_finished();
}

#[tokio::test]
async fn it_is_shared_as_a_provider() {
    let mut capabilities = Capabilities::default();
    capabilities.context_window = Some(100);
    let model = Arc::new(
        ScriptedModel::new()
            .with_capabilities(capabilities.clone())
            .says("a")
            .says("b"),
    );
    let provider: Arc<dyn ChatProvider> = model.clone();
    let asked = request("hello");
    let (one, other) = tokio::join!(provider.chat(&asked), model.chat(&asked));
    assert_ne!(one.unwrap().parts, other.unwrap().parts);
    assert_eq!(provider.capabilities(&ModelId::new("m")), capabilities);
    assert!(ScriptedModel::new().capabilities(&ModelId::new("m")).tools);
    assert_eq!(provider.default_model(), Some(ModelId::new("scripted")));
    model.assert_finished();
}
