//! What only one server understands goes back to it.

use serde_json::{Value, json};
use victor_anthropic::{AnthropicBuilder, AnthropicProvider, MessageDecoder};
use victor_core::{Context, Message, Role, ToolOutcome, ToolResult};
use victor_provider_protocol::{ChatRequest, Completion, CompletionEvent};

/// An answer of these blocks, in a stream.
fn answer(blocks: &[Value], more: &Value) -> Completion {
    let mut decoder = MessageDecoder::new("m");
    let mut event = |event: Value| decoder.event("", &event.to_string()).unwrap();
    event(json!({"type": "message_start", "message": {}}));
    for (index, block) in blocks.iter().enumerate() {
        event(json!({"type": "content_block_start", "index": index, "content_block": block}));
        event(json!({"type": "content_block_stop", "index": index}));
    }
    event(json!({"type": "message_delta", "delta": more}));
    match event(json!({"type": "message_stop"})) {
        CompletionEvent::Finished(completion) => *completion,
        event => panic!("{event:?}"),
    }
}

/// What is sent after an answer, whose calls have been answered, and what came later.
fn sent(builder: AnthropicBuilder, answer: &Completion, later: &[Message]) -> Value {
    let results = answer
        .tool_calls()
        .map(|call| ToolResult::new(call, ToolOutcome::Success, "ok"));
    let results = Message::tool_results_of(results);
    let mut context = Context::from_iter([Message::user("hi")]);
    context.push(Message::new(Role::Assistant, answer.parts.clone()));
    if results.tool_results().next().is_some() {
        context.push(results);
    }
    for message in later {
        context.push(message.clone());
    }
    let provider = builder.api_key("k").build().unwrap();
    let body = provider.request_body(&ChatRequest::new("m", context), true);
    serde_json::from_slice(&body.unwrap().to_bytes()).unwrap()
}

#[test]
fn open_thoughts_go_back_to_servers_that_show_them() {
    let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": ""});
    let text = json!({"type": "text", "text": "Hi."});
    let answer = answer(
        &[thinking.clone(), text.clone()],
        &json!({"stop_reason": "end_turn"}),
    );
    let elsewhere = AnthropicProvider::builder().base_url("http://localhost");
    let content = &sent(elsewhere, &answer, &[])["messages"][1]["content"];
    assert_eq!(*content, json!([thinking, text]));
    let original = AnthropicProvider::builder();
    let content = &sent(original, &answer, &[])["messages"][1]["content"];
    assert_eq!(*content, json!([text]));
}

#[test]
fn fields_of_blocks_go_back() {
    let blocks = [
        json!({"type": "thinking", "thinking": "Hm.", "signature": "s==", "new": [1]}),
        json!({"type": "redacted_thinking", "data": "x=="}),
        json!({"type": "text", "text": "Hi.", "citations": [{"cited_text": "c"}], "new": {"a": 1}}),
        json!({"type": "server_tool_use", "id": "srv", "name": "s", "input": {"q": 1}}),
        json!({"type": "tool_use", "id": "c", "name": "t", "input": {}, "caller": {"type": "code", "tool_id": "srv"}, "new": "x"}),
    ];
    let answer = answer(&blocks, &json!({"stop_reason": "tool_use"}));
    let body = sent(AnthropicProvider::builder(), &answer, &[]);
    assert_eq!(body["messages"][1]["content"], json!(blocks));
}

#[test]
fn the_container_of_waiting_code_is_named() {
    let call = |caller: &str| json!({"type": "tool_use", "id": "c", "name": "t", "input": {}, "caller": {"type": caller}});
    let more = json!({"stop_reason": "tool_use", "container": {"id": "container_1", "expires_at": "later"}});
    let of_code = answer(&[call("code_execution_20260120")], &more);
    let body = sent(AnthropicProvider::builder(), &of_code, &[]);
    assert_eq!(body["container"], "container_1");
    let content = body["messages"][1]["content"].as_array().unwrap();
    assert_eq!(content.len(), 1, "it is no block");
    let of_model = answer(&[call("direct")], &more);
    let body = sent(AnthropicProvider::builder(), &of_model, &[]);
    assert_eq!(body.get("container"), None);
    // What has been answered waits no more.
    let later = [Message::assistant("Done."), Message::user("and now?")];
    let body = sent(AnthropicProvider::builder(), &of_code, &later);
    assert_eq!(body.get("container"), None);
}
