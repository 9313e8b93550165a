//! What it costs to compact a conversation to half, by strategy and length.
//!
//! Run with `cargo bench -p benches --bench compaction`. The cost should grow with the length and no faster.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::runtime::Builder;
use victor_context::protocol::{CompactionBudget, CompactionStrategy, TokenCounterExt};
use victor_context::{EstimateCounter, Hybrid, Semantic, TaskAware, ToolResults, Truncation};
use victor_core::{Context, Message, Part, Role, ToolCall, ToolOutcome, ToolResult};

const LENGTHS: [usize; 2] = [1_000, 10_000];

/// Turns of four messages: a request, a call, its result and an answer, of about forty words each.
fn conversation(length: usize) -> Context {
    // Three thousand words of six to nine letters.
    let word = |n: usize| {
        let syllables = [
            "ra", "to", "lin", "mes", "ka", "vo", "ni", "ter", "su", "pel", "do", "gan", "fi",
            "cro", "be",
        ];
        [n, n / 15, n / 225].map(|n| syllables[n % 15]).concat()
    };
    let text = |seed: usize| {
        let words = (0..40).map(|n| word((seed * 31 + n * n * 7) % 3000));
        words.collect::<Vec<_>>().join(" ")
    };
    let turn = |n: usize| {
        let call = ToolCall::new("1", "read_file", format!(r#"{{"path":"file{n}.txt"}}"#));
        let result = ToolResult::new(&call, ToolOutcome::Success, text(n + 1));
        [
            Message::user(text(n)),
            Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
            Message::tool_results_of([result]),
            Message::assistant(text(n + 2)),
        ]
    };
    (0..length / 4).flat_map(turn).collect()
}

fn compact(c: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let strategies: [Box<dyn CompactionStrategy>; 5] = [
        Box::new(Truncation),
        Box::new(ToolResults::default()),
        Box::new(TaskAware),
        Box::new(Semantic::default()),
        Box::new(Hybrid::default()),
    ];
    let mut group = c.benchmark_group("compact");
    group.sample_size(10);
    for length in LENGTHS {
        let context = conversation(length);
        let tokens = EstimateCounter.tokens_of(context.messages());
        let budget = CompactionBudget::new(tokens / 2, Arc::new(EstimateCounter));
        for strategy in &strategies {
            let id = BenchmarkId::new(strategy.name(), length);
            group.bench_function(id, |b| {
                b.iter(|| runtime.block_on(strategy.compact(black_box(&context), &budget)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, compact);
criterion_main!(benches);
