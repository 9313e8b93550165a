//! Answers of servers that keep to their API's documentation less than others do.

use std::time::Duration;

use serde_json::json;
use victor_core::{Context, Message, Part, StopReason};
use victor_http::{HttpOptions, HttpProxy};
use victor_openai::model_api::AnswerLimits;
use victor_openai::{Dialect, OpenAiProvider, Server, StreamDecoder};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, Completion, CompletionEvent, ListModels, ProviderError,
    ProviderErrorKind,
};

use crate::fake::{Fake, Reply};

const CHAT: Dialect = Dialect::ChatCompletions;
const RESPONSES: Dialect = Dialect::Responses;

fn request() -> ChatRequest {
    ChatRequest::new("m", Context::from_iter([Message::user("Hi")]))
}

/// Reads events, and returns the answer with what was shown.
fn read(
    dialect: Dialect,
    limits: AnswerLimits,
    events: &[&str],
) -> Result<(Completion, String), ProviderError> {
    let mut decoder = StreamDecoder::new(dialect, "p", "m").with_limits(limits);
    let mut shown = Vec::new();
    for event in events {
        decoder.event(event, &mut shown)?;
    }
    let shown = shown.into_iter().map(|event| match event {
        CompletionEvent::TextDelta(text) => text,
        CompletionEvent::ThinkingDelta(text) => format!("[{text}]"),
        other => panic!("{other:?}"),
    });
    Ok((decoder.finish()?, shown.collect()))
}

/// What the parts of an answer say, in short.
fn said(completion: &Completion) -> String {
    let parts = completion.parts.iter().map(|part| match part {
        Part::Text(text) => text.text.clone(),
        Part::Thinking(thinking) => format!("[{}]", thinking.text),
        Part::ToolCall(call) => format!("<{} {} {}>", call.id, call.name, call.arguments),
        other => panic!("{other:?}"),
    });
    parts.collect()
}

#[track_caller]
fn check(dialect: Dialect, events: &[&str], shown: &str, expected: &str) {
    let (completion, seen) = read(dialect, AnswerLimits::default(), events).unwrap();
    assert_eq!((&*seen, &*said(&completion)), (shown, expected));
}

const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

fn content(content: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{content}}}}}]}}"#)
}

#[test]
fn content_in_parts() {
    let thinks = content(r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]"#);
    let says = content(r#"[{"type":"text","text":"Hi"},{"type":"reference","reference_ids":[1]}]"#);
    check(
        CHAT,
        &[&thinks, &says, &content(r#"" there""#), STOP],
        "[hm]Hi there",
        "[hm]Hi there",
    );
    let refuses = content(r#"[{"type":"refusal","refusal":"No"}]"#);
    let (completion, _) = read(CHAT, AnswerLimits::default(), &[&refuses, STOP]).unwrap();
    assert_eq!(completion.stop_reason, StopReason::Refusal);
    let whole = r#"{"choices":[{"message":{"content":["Hi",{"type":"text","text":"!"}]}}]}"#;
    check(CHAT, &[whole], "Hi!", "Hi!");
    let item = json!({"type": "message", "id": 7, "content": "Hi"});
    let whole = json!({"object": "response", "status": "completed", "output": [item]});
    check(RESPONSES, &[&whole.to_string()], "Hi", "Hi");
}

#[test]
fn half_of_a_surrogate_pair() {
    let half = |text: &str| content(&format!("\"{text}\""));
    let joined = [half(r"A \ud83d"), half(r"\ude00 B")];
    check(
        CHAT,
        &[&joined[0], &joined[1], STOP],
        "A \u{1f600} B",
        "A \u{1f600} B",
    );
    // The template has learned the form by then.
    let learned = half("A ");
    let events = [&*learned, &half("b "), &joined[0], &joined[1], STOP];
    check(CHAT, &events, "A b A \u{1f600} B", "A b A \u{1f600} B");
    let lost = [half(r"A \ud83d"), half(" B"), half(r"\ud83d C")];
    let expected = "A \u{fffd} B\u{fffd} C";
    check(
        CHAT,
        &[&lost[0], &lost[1], &lost[2], STOP],
        expected,
        expected,
    );
    // At the very end nothing is shown any more.
    let (completion, _) = read(
        CHAT,
        AnswerLimits::default(),
        &[r#"{"choices":[{"delta":{"content":"A \ud83d"},"finish_reason":"stop"}]}"#],
    )
    .unwrap();
    assert_eq!(said(&completion), "A \u{fffd}");

    let delta = |text: &str| {
        format!(r#"{{"type":"response.output_text.delta","output_index":0,"delta":"{text}"}}"#)
    };
    let done = |text: &str| {
        let item =
            format!(r#"{{"type":"message","content":[{{"type":"output_text","text":"{text}"}}]}}"#);
        format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#)
    };
    let end = r#"{"type":"response.completed","response":{"status":"completed"}}"#;
    let events = [
        delta(r"A \ud83d"),
        delta(r"\ude00 B"),
        done(r"A \ud83d\ude00 B"),
    ];
    let expected = "A \u{1f600} B";
    check(
        RESPONSES,
        &[&events[0], &events[1], &events[2], end],
        expected,
        expected,
    );
    let whole = r#"{"type":"response.completed","response":{"output":[{"type":"message","content":"a"},{"type":"message","content":"b \ud83d"}]}}"#;
    check(RESPONSES, &[whole], "ab \u{fffd}", "ab \u{fffd}");
}

#[test]
fn numbers_where_texts_should_be() {
    let call = r#"{"id":1,"model":2,"choices":[{"index":"0","delta":{"tool_calls":[{"index":"0","id":7,"function":{"name":"f","arguments":{"x":1}}}]}}]}"#;
    check(CHAT, &[call, STOP], "", r#"<7 f {"x":1}>"#);
    let item = r#"{"type":"function_call","call_id":7,"name":"f","arguments":{"x": 12345678901234567890123}}"#;
    let done =
        format!(r#"{{"type":"response.output_item.done","output_index":"0","item":{item}}}"#);
    let end = r#"{"type":"response.completed","response":{}}"#;
    check(
        RESPONSES,
        &[&done, end],
        "",
        r#"<7 f {"x": 12345678901234567890123}>"#,
    );
}

#[test]
fn any_documented_end_is_one() {
    let hi = content(r#""Hi""#);
    check(CHAT, &[&hi, STOP], "Hi", "Hi");
    check(CHAT, &[&hi, "[DONE]"], "Hi", "Hi");
    check(
        CHAT,
        &[r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":null}]}"#],
        "Hi",
        "Hi",
    );
    // Without a reason, a call that is not whole is not run.
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
    check(CHAT, &[call, "[DONE]"], "", "<a f {}>");
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"Hi"}]}}"#;
    check(RESPONSES, &[item, "[DONE]"], "Hi", "Hi");
    check(
        RESPONSES,
        &[item, r#"{"type":"response.done","response":{}}"#],
        "Hi",
        "Hi",
    );

    let cut = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#;
    let begun = r#"{"type":"response.output_text.delta","output_index":0,"delta":"Hi"}"#;
    for (dialect, events) in [
        (CHAT, &[&*hi][..]),
        (CHAT, &["[DONE]"]),
        (CHAT, &[cut, "[DONE]"]),
        (RESPONSES, &[begun, "[DONE]"]),
        (RESPONSES, &["[DONE]"]),
    ] {
        let error = read(dialect, AnswerLimits::default(), events).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Truncated, "{events:?}");
    }
}

#[test]
fn an_answer_that_a_server_broke_off_is_none() {
    for (reason, kind) in [
        ("error", ProviderErrorKind::Server),
        ("network_error", ProviderErrorKind::Server),
        ("MALFORMED_FUNCTION_CALL", ProviderErrorKind::Server),
        (
            "insufficient_system_resource",
            ProviderErrorKind::Overloaded,
        ),
    ] {
        let end = STOP.replace("stop", reason);
        let error = read(CHAT, AnswerLimits::default(), &[&content("\"Hi\""), &end]).unwrap_err();
        assert_eq!(error.kind, kind, "{reason}");
    }
    let minimax = r#"{"id":"x","choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#;
    let error = read(CHAT, AnswerLimits::default(), &[minimax]).unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Quota);
    let well = STOP.replace(
        "\"choices\"",
        "\"base_resp\":{\"status_code\":0,\"status_msg\":\"\"},\"choices\"",
    );
    check(CHAT, &[&content("\"Hi\""), &well], "Hi", "Hi");
}

#[test]
fn the_usage_of_kimi_is_in_its_choice() {
    let end = STOP.replace(
        "}]}",
        r#","usage":{"prompt_tokens":9,"completion_tokens":2,"cached_tokens":4}}]}"#,
    );
    let (completion, _) = read(CHAT, AnswerLimits::default(), &[&content("\"Hi\""), &end]).unwrap();
    let usage = completion.usage;
    assert_eq!((usage.input, usage.cache_read, usage.output), (5, 4, 2));
}

#[test]
fn an_answer_has_limits() {
    let mut limits = AnswerLimits::default();
    (limits.max_text_bytes, limits.max_argument_bytes) = (5, 8);
    (limits.max_calls, limits.max_opaque_bytes) = (2, 100);
    let fails = |dialect, events: &[&str], name: &str| {
        let error = read(dialect, limits, events).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::AnswerTooLarge, "{error}");
        assert!(error.message.contains(name), "{error}");
    };
    let hi = content("\"Hi\"");
    let thinks = r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#;
    let begin = |id: u8, arguments: &str| {
        let call = json!({"index": id, "id": format!("{id}"), "function": {"name": "f", "arguments": arguments}});
        json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string()
    };
    let more = |arguments: &str| {
        let call = json!({"index": 0, "function": {"arguments": arguments}});
        json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string()
    };
    let within = [
        &*hi,
        thinks,
        &begin(0, "{"),
        &more("}"),
        &begin(1, "{}"),
        STOP,
    ];
    assert!(read(CHAT, limits, &within).is_ok());
    // The third is read by the template.
    fails(CHAT, &[&hi, &hi, &hi], "max_text_bytes");
    fails(CHAT, &[&hi, thinks, thinks], "max_text_bytes");
    fails(
        CHAT,
        &[&begin(0, "{\"a\":"), &more("123456")],
        "max_argument_bytes",
    );
    fails(
        CHAT,
        &[&begin(0, ""), &begin(1, ""), &begin(2, "")],
        "max_calls",
    );
    let sealed = json!({"choices": [{"delta": {"sealed": "x".repeat(100)}}]}).to_string();
    fails(CHAT, &[&sealed], "max_opaque_bytes");

    let delta = |kind: &str| json!({"type": kind, "output_index": 0, "delta": "1234"}).to_string();
    let text = delta("response.output_text.delta");
    fails(RESPONSES, &[&text, &text], "max_text_bytes");
    let arguments = delta("response.function_call_arguments.delta");
    fails(
        RESPONSES,
        &[&arguments, &arguments, &arguments],
        "max_argument_bytes",
    );
    let done = |index: u8, item: &serde_json::Value| {
        json!({"type": "response.output_item.done", "output_index": index, "item": item})
            .to_string()
    };
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    fails(
        RESPONSES,
        &[&done(0, &call), &done(1, &call), &done(2, &call)],
        "max_calls",
    );
    let message =
        json!({"type": "message", "content": [{"type": "output_text", "text": "123456"}]});
    fails(RESPONSES, &[&done(0, &message)], "max_text_bytes");
    let opaque = json!({"type": "web_search_call", "x": "x".repeat(100)});
    fails(RESPONSES, &[&done(0, &opaque)], "max_opaque_bytes");
}

/// The answer to a request that is streamed, or is not.
async fn ask(dialect: Dialect, stream: bool, reply: Reply) -> Result<Completion, ProviderError> {
    let fake = Fake::saying(reply).await;
    let provider = fake.provider(Server::COMPATIBLE, dialect);
    if stream {
        provider.stream_chat(&request()).await?.completion().await
    } else {
        provider.chat(&request()).await
    }
}

#[tokio::test]
async fn streams_for_documents_and_documents_for_streams() {
    let document = r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#;
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n";
    let output = r#"{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}]}"#;
    let completed = format!(
        "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{output}}}\n\n"
    );
    for (dialect, document, events) in [(CHAT, document, events), (RESPONSES, output, &completed)] {
        for body in [document, events] {
            for content_type in ["application/json", "text/event-stream", "text/plain", ""] {
                for stream in [true, false] {
                    let reply = Reply::new(200, content_type, body);
                    let answer = ask(dialect, stream, reply).await;
                    let place = format!("{dialect:?} {content_type} {stream} {body}");
                    let completion = answer.unwrap_or_else(|error| panic!("{error}: {place}"));
                    assert_eq!(completion.parts, [Part::text("Hi")], "{place}");
                }
            }
        }
    }
    // An error is one, whatever it stands in.
    let error = r#"{"error":{"message":"no","code":"rate_limit_exceeded"}}"#;
    for content_type in ["application/json", "text/event-stream"] {
        let reply = Reply::new(200, content_type, error);
        let error = ask(CHAT, true, reply).await.unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::RateLimit);
    }
}

#[tokio::test]
async fn signs_of_life_alone_are_no_answer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let head = "HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let empty = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n";
        while stream.write_all(empty.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let options = HttpOptions::default()
        .with_proxy(HttpProxy::None)
        .with_content_timeout(Duration::from_millis(100));
    let builder = OpenAiProvider::builder().server(Server::COMPATIBLE);
    let provider = builder.base_url(url).http_options(options).build().unwrap();
    let error = provider
        .stream_chat(&request())
        .await
        .unwrap()
        .completion()
        .await
        .unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Timeout);
    assert!(
        error.message.contains("nothing but signs of life"),
        "{error}"
    );
    server.abort();
}

#[tokio::test]
async fn a_query_stands_behind_every_path() {
    let document = r#"{"choices":[{"message":{"content":"Hi"}}]}"#;
    let fake = Fake::saying(Reply::json(document)).await;
    let asked = async |url: String| {
        let provider = fake
            .builder(Server::COMPATIBLE, CHAT)
            .base_url(url)
            .build()
            .unwrap();
        let _ = provider.models().await;
        provider.chat(&request()).await.unwrap();
        let asked = fake.asked();
        let last = asked.iter().rev().take(2).rev();
        last.map(|asked| asked.path.clone()).collect::<Vec<_>>()
    };
    let url = fake.url();
    let plain = ["/v1/models", "/v1/chat/completions"];
    assert_eq!(asked(format!("{url}/")).await, plain);
    assert_eq!(asked(format!("{url}/chat/completions")).await, plain);
    assert_eq!(
        asked(format!("{url}?api-version=1")).await,
        [
            "/v1/models?api-version=1",
            "/v1/chat/completions?api-version=1"
        ]
    );
}

#[tokio::test]
async fn local_servers_hold_any_model_to_a_schema() {
    let fake = Fake::saying(Reply::json("{}")).await;
    for (server, expected) in [
        (Server::LLAMA_CPP, true),
        (Server::VLLM, true),
        (Server::OLLAMA, true),
        (Server::LM_STUDIO, true),
        (Server::COMPATIBLE, false),
        (Server::DEEPSEEK, false),
    ] {
        let provider = fake.provider(server, CHAT);
        let known = provider.capabilities(&"tiny".into());
        assert_eq!(known.structured_output, expected, "{}", server.name);
    }
}
