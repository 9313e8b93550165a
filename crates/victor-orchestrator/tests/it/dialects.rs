//! One conversation over several model APIs: what one has said goes to the next in its own words.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_anthropic::AnthropicProvider;
use victor_http::{HttpOptions, HttpProxy};
use victor_openai::{Dialect, OpenAiProvider};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::provider::ChatProvider;
use victor_testkit::{FakeApi, Reply};

use crate::Note;

fn events(events: &[Value]) -> Reply {
    let line = |event: &Value| {
        let kind = event["type"]
            .as_str()
            .map(|kind| format!("event: {kind}\n"))
            .unwrap_or_default();
        format!("{kind}data: {event}\n\n")
    };
    Reply::events(events.iter().map(line).collect::<String>())
}

/// Calls the tool `note` when it is asked, and answers when it has the result.
async fn anthropic() -> FakeApi {
    FakeApi::start(|request| {
        let messages = request.json()["messages"].to_string();
        let (block, delta, stop) = if messages.contains("tool_result") {
            let delta = json!({"type": "text_delta", "text": "I have noted it."});
            (json!({"type": "text", "text": ""}), delta, "end_turn")
        } else {
            let delta = json!({"type": "input_json_delta", "partial_json": "{\"text\": \"milk\"}"});
            (json!({"type": "tool_use", "id": "toolu_1", "name": "note", "input": {}}), delta, "tool_use")
        };
        let usage = json!({"input_tokens": 9, "output_tokens": 1});
        events(&[
            json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": usage}}),
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ])
    })
    .await
    .unwrap()
}

/// Answers at once, in Chat Completions or in Responses.
async fn openai() -> FakeApi {
    FakeApi::start(|request| {
        if request.path.ends_with("/responses") {
            let item = json!({"type": "message", "id": "msg_2", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "Still milk.", "annotations": []}]});
            let usage = json!({"input_tokens": 20, "output_tokens": 3});
            return events(&[
                json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "msg_2", "role": "assistant", "content": []}}),
                json!({"type": "response.output_text.delta", "output_index": 0, "item_id": "msg_2", "content_index": 0, "delta": "Still milk."}),
                json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
                json!({"type": "response.completed", "response": {"id": "resp_1", "model": "gpt", "status": "completed", "output": [item], "usage": usage}}),
            ]);
        }
        let choice = |delta: Value, finish: Value| {
            json!({"id": "c", "model": "gpt", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        };
        events(&[
            choice(json!({"role": "assistant", "content": "Milk."}), Value::Null),
            choice(json!({}), "stop".into()),
            json!({"id": "c", "model": "gpt", "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 2}}),
        ])
    })
    .await
    .unwrap()
}

fn direct() -> HttpOptions {
    HttpOptions::default().with_proxy(HttpProxy::None)
}

fn other(api: &FakeApi, dialect: Dialect) -> Arc<dyn ChatProvider> {
    let builder = OpenAiProvider::builder()
        .dialect(dialect)
        .base_url(format!("{}/v1", api.url()));
    Arc::new(builder.http_options(direct()).api_key("k").build().unwrap())
}

#[tokio::test]
async fn a_conversation_with_tools_goes_on_at_another_api_and_comes_back() {
    let (claude, gpt) = (anthropic().await, openai().await);
    let first = AnthropicProvider::builder()
        .base_url(claude.url())
        .http_options(direct())
        .api_key("k");
    let first: Arc<dyn ChatProvider> = Arc::new(first.build().unwrap());
    let note = Note::new("note");
    let orchestrator = AgentOrchestrator::builder()
        .provider(first.clone())
        .model("claude")
        .tool(note.clone())
        .build()
        .unwrap();
    let said = async |text: &str| {
        orchestrator
            .chat(text)
            .await
            .unwrap()
            .content()
            .into_owned()
    };

    assert_eq!(said("Note: milk").await, "I have noted it.");
    assert_eq!(note.calls().len(), 1);

    orchestrator.switch_provider(other(&gpt, Dialect::ChatCompletions), "gpt");
    assert_eq!(said("What did you note?").await, "Milk.");
    let messages = gpt.last().json()["messages"].clone();
    let roles: Vec<_> = messages
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles[roles.len() - 5..],
        ["user", "assistant", "tool", "assistant", "user"]
    );
    let call = &messages[roles.len() - 4]["tool_calls"][0];
    assert_eq!(
        call["function"],
        json!({"name": "note", "arguments": "{\"text\": \"milk\"}"})
    );
    assert_eq!(messages[roles.len() - 3]["tool_call_id"], call["id"]);

    orchestrator.switch_provider(other(&gpt, Dialect::Responses), "gpt");
    assert_eq!(said("And now?").await, "Still milk.");
    let input = gpt.last().json()["input"].clone();
    let find = |kind: &str| {
        input
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["type"] == kind)
            .cloned()
            .unwrap()
    };
    assert_eq!(find("function_call")["arguments"], "{\"text\": \"milk\"}");
    assert_eq!(
        find("function_call_output")["call_id"],
        find("function_call")["call_id"]
    );

    orchestrator.switch_provider(first, "claude");
    assert_eq!(said("Once more?").await, "I have noted it.");
    let messages = claude.last().json()["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 9, "{messages}");
    assert_eq!(messages[1]["content"][0]["input"], json!({"text": "milk"}));
    assert_eq!(
        messages[2]["content"][0]["tool_use_id"],
        messages[1]["content"][0]["id"]
    );
    orchestrator
        .context_coordinator()
        .context(orchestrator.session_id())
        .messages()
        .validate()
        .unwrap();
}
