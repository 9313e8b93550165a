//! Answers of servers that keep to the API's documentation less than Anthropic does.

use std::time::Duration;

use serde_json::json;
use victor_anthropic::MessageDecoder;
use victor_anthropic::model_api::AnswerLimits;
use victor_core::{Context, Message, Part, StopReason};
use victor_http::{HttpOptions, HttpProxy};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, Completion, CompletionEvent, ProviderError, ProviderErrorKind,
};
use victor_testkit::Reply;

use crate::server::Server;

/// Reads events up to the end of the stream, and returns the answer with what was shown.
fn read(limits: AnswerLimits, events: &[&str]) -> Result<(Completion, String), ProviderError> {
    let mut decoder = MessageDecoder::new("m").with_limits(limits);
    let mut shown = String::new();
    for event in events {
        match decoder.event("", event)? {
            CompletionEvent::TextDelta(text) => shown += &text,
            CompletionEvent::ThinkingDelta(text) => shown += &format!("[{text}]"),
            CompletionEvent::Finished(completion) => return Ok((*completion, shown)),
            _ => {}
        }
    }
    match decoder.end()? {
        CompletionEvent::Finished(completion) => Ok((*completion, shown)),
        other => panic!("{other:?}"),
    }
}

fn text_of(completion: &Completion) -> String {
    let texts = completion.parts.iter().map(|part| match part {
        Part::Text(text) => text.text.clone(),
        Part::ToolCall(call) => format!("<{} {} {}>", call.id, call.name, call.arguments),
        other => panic!("{other:?}"),
    });
    texts.collect()
}

#[track_caller]
fn check(events: &[&str], shown: &str, expected: &str) {
    let (completion, seen) = read(AnswerLimits::default(), events).unwrap();
    assert_eq!((&*seen, &*text_of(&completion)), (shown, expected));
}

const START: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const END: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#;

fn delta(text: &str) -> String {
    format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
    )
}

#[test]
fn half_of_a_surrogate_pair() {
    let pair = [delta(r"A \ud83d"), delta(r"\ude00 B")];
    check(
        &[START, &pair[0], &pair[1], END],
        "A \u{1f600} B",
        "A \u{1f600} B",
    );
    let (plain, again) = (delta("a"), delta("b"));
    let events = [START, &plain, &again, &pair[0], &pair[1], END];
    check(&events, "abA \u{1f600} B", "abA \u{1f600} B");
    let lost = [delta(r"A \ud83d"), delta(" B"), delta(r"\ud83d C")];
    let expected = "A \u{fffd} B\u{fffd} C";
    check(
        &[START, &lost[0], &lost[1], &lost[2], END],
        expected,
        expected,
    );
    // Where no text follows, it is in the answer alone.
    check(&[START, &pair[0], END], "A ", "A \u{fffd}");
    let call = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"1","name":"f","input":{}}}"#;
    let piece = |json: &str| {
        format!(
            r#"{{"type":"content_block_delta","index":"0","delta":{{"type":"input_json_delta","partial_json":"{json}"}}}}"#
        )
    };
    let stop = r#"{"type":"content_block_stop","index":0}"#;
    let pieces = [piece(r#"{\"x\":\"\ud83d"#), piece(r#"\ude00\"}"#)];
    let called = END.replace("end_turn", "tool_use");
    check(
        &[call, &pieces[0], &pieces[1], stop, &called],
        "",
        "<1 f {\"x\":\"\u{1f600}\"}>",
    );
    let doubled = piece(r#"{\"x\":\"\\ud83d\"}"#);
    check(
        &[call, &doubled, stop, &called],
        "",
        r#"<1 f {"x":"\ufffd"}>"#,
    );
    let whole = r#"{"type":"message","content":[{"type":"text","text":"A \ud83d"}]}"#;
    check(&[whole], "", "A \u{fffd}");
}

#[test]
fn any_documented_end_is_one() {
    let hi = delta("Hi");
    check(&[START, &hi, END, r#"{"type":"message_stop"}"#], "Hi", "Hi");
    check(&[START, &hi, END], "Hi", "Hi");
    check(&[START, &hi, END, "[DONE]"], "Hi", "Hi");
    check(&[START, &hi, r#"{"type":"message_stop"}"#], "Hi", "Hi");
    for events in [&[START, &*hi][..], &[START, &hi, "[DONE]"], &[]] {
        let error = read(AnswerLimits::default(), events).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Truncated);
    }
    let length = END.replace("end_turn", "length");
    let (completion, _) = read(AnswerLimits::default(), &[START, &hi, &length]).unwrap();
    assert_eq!(completion.stop_reason, StopReason::MaxTokens);
    let broken = END.replace("end_turn", "network_error");
    let error = read(AnswerLimits::default(), &[START, &hi, &broken]).unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Server);
}

#[test]
fn an_answer_has_limits() {
    let mut limits = AnswerLimits::default();
    (limits.max_text_bytes, limits.max_argument_bytes) = (5, 8);
    (limits.max_calls, limits.max_opaque_bytes) = (2, 100);
    let fails = |events: &[&str], name: &str| {
        let error = read(limits, events).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::AnswerTooLarge, "{error}");
        assert!(error.message.contains(name), "{error}");
    };
    let hi = delta("Hi");
    assert!(read(limits, &[START, &hi, &hi, END]).is_ok());
    fails(&[START, &hi, &hi, &hi], "max_text_bytes");
    let start = |block: serde_json::Value| {
        json!({"type": "content_block_start", "index": 0, "content_block": block}).to_string()
    };
    let call = start(json!({"type": "tool_use", "id": "1", "name": "f", "input": {}}));
    let piece = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"123456"}}"#;
    fails(&[&call, piece, piece], "max_argument_bytes");
    fails(&[&call, &call, &call], "max_calls");
    let opaque = start(json!({"type": "web_search_tool_result", "content": "x".repeat(100)}));
    fails(&[&opaque], "max_opaque_bytes");
    let whole =
        |block: serde_json::Value| json!({"type": "message", "content": [block]}).to_string();
    fails(
        &[&whole(json!({"type": "text", "text": "123456"}))],
        "max_text_bytes",
    );
    let input = json!({"a": "123456"});
    fails(
        &[&whole(
            json!({"type": "tool_use", "id": "1", "name": "f", "input": input}),
        )],
        "max_argument_bytes",
    );
}

#[test]
fn signs_of_life_are_no_progress() {
    let mut decoder = MessageDecoder::new("m");
    let mut progress = |event: &str| {
        let before = decoder.progress();
        decoder.event("", event).unwrap();
        decoder.progress() > before
    };
    assert!(progress(START));
    assert!(!progress(r#"{"type":"ping"}"#));
    assert!(!progress(&delta("")));
    assert!(progress(&delta("a")) && progress(&delta("b")));
    assert!(progress(END));
}

fn request() -> ChatRequest {
    ChatRequest::new("m", Context::from_iter([Message::user("Hi")]))
}

#[tokio::test]
async fn streams_for_documents_and_documents_for_streams() {
    let document = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn"}"#;
    let events = format!("data: {START}\n\ndata: {}\n\ndata: {END}\n\n", delta("Hi"));
    for body in [document, &events] {
        for content_type in ["application/json", "text/event-stream", "text/plain", ""] {
            let place = format!("{content_type} {body}");
            let server = Server::answering(Reply::new(200, content_type, body)).await;
            let provider = server.provider();
            let whole = provider
                .chat(&request())
                .await
                .unwrap_or_else(|error| panic!("{error}: {place}"));
            assert_eq!(whole.parts, [Part::text("Hi")], "{place}");
            let mut stream = provider.stream_chat(&request()).await.unwrap();
            let mut shown = String::new();
            let streamed = loop {
                match stream.next().await.unwrap().unwrap() {
                    CompletionEvent::TextDelta(text) => shown += &text,
                    CompletionEvent::Finished(completion) => break completion,
                    _ => {}
                }
            };
            assert_eq!((streamed.parts, &*shown), (whole.parts, "Hi"), "{place}");
        }
    }
    let error = r#"{"error":{"type":"rate_limit_error","message":"no"}}"#;
    for content_type in ["application/json", "text/event-stream"] {
        let server = Server::answering(Reply::new(200, content_type, error)).await;
        let stream = server.provider().stream_chat(&request()).await;
        let error = match stream {
            Ok(stream) => stream.completion().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind, ProviderErrorKind::RateLimit, "{content_type}");
    }
}

#[tokio::test]
async fn pings_without_end_are_no_answer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let head = "HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
        while stream.write_all(ping.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let options = HttpOptions::default()
        .with_proxy(HttpProxy::None)
        .with_content_timeout(Duration::from_millis(100));
    let builder = victor_anthropic::AnthropicProvider::builder().base_url(url);
    let provider = builder.http_options(options).build().unwrap();
    let stream = provider.stream_chat(&request()).await.unwrap();
    let error = stream.completion().await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Timeout);
    assert!(
        error.message.contains("nothing but signs of life"),
        "{error}"
    );
    server.abort();
}
