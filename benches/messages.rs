//! What it costs to append to a conversation and to take a snapshot of it, by its length.
//!
//! Run with `cargo bench -p benches --bench messages`. Both should cost the same at every length.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use victor_core::{Message, Messages};

const LENGTHS: [usize; 4] = [10, 100, 1_000, 10_000];

fn conversation(length: usize) -> Messages {
    (0..length).map(|n| Message::user(n.to_string())).collect()
}

fn append_under_a_snapshot(c: &mut Criterion) {
    let mut group = c.benchmark_group("append_under_a_snapshot");
    let message = Arc::new(Message::user("one more"));
    for length in LENGTHS {
        let messages = conversation(length);
        group.bench_function(BenchmarkId::from_parameter(length), |b| {
            b.iter(|| {
                let mut snapshot = black_box(&messages).clone();
                snapshot.push(message.clone());
                snapshot
            });
        });
    }
    group.finish();
}

fn walk(c: &mut Criterion) {
    let mut group = c.benchmark_group("walk");
    for length in LENGTHS {
        let messages = conversation(length);
        group.bench_function(BenchmarkId::from_parameter(length), |b| {
            b.iter(|| {
                black_box(&messages)
                    .iter()
                    .filter(|message| message.is_pinned())
                    .count()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, append_under_a_snapshot, walk);
criterion_main!(benches);
