//! The decoder of events: what it reads, however the stream is cut, and how much memory that takes.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use victor_http::{SseDecoder, SseError, SseEvent};

/// The name and the data of an event, and whether it was complete.
pub(crate) type Event = (String, String, bool);

/// What came out of a stream: its events, and the error at which it ended.
pub(crate) type Decoded = (Vec<Event>, Option<SseError>);

pub(crate) const LIMIT: usize = 1 << 20;

/// Decodes these chunks, up to the first error.
pub(crate) fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Decoded {
    let mut decoder = SseDecoder::new(limit);
    let mut events = Vec::new();
    // A stream is over with its first error.
    let read = || {
        let mut take = |event: SseEvent<'_>| {
            let (name, data) = (event.event.to_owned(), event.data.to_owned());
            events.push((name, data, event.complete));
        };
        for chunk in chunks {
            decoder.push(chunk);
            while let Some(event) = decoder.next_event()? {
                take(event);
            }
        }
        while let Some(event) = decoder.finish()? {
            take(event);
        }
        Ok(())
    };
    let error = read().err();
    (events, error)
}

/// The same result whole, cut in two anywhere, and byte by byte.
#[track_caller]
pub(crate) fn decode_however_cut(stream: &[u8], limit: usize) -> Decoded {
    let whole = decode([stream], limit);
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(decode([head, tail], limit), whole, "cut at {at}");
    }
    assert_eq!(decode(stream.chunks(1), limit), whole, "byte by byte");
    whole
}

/// What somebody else's decoder reads. It drops the last event without its blank line, repairs what is not UTF-8, and
/// gives an event without a name that of the standard.
pub(crate) fn decode_by_oracle(mut stream: &[u8]) -> Vec<(String, String)> {
    let mut decoder = sse_core::SseDecoder::with_limit(NonZeroUsize::MAX);
    let mut events = Vec::new();
    while let Some(event) = decoder.next(&mut stream) {
        if let sse_core::SseEvent::Message(message) = event.unwrap() {
            events.push((message.event.into_owned(), message.data));
        }
    }
    events
}

/// The events that are complete, as the oracle has them.
pub(crate) fn complete(events: &[Event]) -> Vec<(String, String)> {
    let complete = events.iter().filter(|(.., complete)| *complete);
    complete
        .map(|(event, data, _)| match &**event {
            "" => ("message".to_owned(), data.clone()),
            _ => (event.clone(), data.clone()),
        })
        .collect()
}

#[track_caller]
fn check(stream: &str, expected: &[(&str, &str)]) {
    let (events, error) = decode_however_cut(stream.as_bytes(), LIMIT);
    assert_eq!(error, None);
    assert_eq!(
        complete(&events),
        decode_by_oracle(stream.as_bytes()),
        "the oracle"
    );
    let events: Vec<_> = events
        .iter()
        .map(|(event, data, _)| (&**event, &**data))
        .collect();
    assert_eq!(events, expected);
}

#[test]
fn line_ends() {
    check("data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]);
    check("data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]);
    check("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]);
    check(
        "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n",
        &[("", "a"), ("", "b"), ("", "c")],
    );
    check(
        "data: a\n\r\n\r\n\rdata: b\n\n\n\n",
        &[("", "a"), ("", "b")],
    );
}

#[test]
fn a_byte_order_mark_counts_only_at_the_beginning() {
    check("\u{feff}data: a\n\n", &[("", "a")]);
    check("\u{feff}\u{feff}data: a\n\n", &[]);
    check("data: a\n\n\u{feff}data: b\n\n", &[("", "a")]);
    check("\u{feff}", &[]);
    check("\u{fefe}data: a\n\ndata: b\n\n", &[("", "b")]);
}

#[test]
fn fields() {
    check(
        "event: ping\ndata: {}\n\ndata: b\n\n",
        &[("ping", "{}"), ("", "b")],
    );
    check("data: {}\nevent: ping\n\n", &[("ping", "{}")]);
    check("event: a\nevent: b\ndata: x\n\n", &[("b", "x")]);
    check("event: a\nevent\ndata: x\n\n", &[("", "x")]);
    check("event: lost\n\ndata: x\n\n", &[("", "x")]);
    check("id: 7\nretry: 100\nunknown: y\ndata: x\n\n", &[("", "x")]);
    check("Data: x\n data: y\ndata : z\n\n", &[]);
}

#[test]
fn one_space_after_the_colon_is_not_data() {
    check(
        "data:a\n\ndata: a\n\ndata:  a \n\n",
        &[("", "a"), ("", "a"), ("", " a ")],
    );
    check(
        "data\n\ndata:\n\ndata: \n\n",
        &[("", ""), ("", ""), ("", "")],
    );
    check("data: a: b:c\n\n", &[("", "a: b:c")]);
}

#[test]
fn lines_of_data_are_joined() {
    check("data: a\ndata: b\ndata: c\n\n", &[("", "a\nb\nc")]);
    check(
        "data\ndata\n\ndata: a\ndata\n\n",
        &[("", "\n"), ("", "a\n")],
    );
    check(
        "data: a\n: no\nevent: long name\ndata: longer\n\n",
        &[("long name", "a\nlonger")],
    );
    check(
        "data:a\r\ndata:b\r\n\r\ndata:c\r\n\r\n",
        &[("", "a\nb"), ("", "c")],
    );
}

#[test]
fn comments() {
    check(
        ": OPENROUTER PROCESSING\n\n: again\n\ndata: a\n\n",
        &[("", "a")],
    );
    check(":\n:\r\n:\rdata: a\n:data: b\n\n", &[("", "a")]);
}

#[test]
fn text_of_many_bytes() {
    check(
        "event: é\ndata: 漢字 🦀\ndata: ñ\n\ndata: 🦀\n\n",
        &[("é", "漢字 🦀\nñ"), ("", "🦀")],
    );
    check(
        "data: \u{0}\u{2028}\u{85}\n\n",
        &[("", "\u{0}\u{2028}\u{85}")],
    );
}

#[test]
fn the_last_event_counts_without_its_blank_line() {
    for (stream, data) in [
        ("data: a", "a"),
        ("data: a\n", "a"),
        ("data: a\r\ndata: b", "a\nb"),
    ] {
        let (events, error) = decode_however_cut(stream.as_bytes(), LIMIT);
        assert_eq!(
            (events, error),
            (vec![(String::new(), data.to_owned(), false)], None)
        );
    }
    for nothing in ["", "\n", ": comment", "event: a", "event: a\n", "dat"] {
        assert_eq!(
            decode_however_cut(nothing.as_bytes(), LIMIT),
            (vec![], None)
        );
    }
}

#[test]
fn what_is_not_utf_8_is_an_error() {
    let streams: [&[u8]; 4] = [
        b"data: a\n\ndata: \xF0\x9F\xA6\n\n",
        b"data: a\n\nevent: \xFF\ndata: b\n\n",
        b"data: a\n\ndata: \xC3\ndata: \xA9\n\n",
        b"data: a\n\ndata: \xC3",
    ];
    for stream in streams {
        let (events, error) = decode(stream.chunks(1), LIMIT);
        assert_eq!((events.len(), error), (1, Some(SseError::InvalidUtf8)));
    }
    let mut decoder = SseDecoder::new(LIMIT);
    decoder.push(b"data: \xFF\n\n: \xFF\n\xFF: \xFF\ndata: b\n\n");
    assert_eq!(decoder.next_event(), Err(SseError::InvalidUtf8));
    assert_eq!(
        decoder.next_event().unwrap().unwrap().data,
        "b",
        "it goes on after it"
    );
}

#[test]
fn an_event_may_be_as_large_as_the_limit() {
    let error = Some(SseError::TooLarge { limit: 10 });
    for (stream, fits) in [
        ("data: 123\n\n", true),
        ("data: 1234\n\n", false),
        ("data: 1234", true),
        ("data: 12345", false),
        ("data:1\ndata:2", false),
        (":123456789", true),
        (":1234567890", false),
        ("event: 12\n\n", true),
        ("event:1\n:\n:\n:", false),
        (
            ":12345678\n:12345678\n\n\n\r\n:12345678\ndata: 123\n\ndata: 123\r\n\r\n",
            false,
        ),
        (
            ":12345678\n:12345678\n\n\n\r\n:12345678\ndata: 123\n\ndata: 12\r\n\r\n",
            true,
        ),
    ] {
        let (_, found) = decode_however_cut(stream.as_bytes(), 10);
        assert_eq!(found, error.clone().filter(|_| !fits), "{stream:?}");
    }
}

#[test]
fn nothing_is_decoded_after_an_event_that_is_too_large() {
    let mut decoder = SseDecoder::new(4);
    for _ in 0..3 {
        decoder.push(b"data: 1\n\n");
        assert_eq!(decoder.next_event(), Err(SseError::TooLarge { limit: 4 }));
        assert_eq!(decoder.finish(), Err(SseError::TooLarge { limit: 4 }));
    }
}

#[test]
fn a_stream_is_over_with_what_is_not_utf_8() {
    let found = decode_however_cut(b"data: \x80\n\ndata: \x80\n\ndata:", LIMIT);
    assert_eq!(found, (Vec::new(), Some(SseError::InvalidUtf8)));
}

/// The bytes of a stream as they may come: much that means something, little that does not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        8 => prop::sample::select(vec![
            "data", "event", "id", "data: ", "event:", ":", " ", "\n", "\n\n", "\r", "\r\n", "a", "é", "🦀", "\u{feff}",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_the_same_events_however_cut(
        stream in stream(),
        sizes in prop::collection::vec(1..20_usize, 1..10),
        limit in 1..60_usize,
    ) {
        let mut rest = &stream[..];
        let chunks: Vec<&[u8]> = sizes.iter().cycle().map_while(|size| {
            let (chunk, tail) = rest.split_at_checked(*size).unwrap_or((rest, &[]));
            rest = tail;
            (!chunk.is_empty()).then_some(chunk)
        }).collect();
        prop_assert_eq!(chunks.concat().len(), stream.len());
        for limit in [limit, LIMIT] {
            prop_assert_eq!(decode(chunks.iter().copied(), limit), decode([&stream[..]], limit));
        }
        if let (events, None) = decode([&stream[..]], LIMIT) {
            let is_text = std::str::from_utf8(&stream).is_ok();
            prop_assert!(!is_text || complete(&events) == decode_by_oracle(&stream));
        }
    }
}
