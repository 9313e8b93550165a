//! What it costs to decode an event of a model's answer, by the size of the chunks that it comes in.
//!
//! Run with `cargo bench -p benches --bench sse`. It should cost nearly the same in chunks of every size; the inverse
//! of the throughput is the time per event.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use victor_http::SseDecoder;

const EVENTS: usize = 20_000;

const LIMIT: usize = 16 << 20;

/// As much as an answer in Chat Completions says about one token.
fn event(n: usize) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-BzUC1QGuvQxqP8cEy3SSMuzMiWrb\",\"object\":\"chat.completion.chunk\",\
         \"created\":1754073600,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{{\"index\":0,\
         \"delta\":{{\"content\":\" t{n:05}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut decoder = SseDecoder::new(LIMIT);
    let mut events = 0;
    for chunk in chunks {
        decoder.push(chunk);
        while let Ok(Some(event)) = decoder.next_event() {
            black_box(event);
            events += 1;
        }
    }
    events
}

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("sse_events");
    group.throughput(Throughput::Elements(EVENTS as u64));
    let stream: String = (0..EVENTS).map(event).collect();
    for size in [event(0).len(), 1_448, 16 << 10, 1 << 20] {
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| assert_eq!(decode(black_box(stream.as_bytes()).chunks(size)), EVENTS));
        });
    }
    group.finish();
}

fn one_large_event(c: &mut Criterion) {
    let mut group = c.benchmark_group("sse_one_large_event");
    for megabytes in [1, 4] {
        let stream = format!("data: {}\n\n", "a".repeat(megabytes << 20));
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(megabytes), |b| {
            b.iter(|| assert_eq!(decode(black_box(stream.as_bytes()).chunks(1_448)), 1));
        });
    }
    group.finish();
}

criterion_group!(benches, events, one_large_event);
criterion_main!(benches);
