//! Whatever a server sends, the decoder does not panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use victor_anthropic::MessageDecoder;

fuzz_target!(|stream: &str| {
    let mut decoder = MessageDecoder::new("claude");
    for line in stream.lines() {
        if decoder.event("", line).is_err() {
            return;
        }
    }
});
