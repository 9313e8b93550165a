//! What recorded answers must come to, by what the recordings themselves say.

use serde_json::Value;
use victor_core::{Part, Usage};
use victor_openai::Dialect;
use victor_provider_protocol::Completion;

use crate::cassettes::Exchange;

/// What an answer must come to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Expected {
    pub(crate) text: String,
    pub(crate) thoughts: String,
    /// Identifier, name and arguments.
    pub(crate) calls: Vec<(String, String, String)>,
    /// Kind and sealed content of what only the server understands.
    pub(crate) opaque: Vec<(String, String)>,
    pub(crate) stop: String,
    pub(crate) usage: [u64; 5],
    pub(crate) model: String,
    pub(crate) id: String,
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn usage(value: &Value) -> [u64; 5] {
    let count = |pointers: [&str; 2]| {
        pointers
            .iter()
            .find_map(|pointer| value.pointer(pointer)?.as_u64())
            .unwrap_or(0)
    };
    let input = count(["/prompt_tokens", "/input_tokens"]);
    let output = count(["/completion_tokens", "/output_tokens"]);
    let read = count([
        "/prompt_tokens_details/cached_tokens",
        "/input_tokens_details/cached_tokens",
    ]);
    let write = count([
        "/prompt_tokens_details/cache_write_tokens",
        "/input_tokens_details/cache_write_tokens",
    ]);
    let reasoning = count([
        "/completion_tokens_details/reasoning_tokens",
        "/output_tokens_details/reasoning_tokens",
    ]);
    [input - read - write, read, write, output, reasoning]
}

/// What the chunks, or the whole answer, of Chat Completions say.
fn of_chat(events: &[Value]) -> Expected {
    let mut expected = Expected::default();
    let mut refused = false;
    for event in events {
        expected.id = text(&event["id"]).to_owned();
        expected.model = text(&event["model"]).to_owned();
        if event["usage"].is_object() {
            expected.usage = usage(&event["usage"]);
        }
        for choice in event["choices"].as_array().unwrap() {
            if choice["index"] != 0 {
                continue;
            }
            let said = if choice["delta"].is_object() {
                &choice["delta"]
            } else {
                &choice["message"]
            };
            refused |= !text(&said["refusal"]).is_empty();
            expected.text += text(&said["refusal"]);
            expected.text += text(&said["content"]);
            expected.thoughts += text(&said["reasoning_content"]);
            expected.thoughts += text(&said["reasoning"]);
            for (place, call) in said["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                let index = call["index"].as_u64().map_or(place, |index| index as usize);
                if index == expected.calls.len() {
                    expected.calls.push(Default::default());
                }
                let known = &mut expected.calls[index];
                known.0 += text(&call["id"]);
                known.1 += text(&call["function"]["name"]);
                known.2 += text(&call["function"]["arguments"]);
            }
            if let Some(finish) = choice["finish_reason"].as_str() {
                expected.stop = match finish {
                    "stop" => "end_turn",
                    "length" => "max_tokens",
                    "tool_calls" => "tool_use",
                    other => other,
                }
                .to_owned();
            }
        }
    }
    if refused {
        expected.stop = "refusal".to_owned();
    }
    expected
}

/// What the last event, or the whole answer, of the Responses API says; the items as they were done.
fn of_responses(exchange: &Exchange) -> Expected {
    let events = match exchange.is_stream() {
        true => exchange.events(),
        false => vec![],
    };
    let whole = events.last().map_or_else(
        || serde_json::from_str(&exchange.body).unwrap(),
        |last| last["response"].clone(),
    );
    let done = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done");
    let mut items: Vec<Value> = done.map(|event| event["item"].clone()).collect();
    if items.is_empty() {
        items = whole["output"].as_array().unwrap().clone();
    }
    let mut expected = Expected {
        id: text(&whole["id"]).to_owned(),
        model: text(&whole["model"]).to_owned(),
        usage: usage(&whole["usage"]),
        stop: "end_turn".to_owned(),
        ..Expected::default()
    };
    for item in items {
        match text(&item["type"]) {
            "message" => {
                for content in item["content"].as_array().unwrap() {
                    expected.text += text(&content["text"]);
                }
            }
            "function_call" => {
                expected.stop = "tool_use".to_owned();
                let field = |name: &str| text(&item[name]).to_owned();
                expected
                    .calls
                    .push((field("call_id"), field("name"), field("arguments")));
            }
            kind => {
                let summary = item["summary"].as_array().unwrap().iter();
                expected.thoughts += &summary
                    .map(|part| text(&part["text"]))
                    .collect::<Vec<_>>()
                    .join("\n\n");
                expected
                    .opaque
                    .push((kind.to_owned(), text(&item["encrypted_content"]).to_owned()));
            }
        }
    }
    assert_eq!(whole["status"], "completed");
    expected
}

pub(crate) fn expected(exchange: &Exchange) -> Expected {
    match (exchange.dialect, exchange.is_stream()) {
        (Dialect::Responses, _) => of_responses(exchange),
        (_, true) => of_chat(&exchange.events()),
        (_, false) => of_chat(&[serde_json::from_str(&exchange.body).unwrap()]),
    }
}

pub(crate) fn found(completion: &Completion) -> Expected {
    let Usage {
        input,
        cache_read,
        cache_write,
        output,
        reasoning,
        ..
    } = completion.usage;
    let mut found = Expected {
        stop: completion.stop_reason.as_str().to_owned(),
        usage: [input, cache_read, cache_write, output, reasoning],
        model: completion.model.as_str().to_owned(),
        id: completion.id.clone().unwrap_or_default(),
        ..Expected::default()
    };
    for part in &completion.parts {
        match part {
            Part::Text(part) => found.text += &part.text,
            Part::Thinking(part) => found.thoughts += &part.text,
            Part::ToolCall(call) => {
                found.calls.push((
                    call.id.to_string(),
                    call.name.clone(),
                    call.arguments.clone(),
                ));
            }
            Part::Opaque(opaque) => {
                let data: Value = serde_json::from_str(&opaque.data).unwrap();
                found.opaque.push((
                    opaque.kind.clone(),
                    text(&data["encrypted_content"]).to_owned(),
                ));
            }
            other => panic!("{other:?}"),
        }
    }
    found
}
