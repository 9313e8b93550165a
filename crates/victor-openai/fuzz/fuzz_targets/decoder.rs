//! Whatever a server sends, in either dialect, the decoder does not panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use victor_openai::{Dialect, StreamDecoder};

fuzz_target!(|input: (bool, &str)| {
    let (responses, stream) = input;
    let dialect = if responses { Dialect::Responses } else { Dialect::ChatCompletions };
    let mut decoder = StreamDecoder::new(dialect, "fuzz", "model");
    let mut shown = Vec::new();
    for line in stream.lines() {
        if decoder.event(line, &mut shown).is_err() {
            return;
        }
    }
    let _ = decoder.finish();
});
