//! The request that is built from the neutral history is the one that was recorded.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use victor_core::{Context, Message, Part, Role, ToolCall, ToolOutcome, ToolResult, ToolSpec};
use victor_openai::InstructionRole;
use victor_provider_protocol::{ChatProvider, ChatRequest, Completion, ToolChoice};

use crate::cassettes::{self, Exchange};
use crate::fake::{Fake, Reply};

/// Fields that a recording sets and Victor does not, or that say what is the default anyway.
const NOT_OURS: [&str; 3] = ["n", "previous_response_id", "store"];

/// A recorded request in neutral form. What the model wrote is taken from `answers`, as far as there are any.
fn neutral(recorded: &Value, answers: &[Option<Completion>]) -> ChatRequest {
    let text = |value: &Value| match value {
        Value::Array(parts) => parts
            .iter()
            .map(|part| part["text"].as_str().unwrap())
            .collect(),
        value => value.as_str().unwrap_or_default().to_owned(),
    };
    let mut system = recorded["instructions"].as_str().map(Arc::from);
    let mut messages: Vec<Message> = Vec::new();
    let mut answers = answers.iter();
    let mut calls: Vec<ToolCall> = Vec::new();
    // Items of the Responses API that follow each other and are the model's belong to one message.
    let mut said: Vec<Part> = Vec::new();
    let items = recorded["messages"]
        .as_array()
        .or(recorded["input"].as_array())
        .unwrap();
    for item in items {
        let role = item["role"].as_str().or(item["type"].as_str()).unwrap();
        let of_model = ["assistant", "function_call", "reasoning"].contains(&role);
        if !of_model && !said.is_empty() {
            let answered = answers.next().cloned().flatten().map(|answer| answer.parts);
            let mut parts = answered.unwrap_or_else(|| said.clone());
            if parts.len() == said.len() {
                // What a person changed stays changed.
                for (part, recorded) in parts.iter_mut().zip(&said) {
                    if let (Part::Text(own), Part::Text(other)) = (&part, recorded)
                        && own.text != other.text
                    {
                        *part = recorded.clone();
                    }
                }
            }
            said.clear();
            calls = parts
                .iter()
                .filter_map(|part| match part {
                    Part::ToolCall(call) => Some(call.clone()),
                    _ => None,
                })
                .collect();
            messages.push(Message::new(Role::Assistant, parts));
        }
        match role {
            "system" | "developer" if system.is_none() && messages.is_empty() => {
                system = Some(text(&item["content"]).into());
            }
            "user" => messages.push(Message::user(text(&item["content"]))),
            "tool" | "function_call_output" => {
                let call = calls.remove(0);
                let content = text(item.get("content").unwrap_or(&item["output"]));
                let result = ToolResult::new(&call, ToolOutcome::Success, content);
                messages.push(Message::tool_results_of([result]));
            }
            "assistant" => {
                let content = text(&item["content"]);
                if !content.is_empty() {
                    said.push(Part::text(content));
                }
                for call in item["tool_calls"].as_array().into_iter().flatten() {
                    said.push(Part::ToolCall(ToolCall::new(
                        text(&call["id"]),
                        text(&call["function"]["name"]),
                        text(&call["function"]["arguments"]),
                    )));
                }
            }
            "function_call" => said.push(Part::ToolCall(ToolCall::new(
                text(&item["call_id"]),
                text(&item["name"]),
                text(&item["arguments"]),
            ))),
            "reasoning" => said.push(Part::text("in place of the reasoning")),
            other => panic!("{other}"),
        }
    }
    let mut request = ChatRequest::new(text(&recorded["model"]), Context::from_iter(messages));
    request.system = system;
    request.tools = recorded["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .map(tool)
        .collect();
    if recorded["tool_choice"] == "required" {
        request.tool_choice = ToolChoice::Required;
    }
    let most = recorded["max_completion_tokens"].as_u64();
    request.max_output_tokens = most.map(|most| most.try_into().unwrap());
    for field in [
        "prompt_cache_key",
        "prompt_cache_options",
        "thinking",
        "reasoning",
        "service_tier",
    ] {
        if let Some(value) = recorded.get(field) {
            request.extra.insert(field.to_owned(), value.clone());
        }
    }
    request
}

fn tool(recorded: &Value) -> ToolSpec {
    let function = recorded.get("function").unwrap_or(recorded);
    let text = |name: &str| function[name].as_str().unwrap();
    let mut tool = ToolSpec::new(
        text("name"),
        text("description"),
        function["parameters"].clone(),
    );
    if let Some(strict) = function.get("strict") {
        tool.extra.insert("openai", json!({ "strict": strict }));
    }
    tool
}

/// A request without what is written in two ways that mean the same.
fn normalised(mut request: Value) -> Value {
    let fields = request.as_object_mut().unwrap();
    fields.retain(|name, _| !NOT_OURS.contains(&name.as_str()));
    if fields.get("tool_choice") == Some(&json!("auto")) {
        fields.remove("tool_choice");
    }
    let conversation = if fields.contains_key("messages") {
        "messages"
    } else {
        "input"
    };
    for item in fields[conversation].as_array_mut().unwrap() {
        let item = item.as_object_mut().unwrap();
        if let Some(Value::Array(parts)) = item.get("content") {
            let text: String = parts
                .iter()
                .map(|part| part["text"].as_str().unwrap())
                .collect();
            item.insert("content".to_owned(), text.into());
        }
        if item.get("role").is_some() && item.get("type") == Some(&json!("message")) {
            item.remove("type"); // the API can do without it
        }
        // Thoughts that the recorder's client wrote into the text, or left out, and texts that there are none of.
        item.remove("reasoning");
        let said = item
            .get("content")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if item.get("role") == Some(&json!("assistant"))
            && (said.is_empty() || said.starts_with("<think>"))
        {
            item.remove("content");
        }
    }
    request
}

/// Answers each request as recorded, and compares what was asked.
async fn check(exchanges: &[&Exchange]) {
    let (server, dialect) = (exchanges[0].server, exchanges[0].dialect);
    let replies = Mutex::new(
        exchanges
            .iter()
            .map(|exchange| exchange.reply())
            .rev()
            .collect::<Vec<Reply>>(),
    );
    let fake = Fake::new(move |_| replies.lock().unwrap().pop().unwrap()).await;
    let provider = fake.provider(server, dialect);
    let mut answers = Vec::new();
    for exchange in exchanges {
        let request = neutral(&exchange.request, &answers);
        let answer = match exchange.request["stream"] == true {
            true => {
                provider
                    .stream_chat(&request)
                    .await
                    .unwrap()
                    .completion()
                    .await
            }
            false => provider.chat(&request).await,
        };
        let ours: Value = serde_json::from_str(&fake.asked().last().unwrap().body).unwrap();
        let mut recorded = exchange.request.clone();
        // The recorder's client sent the name of the item in place of that of the call.
        for answer in answers.iter().flatten() {
            rename_calls(&mut recorded, answer);
        }
        let (ours, recorded) = (normalised(ours), normalised(recorded));
        assert_eq!(ours, recorded, "{}\n{ours:#}\n{recorded:#}", exchange.name);
        answers.push(answer.ok());
    }
}

fn rename_calls(request: &mut Value, answer: &Completion) {
    for call in answer.tool_calls() {
        let Some(Value::String(item)) = call.extra.get("openai").map(|own| own["id"].clone())
        else {
            continue;
        };
        for input in request["input"].as_array_mut().unwrap() {
            if input["call_id"] == item {
                input["call_id"] = call.id.as_str().into();
            }
        }
    }
}

#[tokio::test]
async fn requests_are_those_that_were_recorded() {
    // Those that a server refused are seen to below.
    const REFUSED: [&str; 3] = [
        "openai_chat_06",
        "openai_responses_04",
        "openai_responses_05",
    ];
    let all = cassettes::all("openai_");
    let files: std::collections::BTreeSet<_> = all
        .iter()
        .map(|exchange| exchange.name.split(' ').next().unwrap())
        .collect();
    for file in files {
        if REFUSED.iter().all(|refused| !file.starts_with(refused)) {
            let exchanges: Vec<_> = all
                .iter()
                .filter(|exchange| exchange.name.starts_with(file))
                .collect();
            check(&exchanges).await;
        }
    }
}

/// Asks as an exchange was answered, and returns what was sent.
async fn sent(exchange: &Exchange, request: &ChatRequest) -> (Value, Option<Completion>) {
    let fake = Fake::saying(exchange.reply()).await;
    let provider = fake.provider(exchange.server, exchange.dialect);
    let answer = provider.chat(request).await.ok();
    (serde_json::from_str(&fake.asked()[0].body).unwrap(), answer)
}

#[tokio::test]
async fn reasoning_goes_back_as_it_was_recorded() {
    let all = cassettes::all("openai_responses_04");
    if all.is_empty() {
        return;
    }
    let [first, second, _] = &*all else {
        panic!("{} exchanges", all.len())
    };
    let request = neutral(&first.request, &[]);
    let (_, answer) = sent(first, &request).await;
    // What the model said is changed, as it was for the recording, and its thoughts are not.
    let mut parts = answer.unwrap().parts;
    let Some(Part::Text(text)) = parts.pop() else {
        panic!("{parts:?}")
    };
    assert_eq!(
        text.extra.get("openai"),
        Some(&json!({"id": "msg_68c42de31d348194a251b43ad913ef140202c9ad459e0d23"}))
    );
    parts.push(Part::text("The meaning of life is 42"));
    let mut request = request;
    request.context.push(Message::new(Role::Assistant, parts));
    request.context.push(Message::user("Anything to add?"));
    let (ours, _) = sent(second, &request).await;
    assert_eq!(normalised(ours), normalised(second.request.clone()));
}

#[tokio::test]
async fn calls_are_sent_in_a_row_where_a_server_refused_anything_else() {
    for exchange in cassettes::all("openai_responses_05") {
        let (ours, _) = sent(&exchange, &neutral(&exchange.request, &[])).await;
        let kinds = |request: &Value| -> Vec<String> {
            let items = request["input"].as_array().unwrap().iter();
            let kind = |item: &Value| {
                item["call_id"]
                    .as_str()
                    .or(item["role"].as_str())
                    .unwrap()
                    .to_owned()
            };
            items.map(kind).collect()
        };
        let recorded = [
            "assistant",
            "call-a",
            "assistant",
            "call-b",
            "call-a",
            "call-b",
            "user",
        ];
        assert_eq!(kinds(&exchange.request), recorded);
        // The user begins, and the model answers the results.
        let sent = [
            "user",
            "assistant",
            "call-a",
            "call-b",
            "call-a",
            "call-b",
            "assistant",
            "user",
        ];
        assert_eq!(kinds(&ours), sent);
    }
}

#[tokio::test]
async fn the_role_of_instructions_can_be_what_a_server_wants() {
    for exchange in &mut cassettes::all("openai_chat_06") {
        exchange.server.quirks.instruction_role = InstructionRole::Developer;
        let (ours, _) = sent(exchange, &neutral(&exchange.request, &[])).await;
        assert_eq!(normalised(ours), normalised(exchange.request.clone()));
    }
}
