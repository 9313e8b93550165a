//! What the API reported for real requests, against the count.

use std::path::Path;

use serde_json::Value;
use victor_context_protocol::TokenCounter;
use victor_core::{Message, ModelId, Part, Role, ToolCall, ToolOutcome, ToolResult};
use victor_tiktoken::TiktokenCounter;

/// The most that calls and results of one answer may be off: how OpenAI writes them down is not published.
const OFF: u32 = 3;

#[test]
fn requests_of_text_are_counted_as_the_api_reports_and_tool_calls_nearly_so() {
    let Some(folder) = std::env::var_os("VICTOR_CASSETTES") else {
        #[expect(
            clippy::print_stderr,
            reason = "a test that tests nothing must not pass silently"
        )]
        {
            eprintln!("SKIPPED: VICTOR_CASSETTES does not say where the recordings are");
        }
        return;
    };
    let (mut whole, mut steps) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("openai_chat_0") && !name.starts_with("openai_responses_0") {
            continue;
        }
        let mut before: Option<Exchange> = None;
        for exchange in exchanges(&path) {
            if exchange.tools == Value::Null {
                assert_eq!(exchange.counted, exchange.reported, "{name}");
                whole += 1;
            } else if let Some(before) = before.filter(|before| before.tools == exchange.tools) {
                // The definitions of the tools are no messages, so what is compared is what one step added.
                let counted = exchange.counted - before.counted;
                let reported = exchange.reported - before.reported;
                assert!(
                    counted.abs_diff(reported) <= OFF,
                    "{name}: {counted} for {reported}"
                );
                steps += 1;
            }
            before = Some(exchange);
        }
    }
    assert!(whole >= 7 && steps >= 4, "{whole} requests, {steps} steps");
}

struct Exchange {
    tools: Value,
    counted: u32,
    reported: u32,
}

fn exchanges(path: &Path) -> Vec<Exchange> {
    let file: Value = yaml_serde::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of_openai = |exchange: &&Value| {
        let uri = exchange["request"]["uri"].as_str().unwrap();
        uri.starts_with("https://api.openai.com/")
    };
    let exchange = |exchange: &Value| {
        let request = &exchange["request"]["parsed_body"];
        let reported = reported(&exchange["response"])?;
        let counter =
            TiktokenCounter::for_model(&ModelId::from(request["model"].as_str().unwrap())).unwrap();
        let messages = request["messages"]
            .as_array()
            .or(request["input"].as_array());
        let counted = messages
            .unwrap()
            .iter()
            .map(|item| counter.count_message(&message(item)))
            .sum::<u32>()
            + counter.tokens_of_reply();
        Some(Exchange {
            tools: request["tools"].clone(),
            counted,
            reported,
        })
    };
    let exchanges = file["interactions"].as_array().unwrap().iter();
    exchanges.filter(of_openai).filter_map(exchange).collect()
}

/// The tokens of the request, which an answer that is no error reports at its end.
fn reported(response: &Value) -> Option<u32> {
    let usage = |body: &Value| {
        let usage = [&body["usage"], &body["response"]["usage"]];
        usage.iter().find_map(|usage| {
            usage["prompt_tokens"]
                .as_u64()
                .or(usage["input_tokens"].as_u64())
        })
    };
    let tokens = match response["body"]["string"].as_str() {
        Some(stream) => stream
            .lines()
            .rev()
            .find_map(|line| usage(&serde_json::from_str(line.strip_prefix("data: ")?).ok()?)),
        None => usage(&response["parsed_body"]),
    };
    Some(tokens?.try_into().unwrap())
}

/// A message of Chat Completions, or an item of the Responses API.
fn message(item: &Value) -> Message {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let call = |id: &Value, function: &Value| {
        ToolCall::new(
            text(id),
            text(&function["name"]),
            text(&function["arguments"]),
        )
    };
    match (item["role"].as_str(), item["type"].as_str()) {
        (_, Some("function_call")) => Message::new(
            Role::Assistant,
            vec![Part::ToolCall(call(&item["call_id"], item))],
        ),
        (_, Some("function_call_output")) => answer(text(&item["output"])),
        (Some("tool"), _) => answer(text(&item["content"])),
        (Some(role), _) => {
            let role = match role {
                "system" => Role::System,
                "assistant" => Role::Assistant,
                _ => Role::User,
            };
            let mut parts = match item["content"].as_array() {
                Some(parts) => parts.iter().map(|part| text(&part["text"])).collect(),
                None => vec![text(&item["content"])],
            }
            .into_iter()
            .map(Part::text)
            .collect::<Vec<_>>();
            let calls = item["tool_calls"].as_array().into_iter().flatten();
            parts.extend(calls.map(|one| Part::ToolCall(call(&one["id"], &one["function"]))));
            Message::new(role, parts)
        }
        other => panic!("neither a message nor an item: {other:?}"),
    }
}

/// A result. The recordings name tools only in calls; each of those that are answered has a name of two or three tokens.
fn answer(text: String) -> Message {
    let call = ToolCall::new("", "get_weather", "");
    Message::tool_results_of([ToolResult::new(&call, ToolOutcome::Success, text)])
}
