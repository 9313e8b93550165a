//! How answers are read that no recording shows.

use serde_json::{Value, json};
use victor_core::Part;
use victor_openai::{Dialect, StreamDecoder};
use victor_provider_protocol::{CompletionEvent, ProviderError, ProviderErrorKind};

/// Reads an answer: its parts in short, why it ended, and what was shown.
fn read(
    dialect: Dialect,
    events: &[Value],
) -> Result<(Vec<String>, String, Vec<String>), ProviderError> {
    let mut decoder = StreamDecoder::new(dialect, "p", "asked");
    let mut shown = Vec::new();
    for event in events {
        decoder.event(&event.to_string(), &mut shown)?;
    }
    let completion = decoder.finish()?;
    let parts = completion.parts.iter().map(|part| match part {
        Part::Text(text) => format!("says {}", text.text),
        Part::Thinking(thinking) => {
            assert_eq!(thinking.provider.as_deref(), Some("p"));
            format!("thinks {}", thinking.text)
        }
        Part::ToolCall(call) => format!("calls {} {} {}", call.id, call.name, call.arguments),
        Part::Opaque(opaque) => format!("{}: {}", opaque.kind, opaque.data),
        other => panic!("{other:?}"),
    });
    let shown = shown.into_iter().map(|event| match event {
        CompletionEvent::TextDelta(text) => format!("says {text}"),
        CompletionEvent::ThinkingDelta(text) => format!("thinks {text}"),
        other => panic!("{other:?}"),
    });
    Ok((
        parts.collect(),
        completion.stop_reason.to_string(),
        shown.collect(),
    ))
}

#[track_caller]
fn check(dialect: Dialect, events: &[Value], parts: &[&str], stop: &str) {
    let (found, reason, _) = read(dialect, events).unwrap();
    assert_eq!(
        (found, reason),
        (
            parts.iter().map(ToString::to_string).collect(),
            stop.to_owned()
        )
    );
}

fn delta(delta: impl Into<Value>) -> Value {
    let delta = delta.into();
    json!({"choices": [{"index": 0, "delta": delta}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn call(arguments: &str) -> Value {
    delta(
        json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}}]}),
    )
}

const CHAT: Dialect = Dialect::ChatCompletions;
const RESPONSES: Dialect = Dialect::Responses;

#[test]
fn why_a_chat_completion_ended() {
    let said = || delta(json!({"content": "Hi"}));
    for (reason, stop) in [
        ("stop", "end_turn"),
        ("tool_calls", "end_turn"),
        ("eos", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("something_new", "something_new"),
        ("MAX_TOKENS", "max_tokens"),
        ("model_length", "context_full"),
        ("SAFETY", "refusal"),
        ("sensitive", "refusal"),
    ] {
        check(CHAT, &[said(), finish(reason)], &["says Hi"], stop);
    }
    for reason in ["stop", "tool_calls", "function_call"] {
        check(
            CHAT,
            &[call("{}"), finish(reason)],
            &["calls a f {}"],
            "tool_use",
        );
    }
    // The first reason is where the answer ended.
    check(
        CHAT,
        &[said(), finish("length"), finish("stop")],
        &["says Hi"],
        "max_tokens",
    );
}

#[test]
fn a_call_that_was_cut_is_not_released_and_a_broken_one_is() {
    check(
        CHAT,
        &[call("{\"x\":"), finish("length")],
        &[],
        "max_tokens",
    );
    check(
        CHAT,
        &[call("{}"), finish("length")],
        &["calls a f {}"],
        "max_tokens",
    );
    check(
        CHAT,
        &[call("{\"x\":"), finish("stop")],
        &["calls a f {\"x\":"],
        "tool_use",
    );

    let item = |arguments: &str, status: &str| {
        let item = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": arguments, "status": status});
        json!({"type": "response.output_item.done", "output_index": 0, "item": item})
    };
    let end = |status: &str| json!({"type": format!("response.{status}"), "response": {"incomplete_details": {"reason": "max_output_tokens"}}});
    check(
        RESPONSES,
        &[item("{\"x\":", "incomplete"), end("incomplete")],
        &[],
        "max_tokens",
    );
    check(
        RESPONSES,
        &[item("{\"x\":", "completed"), end("incomplete")],
        &[],
        "max_tokens",
    );
    check(
        RESPONSES,
        &[item("", "completed"), end("incomplete")],
        &[],
        "max_tokens",
    );
    check(
        RESPONSES,
        &[item("{}", "completed"), end("incomplete")],
        &["calls a f {}"],
        "max_tokens",
    );
    check(
        RESPONSES,
        &[item("{\"x\":", "completed"), end("completed")],
        &["calls a f {\"x\":"],
        "tool_use",
    );
}

#[test]
fn thoughts_under_any_name_are_taken_once() {
    for field in ["reasoning_content", "reasoning", "thinking"] {
        check(
            CHAT,
            &[delta(json!({field: "Hm"})), finish("stop")],
            &["thinks Hm"],
            "end_turn",
        );
    }
    let twice =
        delta(json!({"reasoning_content": "Hm", "reasoning": "Hm", "thinking": {"odd": 1}}));
    check(
        CHAT,
        &[twice, delta(json!({"content": "Hi"})), finish("stop")],
        &["thinks Hm", "says Hi"],
        "end_turn",
    );
}

#[test]
fn what_a_server_adds_to_its_chunks_is_no_harm() {
    let perplexity =
        json!({"choices": [{"delta": {"content": "Hi"}, "message": {"content": "Hi there"}}]});
    let groq =
        json!({"choices": [], "x_groq": {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}});
    let odd = json!({"choices": null, "x_groq": 7, "usage": null, "error": null, "id": null, "model": ""});
    let events = [odd, perplexity, finish("stop"), groq];
    check(CHAT, &events, &["says Hi"], "end_turn");
    let mut decoder = StreamDecoder::new(CHAT, "p", "asked");
    for event in events {
        decoder.event(&event.to_string(), &mut Vec::new()).unwrap();
    }
    let completion = decoder.finish().unwrap();
    assert_eq!(
        (
            completion.usage.input,
            completion.usage.output,
            completion.model.as_str()
        ),
        (5, 2, "asked")
    );
}

#[test]
fn an_error_without_an_object_around_it() {
    let vllm = json!({"object": "error", "message": "too long: maximum context length is 8", "type": "BadRequestError", "code": 400});
    let error = read(CHAT, &[vllm]).unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::ContextTooLong);
}

fn done(item: impl Into<Value>) -> Value {
    let item = item.into();
    json!({"type": "response.output_item.done", "item": item})
}

fn completed() -> Value {
    json!({"type": "response.completed", "response": {"status": "completed"}})
}

#[test]
fn paragraphs_of_a_summary_are_apart() {
    let more = |index: u64, text: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": index, "delta": text});
    let summary =
        json!([{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]);
    let item = json!({"type": "reasoning", "id": "rs", "summary": summary});
    let mut whole = done(item.clone());
    whole["output_index"] = 0.into();
    let kept = format!("reasoning: {item}");
    let expected = (
        vec!["thinks One.\n\nTwo.".to_owned(), kept],
        "end_turn".to_owned(),
        ["thinks One", "thinks .", "thinks \n\n", "thinks Two."]
            .map(str::to_owned)
            .to_vec(),
    );
    let events = [
        more(0, "One"),
        more(0, "."),
        more(1, "Two."),
        whole,
        completed(),
    ];
    assert_eq!(read(RESPONSES, &events).unwrap(), expected);
    // The same, when it comes at once.
    let (parts, _, shown) = read(RESPONSES, &[done(item), completed()]).unwrap();
    assert_eq!(
        (parts, shown),
        (expected.0, vec!["thinks One.\n\nTwo.".to_owned()])
    );
}

#[test]
fn items_of_kinds_that_are_not_known_are_kept_byte_for_byte() {
    let raw = r#"{"type":"web_search_call", "id":"ws",  "content":7, "summary":"x", "n":1.0}"#;
    let mut decoder = StreamDecoder::new(RESPONSES, "p", "asked");
    let event = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{raw}}}"#);
    decoder.event(&event, &mut Vec::new()).unwrap();
    decoder
        .event(&completed().to_string(), &mut Vec::new())
        .unwrap();
    let parts = decoder.finish().unwrap().parts;
    let [Part::Opaque(opaque)] = &*parts else {
        panic!("{parts:?}")
    };
    assert_eq!(
        (&*opaque.provider, &*opaque.kind, &*opaque.data),
        ("p", "web_search_call", raw)
    );
}

#[test]
fn how_an_answer_of_the_responses_api_ends() {
    let said = || json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"});
    let incomplete = |reason: Value| json!({"type": "response.incomplete", "response": {"status": "incomplete", "incomplete_details": reason}});
    check(RESPONSES, &[said(), completed()], &["says Hi"], "end_turn");
    check(
        RESPONSES,
        &[said(), incomplete(json!({"reason": "max_output_tokens"}))],
        &["says Hi"],
        "max_tokens",
    );
    check(
        RESPONSES,
        &[said(), incomplete(json!({"reason": "content_filter"}))],
        &["says Hi"],
        "refusal",
    );
    check(
        RESPONSES,
        &[said(), incomplete(Value::Null)],
        &["says Hi"],
        "incomplete",
    );
    let refusal = json!({"type": "response.refusal.delta", "output_index": 0, "delta": "No."});
    check(RESPONSES, &[refusal, completed()], &["says No."], "refusal");
    let content = json!([{"type": "refusal", "refusal": "No."}]);
    check(
        RESPONSES,
        &[
            done(json!({"type": "message", "content": content})),
            completed(),
        ],
        &["says No."],
        "refusal",
    );
    // One that is still being worked on is none.
    let error = read(
        RESPONSES,
        &[json!({"type": "response.completed", "response": {"status": "queued"}})],
    )
    .unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Truncated);
}

#[test]
fn items_that_came_only_at_the_end_are_taken_there() {
    let message =
        json!({"type": "message", "id": "ms", "content": [{"type": "output_text", "text": "Hi"}]});
    let end = json!({"type": "response.completed", "response": {"status": "completed", "output": [message]}});
    let said = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "H"});
    let (parts, _, shown) = read(RESPONSES, &[said, end]).unwrap();
    assert_eq!(
        (parts, shown),
        (
            vec!["says Hi".to_owned()],
            vec!["says H".to_owned(), "says i".to_owned()]
        )
    );
}
