//! Streams that no server would send: nothing panics, and an error stays the last word.

use victor_http::SseDecoder;
use victor_openai::{Dialect, StreamDecoder};
use victor_provider_protocol::CompletionEvent;

use crate::cassettes;

/// A generator of numbers that look random and are always the same (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

/// Decodes bytes as far as they can be, and checks what holds for every stream.
fn decode(dialect: Dialect, bytes: &[u8]) {
    let mut decoder = StreamDecoder::new(dialect, "openai", "m");
    let mut events = SseDecoder::new(1 << 16);
    let mut shown: Vec<CompletionEvent> = Vec::new();
    events.push(bytes);
    loop {
        match events.next_event() {
            Ok(Some(event)) if decoder.event(event.data, &mut shown).is_ok() => {}
            _ => break,
        }
    }
    let only_deltas = shown.iter().all(|event| {
        matches!(event, CompletionEvent::TextDelta(text) | CompletionEvent::ThinkingDelta(text) if !text.is_empty())
    });
    assert!(only_deltas);
    let _ = decoder.finish();
    assert!(decoder.finish().is_err(), "an answer is given once");
}

const DIALECTS: [Dialect; 2] = [Dialect::ChatCompletions, Dialect::Responses];

#[test]
fn recorded_streams_with_random_faults() {
    let mut numbers = Numbers(7);
    let recorded = cassettes::raw_streams().into_iter().chain(
        cassettes::folder()
            .map(|_| cassettes::all("openai_"))
            .into_iter()
            .flatten(),
    );
    for exchange in recorded.filter(cassettes::Exchange::is_stream) {
        for _ in 0..60 {
            let mut bytes = exchange.body.clone().into_bytes();
            for _ in 0..=numbers.below(8) {
                let at = numbers.below(bytes.len());
                let until = (at + numbers.below(40)).min(bytes.len());
                match numbers.below(4) {
                    0 => bytes[at] = numbers.below(256) as u8,
                    1 => drop(bytes.drain(at..until)),
                    2 => bytes
                        .splice(at..at, bytes[at..until].to_vec())
                        .for_each(drop),
                    _ => bytes[at] = b"0\"{}[]:,n"[numbers.below(9)],
                }
            }
            DIALECTS.iter().for_each(|dialect| decode(*dialect, &bytes));
        }
    }
}

#[test]
fn values_of_any_type_in_any_field() {
    const FIELDS: [&str; 22] = [
        "type",
        "choices",
        "delta",
        "message",
        "content",
        "tool_calls",
        "function",
        "arguments",
        "index",
        "id",
        "name",
        "finish_reason",
        "usage",
        "error",
        "item",
        "item_id",
        "output_index",
        "summary_index",
        "response",
        "output",
        "status",
        "summary",
    ];
    const VALUES: [&str; 18] = [
        "null",
        "0",
        "-1",
        "1e999",
        "true",
        "\"\"",
        "\"x\"",
        "\"stop\"",
        "\"message\"",
        "\"reasoning\"",
        "\"function_call\"",
        "\"response.output_item.done\"",
        "\"response.output_text.delta\"",
        "\"response.completed\"",
        "\"response.function_call_arguments.delta\"",
        "\"completed\"",
        "[]",
        "{}",
    ];
    fn value(numbers: &mut Numbers, depth: usize) -> String {
        match numbers.below(if depth == 0 { 1 } else { 3 }) {
            0 => VALUES[numbers.below(VALUES.len())].to_owned(),
            1 => format!(
                "[{},{}]",
                value(numbers, depth - 1),
                value(numbers, depth - 1)
            ),
            _ => {
                let fields: Vec<_> = (0..3)
                    .map(|_| {
                        format!(
                            "\"{}\":{}",
                            FIELDS[numbers.below(FIELDS.len())],
                            value(numbers, depth - 1)
                        )
                    })
                    .collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    }
    let mut numbers = Numbers(11);
    for _ in 0..4_000 {
        let stream: String = (0..4)
            .map(|_| format!("data: {}\n\n", value(&mut numbers, 5)))
            .collect();
        DIALECTS
            .iter()
            .for_each(|dialect| decode(*dialect, stream.as_bytes()));
    }
}
