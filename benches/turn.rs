//! What Victor adds to a model call: a turn beside the bare provider, by the length of the conversation.
//!
//! Run with `cargo bench -p benches --bench turn`. The model answers at once, so all that is measured beside it is
//! Victor's own work. `victor` is a turn, `tool_call` one in which a tool is called, which is two model calls.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use victor_core::Context;
use victor_orchestrator::Session;
use victor_orchestrator::context::WindowRequest;
use victor_orchestrator::provider::{ChatProvider, ChatRequest};

use benches::{InstantModel, QUESTION, history, orchestrator, runtime, warm_session};

fn turn(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("turn");
    for length in [0, 10, 100, 1_000, 10_000] {
        let context = history(length);
        group.bench_function(BenchmarkId::new("bare_provider", length), |b| {
            b.to_async(&runtime).iter(|| {
                let request = ChatRequest::new("m", black_box(&context).clone());
                async move { InstantModel::default().chat(&request).await }
            });
        });
        for (name, calls_tool) in [("victor", false), ("tool_call", true)] {
            let orchestrator = orchestrator(InstantModel {
                calls_tool,
                ..InstantModel::default()
            });
            let session = runtime.block_on(warm_session(&orchestrator, name, &context));
            group.bench_function(BenchmarkId::new(name, length), |b| {
                b.to_async(&runtime).iter_batched(
                    || go_back_to(&session, &context),
                    async |()| session.chat(QUESTION).await,
                    BatchSize::NumIterations(64),
                );
            });
        }
    }
    group.finish();
}

fn window() -> WindowRequest {
    let mut request = WindowRequest::default();
    request.window = Some(100_000_000); // nothing is compacted here
    request
}

/// Sets what the model sees of a conversation, and has it looked at: only what is new is looked at in a turn.
fn go_back_to(session: &Session, context: &Context) {
    let contexts = session.orchestrator().context_coordinator();
    contexts.set_context(session.id(), context.clone());
    let window = window();
    let prepared = contexts.prepare(session.id(), &window);
    prepared.now_or_never().expect("at once").expect("it fits");
}

criterion_group!(benches, turn);
criterion_main!(benches);
