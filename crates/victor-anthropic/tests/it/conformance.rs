//! The laws of every provider.

use serde_json::{Value, json};
use victor_core::{Context, Message, ModelId};
use victor_provider_protocol::{Capabilities, CapabilitySource, ChatProvider, ChatRequest};
use victor_testkit::conformance;

use crate::server::Server;
use victor_testkit::Reply;

fn events(blocks: &[(Value, Vec<Value>)], stop: &str) -> String {
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [], "stop_reason": null, "usage": {"input_tokens": 20, "cache_read_input_tokens": 3, "output_tokens": 1}}}),
    ];
    for (index, (start, deltas)) in blocks.iter().enumerate() {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        events.push(json!({"type": "ping"}));
        events.extend(
            deltas.iter().map(
                |delta| json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 30}}));
    events.push(json!({"type": "message_stop"}));
    events
        .iter()
        .map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        })
        .collect()
}

/// One answer, as the API gives it with and without streaming.
async fn server() -> Server {
    let result = json!({"type": "web_search_tool_result", "tool_use_id": "s", "content": []});
    let streamed = events(
        &[
            (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                vec![
                    json!({"type": "thinking_delta", "thinking": "Let me "}),
                    json!({"type": "thinking_delta", "thinking": "see."}),
                    json!({"type": "signature_delta", "signature": "c2VhbA=="}),
                ],
            ),
            (result.clone(), vec![]),
            (
                json!({"type": "text", "text": ""}),
                vec![
                    json!({"type": "text_delta", "text": "Pa"}),
                    json!({"type": "text_delta", "text": "ris: "}),
                ],
            ),
            (
                json!({"type": "tool_use", "id": "t", "name": "weather", "input": {}}),
                vec![
                    json!({"type": "input_json_delta", "partial_json": ""}),
                    json!({"type": "input_json_delta", "partial_json": "{\"city\":"}),
                    json!({"type": "input_json_delta", "partial_json": "\"Paris\"}"}),
                ],
            ),
        ],
        "tool_use",
    );
    let whole = json!({
        "id": "m", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "Let me see.", "signature": "c2VhbA=="},
            result,
            {"type": "text", "text": "Paris: "},
            {"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Paris"}},
        ],
        "usage": {"input_tokens": 20, "cache_read_input_tokens": 3, "output_tokens": 30},
    });
    Server::start(move |asked| {
        let is_streamed = asked.json()["stream"] == true;
        if is_streamed {
            Reply::events(streamed.as_str())
        } else {
            Reply::json(whole.to_string())
        }
    })
    .await
}

#[tokio::test]
async fn the_laws_of_providers_hold() {
    let server = server().await;
    let provider = server.provider();
    let mut request = ChatRequest::new(
        "claude-x",
        Context::from_iter([Message::user("Weather in Paris?")]),
    );
    request.max_output_tokens = Some(1000);
    conformance::chat_provider(&provider, &request).await;
    // Without a limit the answer may be long, and is streamed in any case.
    request.max_output_tokens = None;
    conformance::chat_provider(&provider, &request).await;
}

#[tokio::test]
async fn an_answer_that_may_be_long_is_streamed() {
    let server = server().await;
    let provider = server.provider();
    let mut request = ChatRequest::new(
        "claude-sonnet-4-5",
        Context::from_iter([Message::user("u")]),
    );
    for (limit, max_tokens, stream) in [
        (Some(1000), 1000, false),
        (Some(21_334), 21_334, true),
        (None, 64_000, true),
    ] {
        request.max_output_tokens = limit;
        provider.chat(&request).await.unwrap();
        let body = server.last().json();
        assert_eq!(
            (&body["max_tokens"], &body["stream"]),
            (&json!(max_tokens), &json!(stream))
        );
    }
}

#[tokio::test]
async fn what_is_declared_of_a_model_goes_first() {
    let server = server().await;
    let mut declared = Capabilities::default();
    declared.max_output_tokens = Some(77);
    let provider = server
        .settings()
        .capabilities("claude-x", declared.clone())
        .build()
        .unwrap();
    let model = ModelId::from("claude-x");
    declared.source = CapabilitySource::Declared;
    assert_eq!(provider.capabilities(&model), declared);
    let source = |model: &str| provider.capabilities(&model.into()).source;
    assert_eq!(source("claude-y"), CapabilitySource::Table);
    assert_eq!(source("tiny"), CapabilitySource::Assumed);
    provider
        .chat(&ChatRequest::new(
            &model,
            Context::from_iter([Message::user("u")]),
        ))
        .await
        .unwrap();
    assert_eq!(server.last().json()["max_tokens"], 77);
}

/// The latest models refuse their own thoughts once something before them has changed.
#[tokio::test]
async fn the_latest_models_are_asked_to_drop_what_they_would_refuse() {
    let server = server().await;
    let sent = async |model: &str, extra: Value, on: bool| {
        let provider = server
            .settings()
            .beta("b")
            .drop_refused_thinking(on)
            .build()
            .unwrap();
        let mut request = ChatRequest::new(model, Context::from_iter([Message::user("u")]));
        request.extra = extra.as_object().unwrap().clone();
        provider.chat(&request).await.unwrap();
        let asked = server.last();
        (
            asked.headers["anthropic-beta"].clone(),
            asked.json()["thinking"].clone(),
        )
    };
    let (beta, thinking) = sent("claude-opus-5-5", json!({}), true).await;
    assert_eq!(beta, "b,thinking-binding-controls-2026-08-01");
    assert_eq!(
        thinking,
        json!({"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}})
    );
    let nothing = ("b".to_owned(), Value::Null);
    assert_eq!(sent("claude-opus-5-5", json!({}), false).await, nothing);
    assert_eq!(sent("claude-opus-4-5", json!({}), true).await, nothing);
    let own = json!({"thinking": {"type": "disabled"}});
    assert_eq!(
        sent("claude-opus-5-5", own.clone(), true).await,
        ("b".to_owned(), own["thinking"].clone())
    );
}
