//! Random garbage: nothing panics.

use victor_anthropic::MessageDecoder;
use victor_core::{Context, Message, Role};
use victor_provider_protocol::{ChatRequest, CompletionEvent};

const EVENTS: [&str; 14] = [
    r#"{"type":"message_start","message":{"id":"m","model":"c","content":[],"usage":{"input_tokens":1,"iterations":[{"type":"compaction","input_tokens":1}]}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":[]}}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}"#,
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"s","input":{}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é日本\ud83d\ude00"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"a":[1]}}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s=="}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"new_delta","id":"x","input":null,"z":[{}]}}"#,
    r#"{"type":"content_block_stop","index":2}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":18446744073709551615}}"#,
    r#"{"type":"message_stop"}"#,
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

#[test]
fn no_stream_makes_the_decoder_panic() {
    let mut random = Random(7);
    let (mut finished, mut failed) = (0, 0);
    for _ in 0..4_000 {
        let mut decoder = MessageDecoder::new("m");
        for _ in 0..1 + random.below(24) {
            let mut event = EVENTS[random.below(EVENTS.len())].as_bytes().to_vec();
            for _ in 0..random.below(6).saturating_sub(3) {
                let at = random.below(event.len());
                match random.below(4) {
                    0 => event[at] = b" \"{}[]:,01eu\\\x00\xFF"[random.below(15)],
                    1 => drop(event.remove(at)),
                    2 => event.insert(at, b"\"{}[]\\"[random.below(6)]),
                    _ => event.truncate(at.max(1)),
                }
            }
            let event = String::from_utf8_lossy(&event);
            match decoder.event(
                ["", "ping", "new", "content_block_stop"][random.below(4)],
                &event,
            ) {
                // What was understood can be sent back.
                Ok(CompletionEvent::Finished(completion)) => {
                    finished += 1;
                    let message = Message::new(Role::Assistant, completion.parts);
                    let request =
                        ChatRequest::new("m", Context::from_iter([Message::user("u"), message]));
                    let json =
                        serde_json::to_string(&*request.context.messages().last().unwrap().clone())
                            .unwrap();
                    assert!(serde_json::from_str::<Message>(&json).is_ok());
                }
                Ok(_) => {}
                Err(_) => failed += 1,
            }
        }
        assert_eq!(decoder.truncated().kind.as_str(), "truncated");
    }
    assert!(finished > 500 && failed > 500, "{finished} {failed}");
}
