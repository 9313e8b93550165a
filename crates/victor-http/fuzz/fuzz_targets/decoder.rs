//! However a stream is cut, the decoder neither panics nor sees other events.

#![no_main]

use libfuzzer_sys::fuzz_target;
use victor_http::{SseDecoder, SseError};

const LIMIT: usize = 1 << 16;

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(String, String)>, Option<SseError>) {
    let mut decoder = SseDecoder::new(LIMIT);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => events.push((event.event.to_owned(), event.data.to_owned())),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    match decoder.finish() {
        Ok(Some(event)) => events.push((event.event.to_owned(), event.data.to_owned())),
        Ok(None) => {}
        Err(error) => return (events, Some(error)),
    }
    (events, None)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, stream) = input;
    let whole = decode([stream]);
    assert_eq!(decode(stream.chunks(usize::from(size) + 1)), whole);
});
