//! Model APIs on this machine that speak just enough.

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use victor_testkit::{ApiRequest, FakeApi, Reply};

pub(crate) const KEY: &str = "sk-of-the-tests-1234567890";

/// A model API that answers as a test says, while the test itself waits for the command.
pub(crate) struct Api {
    api: FakeApi,
    // It serves as long as its runtime lives.
    _runtime: Runtime,
}

impl Api {
    pub(crate) fn start(rule: impl Fn(&ApiRequest) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let api = runtime.block_on(FakeApi::start(rule)).unwrap();
        Self {
            api,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.api.url()
    }

    /// The host and the port.
    pub(crate) fn server(&self) -> &str {
        self.url().strip_prefix("http://").unwrap()
    }

    pub(crate) fn last(&self) -> ApiRequest {
        self.api.last()
    }

    /// Returns the paths of the requests. A probe of the port requests nothing.
    pub(crate) fn paths(&self) -> Vec<String> {
        let paths = self.api.requests().into_iter().map(|request| request.path);
        paths.filter(|path| !path.is_empty()).collect()
    }
}

/// The Anthropic API: it has `notes.txt` read where that is asked for and tools are there, and then answers.
pub(crate) fn anthropic(request: &ApiRequest) -> Reply {
    if request.path.starts_with("/v1/models") {
        return models(&["claude-sonnet-4-5", "claude-haiku-4-5"]);
    }
    let reads = request.body.contains("notes.txt") && !request.body.contains("tool_result");
    match reads {
        true => calling("read_file", &json!({"path": "notes.txt"})),
        false => {
            let text = ["On Friday", ", at ", "noon."];
            let deltas = text.map(|text| json!({"type": "text_delta", "text": text}));
            message(&json!({"type": "text", "text": ""}), &deltas, "end_turn")
        }
    }
}

/// An answer of the Anthropic API that calls a tool.
pub(crate) fn calling(tool: &str, arguments: &Value) -> Reply {
    let start = json!({"type": "tool_use", "id": "toolu_1", "name": tool, "input": {}});
    let delta = json!({"type": "input_json_delta", "partial_json": arguments.to_string()});
    message(&start, &[delta], "tool_use")
}

/// An answer of the Anthropic API that says something.
pub(crate) fn saying(text: &str) -> Reply {
    let delta = json!({"type": "text_delta", "text": text});
    message(&json!({"type": "text", "text": ""}), &[delta], "end_turn")
}

/// An answer of the Anthropic API with one block.
fn message(start: &Value, deltas: &[Value], stop: &str) -> Reply {
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-exact", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 5, "output_tokens": 1},
    });
    let mut events = vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": start}),
    ];
    events.extend(
        deltas
            .iter()
            .map(|delta| json!({"type": "content_block_delta", "index": 0, "delta": delta})),
    );
    events.push(json!({"type": "content_block_stop", "index": 0}));
    let end = json!({"stop_reason": stop, "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}));
    events.push(json!({"type": "message_stop"}));
    stream(&events)
}

/// OpenAI and its like, in both dialects.
pub(crate) fn openai(request: &ApiRequest) -> Reply {
    match &*request.path {
        "/v1/models" => models(&["nomic-embed-text", "qwen3:8b", "llama3.2"]),
        "/v1/chat/completions" => {
            let chunk = |delta: Value, finish: Value| {
                let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
                json!({"id": "c1", "object": "chat.completion.chunk", "model": "exact", "choices": [choice]})
            };
            stream(&[
                chunk(
                    json!({"role": "assistant", "content": "By chat."}),
                    Value::Null,
                ),
                chunk(json!({}), json!("stop")),
                json!({"id": "c1", "model": "exact", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}),
            ])
        }
        "/v1/responses" => {
            let content =
                json!([{"type": "output_text", "text": "By response.", "annotations": []}]);
            let item = json!({"type": "message", "id": "m1", "status": "completed", "role": "assistant", "content": content});
            let response = json!({
                "id": "r1", "object": "response", "status": "completed", "model": "exact", "output": [item],
                "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
            });
            let added = json!({"type": "message", "id": "m1", "status": "in_progress", "role": "assistant", "content": []});
            let part = json!({"type": "output_text", "text": "", "annotations": []});
            stream(&[
                json!({"type": "response.output_item.added", "output_index": 0, "item": added}),
                json!({"type": "response.content_part.added", "item_id": "m1", "output_index": 0, "content_index": 0, "part": part}),
                json!({"type": "response.output_text.delta", "item_id": "m1", "output_index": 0, "content_index": 0, "delta": "By response."}),
                json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
                json!({"type": "response.completed", "response": response}),
            ])
        }
        _ => Reply::new(404, "text/plain", "404 page not found"),
    }
}

/// An error in the form of the Anthropic API.
pub(crate) fn anthropic_error(status: u16, kind: &str, message: &str) -> Reply {
    let error = json!({"type": "error", "error": {"type": kind, "message": message}});
    Reply::new(status, "application/json", error.to_string())
}

fn models(names: &[&str]) -> Reply {
    let data: Vec<Value> = names
        .iter()
        .map(|name| json!({"id": name, "object": "model", "type": "model"}))
        .collect();
    let list = json!({"object": "list", "data": data, "has_more": false});
    Reply::new(200, "application/json", list.to_string())
}

pub(crate) fn stream(events: &[Value]) -> Reply {
    let event = |event: &Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap_or("message")
        )
    };
    Reply::events(events.iter().map(event).collect::<String>())
}
