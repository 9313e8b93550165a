//! What was recorded is understood, and what was asked is asked again from the neutral history.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use victor_anthropic::AnthropicProvider;
use victor_core::{
    Context, Message, Role, StopReason, ToolCall, ToolOutcome, ToolResult, ToolSpec,
};
use victor_provider_protocol::{ChatProvider, ChatRequest, Completion, ResponseFormat};

use crate::cassettes::{Exchange, Recorded, conversations};
use crate::said::{said, said_streamed, said_whole};
use crate::server::Server;
use victor_testkit::Reply;

fn answer(exchange: &Exchange) -> Reply {
    match &exchange.response {
        Recorded::Json(body) => Reply::new(exchange.status, "application/json", body.to_string()),
        Recorded::Events(events) => Reply::events(events.as_str()),
    }
}

#[tokio::test]
async fn every_recorded_conversation_is_held_again() {
    for conversation in conversations() {
        let mut before: Option<(ChatRequest, Completion)> = None;
        for exchange in &conversation {
            let server = Server::answering(answer(exchange)).await;
            let provider = server.settings().prompt_caching(false).build().unwrap();
            let request = neutral(exchange, before.take());
            if exchange.path.ends_with("count_tokens") {
                let Recorded::Json(body) = &exchange.response else {
                    panic!()
                };
                assert_eq!(
                    provider.count_tokens(&request).await.unwrap(),
                    body["input_tokens"].as_u64().unwrap()
                );
            } else if let Some(completion) = ask(&provider, &request, exchange).await {
                check(exchange, &completion);
                before = Some((request, completion));
            }
            let asked = server.last();
            assert_eq!(asked.path, exchange.path, "{}", exchange.name);
            assert_eq!(
                normal(asked.json()),
                normal(exchange.request.clone()),
                "{}",
                exchange.name
            );
        }
    }
}

/// Asks as it was asked then. None if the answer is an error.
async fn ask(
    provider: &AnthropicProvider,
    request: &ChatRequest,
    exchange: &Exchange,
) -> Option<Completion> {
    let result = match &exchange.response {
        Recorded::Json(_) => provider.chat(request).await,
        Recorded::Events(_) => {
            provider
                .stream_chat(request)
                .await
                .unwrap()
                .completion()
                .await
        }
    };
    let Recorded::Json(body) = &exchange.response else {
        return Some(result.unwrap());
    };
    if exchange.status == 200 {
        return Some(result.unwrap());
    }
    let error = result.unwrap_err();
    let kind = if exchange.status == 404 {
        "not_found"
    } else {
        "invalid_request"
    };
    assert_eq!(
        (error.kind.as_str(), error.status),
        (kind, Some(exchange.status)),
        "{}",
        exchange.name
    );
    let (message, id) = (
        body["error"]["message"].as_str().unwrap(),
        body["request_id"].as_str().unwrap(),
    );
    assert_eq!(error.message, format!("{message} (request {id})"));
    None
}

/// The request in neutral form: what came before, and what this one adds to it.
fn neutral(exchange: &Exchange, before: Option<(ChatRequest, Completion)>) -> ChatRequest {
    let recorded = exchange.request.as_object().unwrap();
    let turns = recorded["messages"].as_array().unwrap();
    let (mut context, calls, known) = match before {
        None => (Context::default(), Vec::new(), 0),
        Some((request, completion)) => {
            let calls: Vec<ToolCall> = completion.tool_calls().cloned().collect();
            let mut context = request.context;
            context.push(Message::new(Role::Assistant, completion.parts));
            (context, calls, turns.len() - 1)
        }
    };
    for turn in &turns[known..] {
        assert_eq!(turn["role"], "user");
        for block in turn["content"].as_array().unwrap() {
            match block["type"].as_str().unwrap() {
                "text" => context.push(Message::user(block["text"].as_str().unwrap())),
                "tool_result" => {
                    let call = calls
                        .iter()
                        .find(|call| block["tool_use_id"] == call.id.as_str())
                        .unwrap();
                    let content = &block["content"];
                    let text = content
                        .as_str()
                        .or_else(|| content[0]["text"].as_str())
                        .unwrap();
                    context.push(Message::tool_results_of([ToolResult::new(
                        call,
                        ToolOutcome::Success,
                        text,
                    )]));
                }
                other => panic!("{other}"),
            }
        }
    }
    let mut request = ChatRequest::new(recorded["model"].as_str().unwrap(), context);
    request.system = recorded
        .get("system")
        .and_then(Value::as_str)
        .map(Into::into);
    request.max_output_tokens = recorded
        .get("max_tokens")
        .map(|n| u32::try_from(n.as_u64().unwrap()).unwrap());
    let mut tools = Vec::new();
    for (name, value) in recorded {
        match name.as_str() {
            "model" | "messages" | "system" | "max_tokens" | "stream" | "tool_choice" => {}
            "stop_sequences" => {
                request.stop_sequences = serde_json::from_value(value.clone()).unwrap();
            }
            "tools" => {
                let theirs: Vec<Value> = value
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|tool| tool.get("input_schema").is_none())
                    .cloned()
                    .collect();
                if !theirs.is_empty() {
                    request.extra.insert(name.clone(), theirs.into());
                }
                tools = value.as_array().unwrap().iter().filter_map(spec).collect();
            }
            "output_config" if value.get("format").is_some() => {
                let schema = value["format"]["schema"].clone();
                request.response_format = Some(ResponseFormat::new("", schema).into());
            }
            _ => drop(request.extra.insert(name.clone(), value.clone())),
        }
    }
    request.tools = Arc::from(tools);
    request
}

fn spec(tool: &Value) -> Option<ToolSpec> {
    let text = |field: &str| tool[field].as_str().unwrap();
    let schema = tool.get("input_schema")?.clone();
    let mut spec = ToolSpec::new(text("name"), text("description"), schema);
    let mut own = tool.as_object().unwrap().clone();
    own.retain(|field, _| !matches!(field.as_str(), "name" | "description" | "input_schema"));
    spec.extra.insert("anthropic", own);
    Some(spec)
}

/// The same request in one of the forms that mean the same.
fn normal(mut body: Value) -> Value {
    let blocks = |value: &mut Value| {
        if let Some(text) = value.as_str() {
            *value = json!([{"type": "text", "text": text}]);
        }
    };
    let fields = body.as_object_mut().unwrap();
    if fields.get("tool_choice") == Some(&json!({"type": "auto"})) {
        fields.remove("tool_choice");
    }
    fields.entry("system").and_modify(blocks);
    for turn in fields["messages"].as_array_mut().unwrap() {
        blocks(&mut turn["content"]);
        for block in turn["content"].as_array_mut().unwrap() {
            let block: &mut Map<String, Value> = block.as_object_mut().unwrap();
            if block["type"] == "tool_result" {
                block.entry("content").and_modify(blocks);
                block.entry("is_error").or_insert(false.into());
            }
            // It is what goes without saying.
            if block.get("caller") == Some(&json!({"type": "direct"})) {
                block.remove("caller");
            }
        }
    }
    body
}

fn check(exchange: &Exchange, completion: &Completion) {
    let expected = match &exchange.response {
        Recorded::Json(body) => said_whole(body),
        Recorded::Events(events) => said_streamed(events),
    };
    assert_eq!(said(completion), expected, "{}", exchange.name);
    assert!(completion.model.as_str().starts_with("claude-") && completion.id.is_some());
}

/// The same answer, however it is cut on its way.
#[tokio::test]
async fn cuts_on_the_way_change_nothing() {
    for exchange in conversations().iter().flatten() {
        let Recorded::Events(events) = &exchange.response else {
            continue;
        };
        let expected = said_streamed(events);
        let length = events.len();
        for cuts in [
            vec![1],
            vec![length / 3, length / 2],
            (0..length).step_by(97).collect(),
            (0..length.min(600)).collect(),
        ] {
            let server = Server::answering(Reply::events(events.as_str()).cut_at(&cuts)).await;
            let stream = server
                .provider()
                .stream_chat(&neutral_for_cuts(exchange))
                .await
                .unwrap();
            assert_eq!(
                said(&stream.completion().await.unwrap()),
                expected,
                "{} at {cuts:?}",
                exchange.name
            );
        }
    }
}

fn neutral_for_cuts(exchange: &Exchange) -> ChatRequest {
    ChatRequest::new(
        exchange.request["model"].as_str().unwrap(),
        Context::from_iter([Message::user("hello")]),
    )
}

/// What a call cut off at the limit leaves: the text, and no call.
#[tokio::test]
async fn other_streams_are_understood() {
    for (name, events) in crate::cassettes::streams()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".sse"))
    {
        let server = Server::answering(Reply::events(events.as_str())).await;
        let request = ChatRequest::new("claude", Context::from_iter([Message::user("hello")]));
        let completion = server
            .provider()
            .stream_chat(&request)
            .await
            .unwrap()
            .completion()
            .await
            .unwrap();
        let mut expected = said_streamed(&events);
        if name.contains("max_tokens") {
            expected.calls.clear();
            assert_eq!(completion.stop_reason, StopReason::MaxTokens);
            assert!(!expected.text.is_empty());
        }
        assert_eq!(said(&completion), expected, "{name}");
    }
}
