//! What Victor adds to a model call: a turn beside the bare provider, by the length of the conversation.
//!
//! Run with `cargo bench -p benches --bench turn`. The provider answers at once, so all that is measured beside it is
//! Victor's own work.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use victor_core::{Context, Message, ModelId, Part, Usage};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::protocols::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};

/// Answers at once.
#[derive(Debug)]
struct Instant;

#[async_trait]
impl ChatProvider for Instant {
    fn name(&self) -> &str {
        "instant"
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let completion = Completion::new(
            request.model.clone(),
            vec![Part::text("Four.")],
            Usage::new(10, 2),
        );
        let events = [
            CompletionEvent::TextDelta("Four.".into()),
            CompletionEvent::Finished(completion),
        ];
        Ok(CompletionStream::from_events(events.map(Ok)))
    }

    fn capabilities(&self, _model: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.context_window = Some(100_000_000); // nothing is compacted here
        capabilities
    }
}

fn history(length: usize) -> Context {
    let message = |n: usize| {
        if n.is_multiple_of(2) {
            Message::user("two and two?")
        } else {
            Message::assistant("Four.")
        }
    };
    Context::from_iter((0..length).map(message))
}

fn turn(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let mut group = c.benchmark_group("turn");
    for length in [0, 10, 100, 1_000, 10_000] {
        let context = history(length);
        group.bench_function(BenchmarkId::new("bare_provider", length), |b| {
            b.to_async(&runtime).iter(|| {
                let request = ChatRequest::new("m", black_box(&context).clone());
                async move { Instant.chat(&request).await }
            });
        });
        let orchestrator = AgentOrchestrator::builder()
            .provider(Arc::new(Instant))
            .model("m")
            .build();
        let orchestrator = orchestrator.expect("an orchestrator");
        group.bench_function(BenchmarkId::new("victor", length), |b| {
            b.to_async(&runtime).iter_batched(
                || {
                    let session = orchestrator.session("bench");
                    orchestrator
                        .context_coordinator()
                        .set_context(session.id(), context.clone());
                    session
                },
                async |session| session.chat("two and two?").await,
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, turn);
criterion_main!(benches);
