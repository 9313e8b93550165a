//! What only one server understands goes back to it byte for byte, and to no other.

use serde_json::{Value, json};
use victor_core::{Context, Message, Part, Role, Thinking, ToolCall, ToolOutcome, ToolResult};
use victor_openai::{Dialect, Server};
use victor_provider_protocol::{ChatProvider, ChatRequest};

use crate::fake::{Fake, Reply};

const CHAT: Dialect = Dialect::ChatCompletions;
const RESPONSES: Dialect = Dialect::Responses;

/// What the model answers, as it is asked for it the next time: with results for its calls.
async fn history(server: Server, dialect: Dialect, reply: Reply) -> ChatRequest {
    let mut request = ChatRequest::new("m", Context::from_iter([Message::user("hi")]));
    let fake = Fake::saying(reply).await;
    let stream = fake.provider(server, dialect).stream_chat(&request).await;
    let answer = stream.unwrap().completion().await.unwrap();
    let results = answer
        .tool_calls()
        .map(|call| ToolResult::new(call, ToolOutcome::Success, "seen"));
    let results = Message::tool_results_of(results);
    request
        .context
        .push(Message::new(Role::Assistant, answer.parts));
    if results.tool_results().next().is_some() {
        request.context.push(results);
    }
    request.context.push(Message::user("and now?"));
    request
}

/// The body that a server of this name is sent.
async fn sent(server: Server, dialect: Dialect, request: &ChatRequest) -> String {
    let fake = Fake::saying(Reply::json("{}")).await;
    let _ = fake.provider(server, dialect).chat(request).await;
    fake.asked()[0].body.clone()
}

/// Checks that `expected` goes back to the server that sent an answer, and `secret` to no other.
async fn check(server: Server, dialect: Dialect, reply: Reply, expected: &str, secret: &str) {
    let request = history(server, dialect, reply).await;
    let body = sent(server, dialect, &request).await;
    assert!(body.contains(expected), "{expected}\n{body}");
    let mut other = server;
    other.name = "other";
    for dialect in [CHAT, RESPONSES] {
        let body = sent(other, dialect, &request).await;
        assert!(!body.contains(secret), "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(body["messages"].is_array() || body["input"].is_array());
    }
}

fn chunks(deltas: &[&str], finish: &str) -> Reply {
    let chunk = |delta: &str, finish: &str| {
        format!(r#"data: {{"choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#)
    };
    let finish = chunk("{}", &format!("\"{finish}\""));
    let chunks: Vec<_> = deltas
        .iter()
        .map(|delta| chunk(delta, "null"))
        .chain([finish])
        .collect();
    Reply::events(format!("{}\n\ndata: [DONE]\n\n", chunks.join("\n\n")))
}

fn whole(message: &str, finish: &str) -> Reply {
    Reply::json(format!(
        r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":"{finish}"}}]}}"#
    ))
}

fn output(items: &str) -> Reply {
    Reply::json(format!(r#"{{"status":"completed","output":[{items}]}}"#))
}

#[tokio::test]
async fn signatures_of_calls() {
    let signed = r#""extra_content":{"google": {"thought_signature":"EjQ=","n":1.0}}"#;
    let call = r#""function":{"name":"look","arguments":"{}"},"id":"c","type":"function""#;
    let calls = |more: &str| format!(r#"{{"role":"assistant","tool_calls":[{{{more}{call}}}]}}"#);
    let message = calls(&format!("{signed},"));
    // Gemini has no index, and puts the field first.
    let replies = [
        chunks(&[&message], "stop"),
        whole(&message, "tool_calls"),
        chunks(
            &[&calls(""), &format!(r#"{{"tool_calls":[{{{signed}}}]}}"#)],
            "stop",
        ),
    ];
    for reply in replies {
        check(Server::COMPATIBLE, CHAT, reply, signed, "EjQ=").await;
    }
    let inner = r#""thought_signature":"EjQ=""#;
    let call = format!(
        r#"{{"tool_calls":[{{"id":"c","function":{{"name":"look","arguments":"{{}}",{inner}}}}}]}}"#
    );
    let expected = format!(r#""function":{{"name":"look","arguments":"{{}}",{inner}}}"#);
    let reply = whole(&call, "tool_calls");
    check(Server::COMPATIBLE, CHAT, reply, &expected, "EjQ=").await;
}

#[tokio::test]
async fn signatures_and_details_of_messages() {
    let signed = r#""extra_content":{"google":{"thought_signature":"EjQ="}}"#;
    let replies = [
        chunks(
            &[
                r#"{"content":"Hi"}"#,
                &format!(r#"{{"content":"",{signed}}}"#),
            ],
            "stop",
        ),
        whole(&format!(r#"{{"content":"Hi",{signed}}}"#), "stop"),
    ];
    for reply in replies {
        check(Server::COMPATIBLE, CHAT, reply, signed, "EjQ=").await;
    }
    let details = concat!(
        r#""reasoning_details":[{"type":"reasoning.text","text":"Let me see.","format":"f","index":0,"signature":"s=="},"#,
        r#"{"type":"reasoning.encrypted","data":"gAAA","id":"rs_1","index":0}]"#
    );
    let reply = chunks(
        &[
            r#"{"reasoning":"Let me","reasoning_details":[{"type":"reasoning.text","text":"Let me","format":"f","index":0}]}"#,
            r#"{"reasoning":" see.","reasoning_details":[{"type":"reasoning.text","text":" see.","format":"f","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","signature":"s==","format":"f","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"gAAA","id":"rs_1","index":0}]}"#,
            r#"{"content":"Hi","reasoning_details":[]}"#,
        ],
        "stop",
    );
    check(Server::OPENROUTER, CHAT, reply, details, "gAAA").await;
    let message = format!(r#"{{"content":"Hi","reasoning":"Let me see.",{details}}}"#);
    let request = history(Server::OPENROUTER, CHAT, whole(&message, "stop")).await;
    let body = sent(Server::OPENROUTER, CHAT, &request).await;
    assert!(body.contains(details), "{body}");
    assert!(
        !body.contains(r#""reasoning":"#),
        "the details say it: {body}"
    );
}

#[tokio::test]
async fn what_servers_refuse_does_not_go_back() {
    let message = r#"{"content":"Hi","refusal":null,"annotations":[{"a":1}],"channel":"final","logprobs":{"b":2},
        "executed_tools":[{"c":3}],"audio":null,"empty":[],"token_ids":[4]}"#;
    let request = history(Server::GROQ, CHAT, whole(message, "stop")).await;
    let body: Value = serde_json::from_str(&sent(Server::GROQ, CHAT, &request).await).unwrap();
    let expected = json!({"role": "assistant", "content": "Hi"});
    assert_eq!(body["messages"][1], expected);
}

#[tokio::test]
async fn thoughts_go_back_where_they_stood() {
    let message = |field: &str| format!(r#"{{"content":"Hi","{field}":"Hm."}}"#);
    for field in ["reasoning_content", "reasoning", "thinking"] {
        let expected = format!(r#""{field}":"Hm.""#);
        let replies = [
            whole(&message(field), "stop"),
            chunks(&[&message(field)], "stop"),
        ];
        for reply in replies {
            check(Server::COMPATIBLE, CHAT, reply, &expected, "Hm.").await;
        }
    }
    let request = history(
        Server::OPENAI,
        CHAT,
        whole(&message("reasoning_content"), "stop"),
    )
    .await;
    assert!(!sent(Server::OPENAI, CHAT, &request).await.contains("Hm."));
}

#[tokio::test]
async fn deepseek_wants_thoughts_with_every_call() {
    let call = ToolCall::new("c", "look", "{}");
    let result = ToolResult::new(&call, ToolOutcome::Success, "seen");
    let thinking =
        |provider: &str| Part::Thinking(Thinking::new("Hm.").with_provider(provider.to_owned()));
    let thoughts = async |parts: Vec<Part>| {
        let messages = [
            Message::user("hi"),
            Message::new(Role::Assistant, parts),
            Message::tool_results_of([result.clone()]),
            Message::assistant("Done."),
            Message::user("and now?"),
        ];
        let request = ChatRequest::new("m", Context::from_iter(messages));
        let body = sent(Server::DEEPSEEK, CHAT, &request).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["messages"][3].get("reasoning_content"), None);
        body["messages"][1]["reasoning_content"].clone()
    };
    let call = || Part::ToolCall(call.clone());
    assert_eq!(thoughts(vec![call()]).await, "");
    assert_eq!(thoughts(vec![thinking("anthropic"), call()]).await, "");
    assert_eq!(thoughts(vec![thinking("deepseek"), call()]).await, "Hm.");
}

#[tokio::test]
async fn fields_of_items() {
    let call = r#""type":"function_call","call_id":"c","name":"look","arguments":"{}""#;
    let own = r#""namespace":"ns","caller":{"type": "program","id":1.0}"#;
    let reply = output(&format!(
        r#"{{{call},"status":"completed","id":"fc","parsed":null,{own}}}"#
    ));
    let expected = format!("{{{call},{own}}}");
    check(Server::OPENAI, RESPONSES, reply, &expected, "ns").await;

    let text = |phase: &str, text: &str| {
        format!(
            r#"{{"type":"message","id":"m{phase}","role":"assistant","status":"completed","phase":"{phase}",
            "content":[{{"type":"output_text","text":"{text}","annotations":[],"logprobs":[]}}]}}"#
        )
    };
    let items = [text("commentary", "Wait."), text("final_answer", "Hi.")].join(",");
    let sent = |phase: &str, text: &str| {
        format!(r#"{{"type":"message","role":"assistant","content":"{text}","phase":"{phase}"}}"#)
    };
    let expected = [sent("commentary", "Wait."), sent("final_answer", "Hi.")].join(",");
    check(
        Server::OPENAI,
        RESPONSES,
        output(&items),
        &expected,
        "phase",
    )
    .await;
}

#[tokio::test]
async fn open_reasoning_goes_back_to_servers_that_show_it() {
    let open = r#"{"type":"reasoning","id":"rs","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}],"encrypted_content":null}"#;
    let empty =
        r#"{"type":"reasoning","id":"rs","summary":[],"content":[],"encrypted_content":null}"#;
    let said = r#"{"type":"message","id":"ms","role":"assistant","content":[{"type":"output_text","text":"Hi."}]}"#;
    let items = |reasoning: &str| output(&format!("{reasoning},{said}"));
    check(Server::COMPATIBLE, RESPONSES, items(open), open, "Hm.").await;
    for (server, reasoning) in [(Server::OPENAI, open), (Server::COMPATIBLE, empty)] {
        let request = history(server, RESPONSES, items(reasoning)).await;
        let body = sent(server, RESPONSES, &request).await;
        assert!(!body.contains(r#""type":"reasoning""#), "{body}");
    }
}
