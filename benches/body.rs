//! What it costs to write the body of a request, by the length of the conversation.
//!
//! Run with `cargo bench -p benches --bench body`. `grown` is the body of the next request of a conversation that has
//! been sent before, in which one message is new; `whole` is that of a conversation that has not. Messages have 200
//! characters.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use victor_orchestrator::provider::ChatRequest;

use benches::{history, openai, request};

fn body(c: &mut Criterion) {
    let mut group = c.benchmark_group("body");
    for length in [10, 100, 1_000, 10_000] {
        group.bench_function(BenchmarkId::new("grown", length), |b| {
            // A conversation of its own for every batch, since it grows.
            b.iter_batched_ref(
                || request(openai(), length),
                |growing| black_box(growing.next_body()),
                BatchSize::PerIteration,
            );
        });
        let provider = openai();
        let whole = ChatRequest::new("m", history(length));
        group.bench_function(BenchmarkId::new("whole", length), |b| {
            b.iter(|| provider.request_body(black_box(&whole), true));
        });
    }
    group.finish();
}

criterion_group!(benches, body);
criterion_main!(benches);
