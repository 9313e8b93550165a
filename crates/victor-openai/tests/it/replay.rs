//! Every recorded answer, read from a server on this machine and cut everywhere, against what the recording itself says.

use victor_core::{Context, Message, StopReason, Usage};
use victor_http::SseDecoder;
use victor_openai::StreamDecoder;
use victor_provider_protocol::{
    ChatProvider, ChatRequest, Completion, CompletionEvent, ProviderError, ProviderErrorKind,
};

use crate::cassettes::{self, Exchange};
use crate::expected::{expected, found, text};
use crate::fake::Fake;

/// The exchanges that end in an answer, and those that end in an error, with its class.
fn exchanges() -> (Vec<Exchange>, Vec<(Exchange, ProviderErrorKind)>) {
    let class = |name: &str| match name {
        "openai_chat_06_error_400_unsupported_value 1" => Some(ProviderErrorKind::InvalidRequest),
        "openai_compat_07_groq_stream_error_mid_stream 1" => Some(ProviderErrorKind::Server),
        name if name.starts_with("openai_compat_08_openrouter_429") => {
            Some(ProviderErrorKind::RateLimit)
        }
        "openai_compat_09_openrouter_stream_comments_length_error 1" => {
            Some(ProviderErrorKind::InvalidRequest)
        }
        "openai_responses_04_error_400_reasoning_history 2" => {
            Some(ProviderErrorKind::InvalidHistory)
        }
        "openai_responses_05_error_400_orphan_tool_call 1" => {
            Some(ProviderErrorKind::InvalidHistory)
        }
        _ => None,
    };
    let (mut good, mut bad) = (cassettes::raw_streams(), Vec::new());
    if cassettes::folder().is_none() {
        return (good, bad);
    }
    for exchange in cassettes::all("openai_") {
        match class(&exchange.name) {
            Some(class) => bad.push((exchange, class)),
            None => good.push(exchange),
        }
    }
    (good, bad)
}

fn request(exchange: &Exchange) -> ChatRequest {
    let context = Context::from_iter([Message::user("hello")]);
    ChatRequest::new(text(&exchange.request["model"]), context)
}

async fn ask(fake: &Fake, exchange: &Exchange) -> Result<Completion, ProviderError> {
    let provider = fake.provider(exchange.server, exchange.dialect);
    if exchange.request["stream"] != true {
        return provider.chat(&request(exchange)).await;
    }
    let mut stream = provider.stream_chat(&request(exchange)).await?;
    let (mut said, mut thought) = (String::new(), String::new());
    loop {
        match stream.next().await.unwrap()? {
            CompletionEvent::TextDelta(delta) => said += &delta,
            CompletionEvent::ThinkingDelta(delta) => thought += &delta,
            CompletionEvent::Finished(completion) => {
                let whole = found(&completion);
                assert_eq!(
                    (said, thought),
                    (whole.text, whole.thoughts),
                    "{}",
                    exchange.name
                );
                return Ok(*completion);
            }
            event => assert_eq!(event, CompletionEvent::Working),
        }
    }
}

#[tokio::test]
async fn recorded_answers_are_read_as_they_were_meant() {
    for exchange in exchanges().0 {
        let fake = Fake::saying(exchange.reply()).await;
        let completion = ask(&fake, &exchange).await.unwrap();
        assert_eq!(found(&completion), expected(&exchange), "{}", exchange.name);
    }
}

#[tokio::test]
async fn recorded_errors_have_their_class() {
    for (exchange, class) in exchanges().1 {
        let fake = Fake::saying(exchange.reply()).await;
        let error = ask(&fake, &exchange).await.unwrap_err();
        assert_eq!(error.kind, class, "{}: {error}", exchange.name);
        let status = (exchange.status != 200).then_some(exchange.status);
        assert_eq!(error.status, status, "{}", exchange.name);
        if exchange.name.contains("openrouter_stream") {
            assert_eq!(*error.usage, {
                let mut u = Usage::new(43, 10);
                u.reasoning = 10;
                u
            });
        }
    }
}

#[tokio::test]
async fn it_does_not_matter_where_the_network_cuts() {
    for exchange in exchanges().0.into_iter().filter(Exchange::is_stream) {
        let expected = expected(&exchange);
        for part in 1..8 {
            let fake =
                Fake::saying(exchange.reply().cut_at(&[exchange.body.len() * part / 8])).await;
            let completion = ask(&fake, &exchange).await.unwrap();
            assert_eq!(
                found(&completion),
                expected,
                "{} at {part}/8",
                exchange.name
            );
        }
    }
}

/// Decodes a stream from chunks, without I/O.
fn decode<'a>(
    exchange: &Exchange,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Completion, ProviderError> {
    let mut decoder = StreamDecoder::new(exchange.dialect, exchange.server.name, "asked");
    let mut events = SseDecoder::new(1 << 20);
    let mut shown = Vec::new();
    for chunk in chunks {
        events.push(chunk);
        while let Some(event) = events.next_event().unwrap() {
            decoder.event(event.data, &mut shown)?;
        }
    }
    decoder.finish()
}

#[test]
fn every_stream_may_be_cut_at_every_byte() {
    for exchange in exchanges().0.into_iter().filter(Exchange::is_stream) {
        let body = exchange.body.as_bytes();
        let whole = decode(&exchange, [body]).unwrap();
        assert_eq!(found(&whole), expected(&exchange), "{}", exchange.name);
        assert_eq!(
            decode(&exchange, body.chunks(1)).unwrap(),
            whole,
            "{}",
            exchange.name
        );
        // Every event in two pieces, at each of its bytes.
        let events: Vec<&[u8]> = exchange
            .body
            .split_inclusive("\n\n")
            .map(str::as_bytes)
            .collect();
        let longest = events.iter().map(|event| event.len()).max().unwrap();
        for offset in 1..longest {
            let pieces = events.iter().flat_map(|event| {
                let (one, other) = event.split_at(offset.min(event.len()));
                [one, other]
            });
            assert_eq!(
                decode(&exchange, pieces).unwrap(),
                whole,
                "{} at {offset}",
                exchange.name
            );
        }
    }
}

/// A stream that ends anywhere before its end is truncated, and never a shorter answer.
#[test]
fn a_stream_that_ends_early_is_truncated_or_whole() {
    for exchange in exchanges().0.into_iter().filter(Exchange::is_stream) {
        let whole = decode(&exchange, [exchange.body.as_bytes()]).unwrap();
        let ends = exchange.body.match_indices("\n\n").map(|(at, _)| at + 2);
        for end in ends {
            match decode(&exchange, [&exchange.body.as_bytes()[..end]]) {
                // After the last word only the usage can be missing.
                Ok(short) => assert_eq!(
                    (short.parts, short.stop_reason),
                    (whole.parts.clone(), whole.stop_reason.clone()),
                    "{} at {end}",
                    exchange.name
                ),
                Err(error) => assert_eq!(error.kind, ProviderErrorKind::Truncated),
            }
        }
    }
}

#[test]
fn what_was_recorded_is_what_this_is_about() {
    if cassettes::folder().is_none() {
        return;
    }
    let (good, bad) = exchanges();
    assert!(
        good.len() >= 17 && bad.len() == 8,
        "{} and {}",
        good.len(),
        bad.len()
    );
    let stops: Vec<_> = good
        .iter()
        .map(|exchange| expected(exchange).stop)
        .collect();
    for stop in [
        StopReason::EndTurn,
        StopReason::ToolUse,
        StopReason::MaxTokens,
        StopReason::Refusal,
    ] {
        assert!(stops.iter().any(|found| found == stop.as_str()), "{stop}");
    }
}
