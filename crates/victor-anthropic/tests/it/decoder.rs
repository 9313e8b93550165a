//! The decoder, apart from all I/O.

use victor_anthropic::MessageDecoder;
use victor_core::Part;
use victor_http::SseDecoder;
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError};

use crate::cassettes::streams;

/// Decodes bytes that come in pieces: the deltas of text, and how it ended.
fn decode(pieces: &[&[u8]]) -> (String, Result<Completion, ProviderError>) {
    let (mut events, mut decoder) = (SseDecoder::new(1 << 20), MessageDecoder::new("m"));
    let mut text = String::new();
    for piece in pieces.iter().map(Some).chain([None]) {
        if let Some(piece) = piece {
            events.push(piece);
        }
        loop {
            let event = if piece.is_some() {
                events.next_event()
            } else {
                events.finish()
            };
            let Some(event) = event.unwrap() else { break };
            match decoder.event(event.event, event.data) {
                Ok(CompletionEvent::TextDelta(delta)) => text += &delta,
                Ok(CompletionEvent::Finished(completion)) => return (text, Ok(*completion)),
                Ok(_) => {}
                Err(error) => return (text, Err(error)),
            }
        }
    }
    (text, Err(decoder.truncated()))
}

/// The events in bytes that come in two pieces.
fn events(bytes: &[u8], cut: usize) -> Vec<(String, String)> {
    let mut decoder = SseDecoder::new(1 << 20);
    let mut events = Vec::new();
    for piece in [&bytes[..cut], &bytes[cut..]] {
        decoder.push(piece);
        while let Some(event) = decoder.next_event().unwrap() {
            events.push((event.event.to_owned(), event.data.to_owned()));
        }
    }
    while let Some(event) = decoder.finish().unwrap() {
        events.push((event.event.to_owned(), event.data.to_owned()));
    }
    events
}

#[test]
fn the_answer_is_the_same_wherever_it_is_cut() {
    for (name, stream) in streams() {
        let bytes = stream.as_bytes();
        let (text, whole) = decode(&[bytes]);
        let (whole, expected) = (whole.unwrap(), events(bytes, 0));
        for cut in 0..bytes.len() {
            // The answer follows from the events alone, so for long streams these are what is compared mostly.
            assert!(events(bytes, cut) == expected, "{name} cut at {cut}");
            if bytes.len() < 4_000 || cut % 31 == 0 {
                let (cut_text, cut_whole) = decode(&[&bytes[..cut], &bytes[cut..]]);
                assert_eq!(
                    (&cut_text, &cut_whole.unwrap()),
                    (&text, &whole),
                    "{name} cut at {cut}"
                );
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single).1.unwrap(), whole, "{name} byte by byte");
    }
}

#[test]
fn an_answer_that_ends_too_soon_is_never_whole() {
    for (name, stream) in streams() {
        let stop = stream.find("event: message_stop").unwrap();
        let step = if stop < 4_000 { 1 } else { 31 };
        for cut in (0..stop)
            .step_by(step)
            .chain([stop])
            .filter(|cut| stream.is_char_boundary(*cut))
        {
            let ended = decode(&[&stream.as_bytes()[..cut]]).1;
            assert!(ended.is_err(), "{name} cut off at {cut}");
        }
    }
}

/// Decodes events that are separated by line ends, after a beginning and up to an end that are always the same.
fn parts(events: &str) -> Vec<Part> {
    let mut decoder = MessageDecoder::new("m");
    decoder
        .event(
            "message_start",
            r#"{"type":"message_start","message":{"usage":{"input_tokens":1}}}"#,
        )
        .unwrap();
    for event in events
        .lines()
        .map(str::trim)
        .filter(|event| !event.is_empty())
    {
        decoder.event("", event).unwrap();
    }
    match decoder
        .event("message_stop", r#"{"type":"message_stop"}"#)
        .unwrap()
    {
        CompletionEvent::Finished(completion) => completion.parts,
        other => panic!("{other:?}"),
    }
}

fn calls(parts: &[Part]) -> Vec<(&str, &str)> {
    let calls = parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.id.as_str(), call.arguments.as_str())),
        _ => None,
    });
    calls.collect()
}

#[test]
fn calls_with_one_index_or_none_do_not_merge() {
    let repeated = parts(
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"n","input":{}}}
           {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}
           {"type":"content_block_stop","index":0}
           {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"b","name":"n","input":{}}}
           {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x\":2}"}}
           {"type":"content_block_stop","index":0}"#,
    );
    assert_eq!(calls(&repeated), [("a", r#"{"x":1}"#), ("b", r#"{"x":2}"#)]);
    let missing = parts(
        r#"{"type":"content_block_start","content_block":{"type":"tool_use","id":"a","name":"n","input":{}}}
           {"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}
           {"type":"content_block_stop"}
           {"type":"content_block_start","content_block":{"type":"tool_use","id":"b","name":"n","input":{}}}
           {"type":"content_block_stop"}"#,
    );
    assert_eq!(calls(&missing), [("a", r#"{"x":1}"#), ("b", "{}")]);
    let interleaved = parts(
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"n","input":{}}}
           {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"b","name":"n","input":{}}}
           {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":2}"}}
           {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}
           {"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"lost"}}
           {"type":"content_block_stop","index":1}
           {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"late"}}
           {"type":"content_block_stop","index":0}"#,
    );
    assert_eq!(
        calls(&interleaved),
        [("a", r#"{"x":1}"#), ("b", r#"{"x":2}"#)]
    );
}

#[test]
fn what_is_not_known_is_skipped_or_kept() {
    let found = parts(
        r#"{"type":"brand_new","index":"none","delta":7}
           {"type":"ping"}
           {"type":"content_block_start","index":0,"content_block":{"type":"brand_new","x":1}}
           {"type":"content_block_stop","index":0}
           {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"a"}}
           {"type":"content_block_delta","index":1,"delta":{"type":"brand_new_delta","text":7}}"#,
    );
    let [Part::Opaque(opaque), Part::Text(text)] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (opaque.data.as_str(), text.text.as_str()),
        (r#"{"type":"brand_new","x":1}"#, "a")
    );
    let mut decoder = MessageDecoder::new("m");
    assert_eq!(
        decoder.event("brand_new", "no json").unwrap(),
        CompletionEvent::Working
    );
}

#[test]
fn what_breaks_the_rules_is_an_error_with_what_was_used() {
    let mut decoder = MessageDecoder::new("m");
    decoder
        .event(
            "",
            r#"{"type":"message_start","message":{"usage":{"input_tokens":7}}}"#,
        )
        .unwrap();
    for (name, data, kind) in [
        ("", "no json", "malformed"),
        ("message_stop", "[]", "malformed"),
        (
            "",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":7}}"#,
            "malformed",
        ),
        (
            "",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "overloaded",
        ),
        (
            "error",
            r#"{"error":{"type":"rate_limit_error","message":"m"}}"#,
            "rate_limit",
        ),
        (
            "error",
            r#"{"type":"error","error":{"message":"m"}}"#,
            "server",
        ),
    ] {
        let error = decoder.event(name, data).unwrap_err();
        assert_eq!(
            (error.kind.as_str(), error.usage.input),
            (kind, 7),
            "{data}: {error}"
        );
    }
    assert_eq!(
        (
            decoder.truncated().kind.as_str(),
            decoder.truncated().usage.input
        ),
        ("truncated", 7)
    );
}
